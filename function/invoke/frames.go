package invoke

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
)

// This file unpacks application/vnd.amazon.eventstream: messages of a prelude, header fields, a payload, and checksums over the prelude and
// over all of it.

// Bounds of one message, which are those that Amazon's own clients have.
const (
	maxMessage = 16 << 20
	maxFields  = 128 << 10
	preludeLen = 12 // both lengths and their checksum
	frameLen   = preludeLen + 4
)

// roomAhead is how much room a length earns ahead of its bytes, and how much is kept from one message to the next.
const roomAhead = 64 << 10

var (
	errPrelude  = errors.New("the stream from AWS is broken: the checksum of a message's lengths is wrong")
	errLengths  = errors.New("the stream from AWS is broken: a message has lengths that cannot be")
	errChecksum = errors.New("the stream from AWS is broken: the checksum of a message is wrong")
	errFields   = errors.New("the stream from AWS is broken: the header of a message cannot be read")
)

// A message is one of a stream.
type message struct {
	kind    string // :message-type, such as "event"
	event   string // :event-type, or what names an exception or error
	said    string // :error-message
	payload []byte // good until the next message
}

// A reader reads messages.
type reader struct {
	from io.Reader
	buf  []byte
}

// next reads a message. At the end of the stream it returns io.EOF, within a message io.ErrUnexpectedEOF.
func (r *reader) next() (m message, err error) {
	if cap(r.buf) > roomAhead {
		r.buf = nil
	}
	r.buf = slices.Grow(r.buf[:0], roomAhead)
	if err := r.fill(preludeLen); err != nil {
		if err == io.ErrUnexpectedEOF && len(r.buf) == 0 {
			err = io.EOF
		}
		return m, err
	}
	if crc32.ChecksumIEEE(r.buf[:8]) != binary.BigEndian.Uint32(r.buf[8:]) {
		return m, errPrelude
	}
	total, fields := int64(binary.BigEndian.Uint32(r.buf)), int64(binary.BigEndian.Uint32(r.buf[4:]))
	if total > maxMessage || fields > maxFields || total < frameLen+fields {
		return m, errLengths
	}
	if err := r.fill(int(total)); err != nil {
		return m, err
	}
	end := len(r.buf) - 4
	if crc32.ChecksumIEEE(r.buf[:end]) != binary.BigEndian.Uint32(r.buf[end:]) {
		return m, errChecksum
	}
	m.payload = r.buf[preludeLen+fields : end]
	return m, m.read(r.buf[preludeLen : preludeLen+fields])
}

// fill reads until there are n bytes. Room for them is made as they come.
func (r *reader) fill(n int) error {
	for len(r.buf) < n {
		if len(r.buf) == cap(r.buf) {
			r.buf = slices.Grow(r.buf, min(n-len(r.buf), len(r.buf)))
		}
		got, err := r.from.Read(r.buf[len(r.buf):min(n, cap(r.buf))])
		r.buf = r.buf[:len(r.buf)+got]
		if err != nil && len(r.buf) < n {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Types of values, by number, and how long those are that have a length of their own.
const (
	typeBytes = 6
	typeText  = 7
)

var valueLen = [...]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}

// read reads the header.
func (m *message) read(b []byte) error {
	for len(b) > 0 {
		n := int(b[0]) + 1
		if len(b) <= n {
			return errFields
		}
		name, kind := string(b[1:n]), int(b[n])
		b = b[n+1:]
		if kind >= len(valueLen) {
			return errFields
		}
		size := valueLen[kind]
		if kind == typeBytes || kind == typeText {
			if len(b) < 2 {
				return errFields
			}
			size, b = int(binary.BigEndian.Uint16(b)), b[2:]
		}
		if len(b) < size {
			return errFields
		}
		if kind == typeText {
			m.set(name, string(b[:size]))
		}
		b = b[size:]
	}
	return nil
}

func (m *message) set(name, value string) {
	switch name {
	case ":message-type":
		m.kind = value
	case ":event-type", ":exception-type", ":error-code":
		m.event = value
	case ":error-message":
		m.said = value
	}
}

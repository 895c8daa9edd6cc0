package h2

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A raw is a client that may break every rule.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &raw{t, c}
}

// greet says what a client has to say first.
func (r *raw) greet(settings ...uint32) *raw {
	b := []byte(preface)
	var s []byte
	for i := 0; i+1 < len(settings); i += 2 {
		s = binary.BigEndian.AppendUint16(s, uint16(settings[i]))
		s = binary.BigEndian.AppendUint32(s, settings[i+1])
	}
	r.send(append(append(b, rawFrame(frameSettings, 0, 0, s)...), rawFrame(frameSettings, 1, 0, nil)...))
	return r
}

func (r *raw) send(b []byte) bool {
	_ = r.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := r.Write(b)
	return err == nil
}

func rawFrame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[5:], stream)
	return append(b, payload...)
}

// literal is a field as HPACK has it without Huffman, indexed or not (RFC 7541 §6.2).
func literal(index bool, name, value string) []byte {
	b := []byte{0}
	if index {
		b[0] = 0x40
	}
	return text(text(b, name), value)
}

func text(b []byte, s string) []byte {
	n := len(s)
	if n < 0x7f {
		return append(append(b, byte(n)), s...)
	}
	b = append(b, 0x7f)
	for n -= 0x7f; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), s...)
}

// block is a list of fields, name and value in turn.
func block(fields ...string) (b []byte) {
	for i := 0; i+1 < len(fields); i += 2 {
		b = append(b, literal(false, fields[i], fields[i+1])...)
	}
	return b
}

func ask(path string) []string {
	return []string{":method", "GET", ":scheme", "http", ":path", path, ":authority", "gw.test"}
}

// An event is a frame of the server, or the end of the connection.
type event struct {
	frame
	payload []byte
	err     error
}

// next reads the next frame that is not about settings or windows.
func (r *raw) next(within time.Duration) event {
	_ = r.SetReadDeadline(time.Now().Add(within))
	for {
		var h [frameHead]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return event{err: err}
		}
		s := scan{}
		copy(s.head[:], h[:])
		e := event{frame: s.frame()}
		e.payload = make([]byte, e.length)
		if _, err := io.ReadFull(r, e.payload); err != nil {
			return event{err: err}
		}
		switch e.kind {
		case frameSettings, frameWindowUpdate, framePing:
			continue
		case frameRST:
			e.code = binary.BigEndian.Uint32(e.payload)
		case frameGoAway:
			e.code = binary.BigEndian.Uint32(e.payload[4:])
		}
		return e
	}
}

// outcome reads until a stream has ended or the connection has, and says how: "reset", "goaway", "closed", "silent" or what
// the body of the answer is.
func (r *raw) outcome() string {
	body := ""
	for {
		e := r.next(5 * time.Second)
		switch {
		case e.err != nil && errors.Is(e.err, os.ErrDeadlineExceeded):
			return "silent"
		case e.err != nil:
			return "closed"
		case e.kind == frameRST:
			return "reset"
		case e.kind == frameGoAway:
			return "goaway"
		case e.kind == frameData:
			body += string(e.payload)
			fallthrough
		default:
			if e.flags&flagEndStream != 0 {
				return body
			}
		}
	}
}

package basicauth

import (
	"bytes"
	"encoding/base64"
	"sync"
	"unicode/utf8"
)

// This file reads user and password out of a field. They stay in memory that is wiped afterwards.

// maxPair bounds user and password together, with the colon.
const maxPair = 255 + 1 + 1024

var (
	strict  = base64.StdEncoding.Strict()
	maxText = strict.EncodedLen(maxPair)
	room    = sync.Pool{New: func() any { return new(decoded) }}
)

// A decoded pair is user and password.
type decoded struct {
	text  [(maxPair + 2) / 3 * 4]byte // as it came
	bytes [(maxPair + 2) / 3 * 3]byte // base64 taken off
	n     int
	colon int
}

// read takes base64 off and finds the first colon, which ends the user's name: a password may have more of them (RFC 7617 §2).
func (d *decoded) read(text string) (ok bool) {
	if len(text) > maxText {
		return false
	}
	n, err := strict.Decode(d.bytes[:], d.text[:copy(d.text[:], text)])
	if err != nil {
		return false
	}
	d.n = n
	d.colon = bytes.IndexByte(d.bytes[:n], ':')
	return d.colon > 0 && utf8.Valid(d.bytes[:n]) && !bytes.ContainsFunc(d.bytes[:n], func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (d *decoded) user() []byte { return d.bytes[:d.colon] }

func (d *decoded) password() []byte { return d.bytes[d.colon+1 : d.n] }

// free wipes d and gives its room back.
func (d *decoded) free() {
	clear(d.text[:])
	clear(d.bytes[:])
	d.n, d.colon = 0, 0
	room.Put(d)
}

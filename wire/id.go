package wire

import (
	"math/rand/v2"
	"time"
)

// maxID bounds the ids that are taken over from trusted proxies.
const maxID = 128

// Identify sets X-Request-Id and returns it: what a trusted peer sent, if that is usable, or a new one. It
// must be called after Admit.
func (e *Edge) Identify(r *Request, c *ConnFacts, now time.Time) string {
	if !c.trusted {
		id := NewID(r, now)
		r.Header.own(XRequestID, id)
		return id
	}
	id := r.Header.Known(XRequestID)
	if !usableID(id) {
		id = NewID(r, now)
	}
	r.Header.SetKnown(XRequestID, id)
	return id
}

func usableID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// NewID returns a UUID of version 7 (RFC 9562 §5.7), which lives as long as it is used. Ids name requests and prove
// nothing, so the random bits come from the runtime's generator: ChaCha8, one for each thread, seeded by the system.
func NewID(r *Request, now time.Time) string {
	ms := uint64(now.UnixMilli())
	high := ms<<16 | 0x7000 | rand.Uint64()&0x0fff
	low := 1<<63 | rand.Uint64()>>2
	var b [36]byte
	putHex(b[0:8], high>>32)
	b[8] = '-'
	putHex(b[9:13], high>>16)
	b[13] = '-'
	putHex(b[14:18], high)
	b[18] = '-'
	putHex(b[19:23], low>>48)
	b[23] = '-'
	putHex(b[24:36], low)
	return r.Keep(b[:])
}

// putHex fills b, of an even length, with the lowest digits of v.
func putHex(b []byte, v uint64) {
	for i := len(b) - 2; i >= 0; i -= 2 {
		pair := hexPairs[byte(v)]
		b[i], b[i+1] = pair[0], pair[1]
		v >>= 8
	}
}

var hexPairs = func() (t [256][2]byte) {
	const digits = "0123456789abcdef"
	for i := range t {
		t[i] = [2]byte{digits[i>>4], digits[i&15]}
	}
	return t
}()

package h1

import "encoding/binary"

// This file follows the frames of WebSocket connections (RFC 6455 §5.2), so that one which the gateway ends is told why.

// frames follows one direction. It knows where a frame ends, and nothing of what is in it.
type frames struct {
	head  [14]byte
	n     int    // of head that has come
	left  uint64 // of the payload that is to come
	ended bool   // a frame that closes the connection has passed
}

// opClose is the frame that ends a direction.
const opClose = 8

// pass takes note of bytes on their way.
func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			k := min(f.left, uint64(len(p)))
			f.left -= k
			p = p[k:]
			continue
		}
		f.head[f.n] = p[0]
		f.n++
		p = p[1:]
		if f.n < f.size() {
			continue
		}
		f.left = f.payload()
		f.ended = f.ended || f.head[0]&0x0f == opClose
		f.n = 0
	}
}

// size is how long the head of the frame is, as far as that is known.
func (f *frames) size() int {
	if f.n < 2 {
		return 2
	}
	size := 2
	switch f.head[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.head[1]&0x80 != 0 {
		size += 4 // the mask
	}
	return size
}

func (f *frames) payload() uint64 {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.head[2:])
	default:
		return uint64(n)
	}
}

// between says whether another frame may follow what has passed.
func (f *frames) between() bool { return f.n == 0 && f.left == 0 && !f.ended }

// What is said when the gateway ends a connection: 1001, going away (RFC 6455 §7.4.1). A client's frames are masked; the mask of
// one that holds no secret may be any (§10.3 is about what a page chooses).
var (
	goingAway       = []byte{0x80 | opClose, 2, 1001 >> 8, 1001 & 0xff}
	goingAwayMasked = []byte{0x80 | opClose, 0x80 | 2, 0, 0, 0, 0, 1001 >> 8, 1001 & 0xff}
)

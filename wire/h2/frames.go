package h2

import "encoding/binary"

// Types of frames and their flags (RFC 9113 §6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameRST          = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1 // also ACK
	flagEndHeaders = 0x4

	frameHead = 9
)

// Codes of errors (RFC 9113 §7).
const (
	codeNone          = 0x0
	codeEnhanceCalm   = 0xb
	codeRefusedStream = 0x7
)

// preface is what a client begins with (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// A frame is the head of one, and of RST_STREAM what it says.
type frame struct {
	kind, flags byte
	length      int
	stream      uint32
	code        uint32 // of RST_STREAM
}

// A scan follows the frames in a stream of bytes that comes in pieces. It holds no more than the head of one.
type scan struct {
	head [frameHead + 4]byte
	have int  // bytes of head
	left int  // bytes of the frame that are still to come
	any  bool // there was a frame
}

// feed calls seen for each frame that begins in b: once its head is there, and the code of RST_STREAM.
func (s *scan) feed(b []byte, seen func(frame)) {
	for len(b) > 0 {
		if s.left > 0 && s.have == 0 {
			n := min(s.left, len(b))
			s.left -= n
			b = b[n:]
			continue
		}
		want := frameHead
		if s.have >= frameHead { // a RST_STREAM, whose code is still to come
			want = len(s.head)
		}
		n := copy(s.head[s.have:want], b)
		s.have += n
		b = b[n:]
		if s.have < want {
			return
		}
		f := s.frame()
		if f.kind == frameRST && f.length == 4 {
			if want == frameHead {
				continue
			}
			f.code = binary.BigEndian.Uint32(s.head[frameHead:])
			f.length = 0 // it was read
		}
		s.have, s.left, s.any = 0, f.length, true
		seen(f)
	}
}

func (s *scan) frame() frame {
	h := &s.head
	return frame{
		kind:   h[3],
		flags:  h[4],
		length: int(h[0])<<16 | int(h[1])<<8 | int(h[2]),
		stream: binary.BigEndian.Uint32(h[5:]) &^ (1 << 31),
	}
}

// kind returns the type of the frame under way, or of the last one.
func (s *scan) kind() byte { return s.head[3] }

// between says whether the last frame is whole.
func (s *scan) between() bool { return s.have == 0 && s.left == 0 }

// goAway returns the frame that ends a connection (RFC 9113 §6.8).
func goAway(last, code uint32) []byte {
	b := [frameHead + 8]byte{2: 8, 3: frameGoAway}
	binary.BigEndian.PutUint32(b[frameHead:], last)
	binary.BigEndian.PutUint32(b[frameHead+4:], code)
	return b[:]
}

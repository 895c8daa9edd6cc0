package h1

import (
	"bytes"

	"sallyport/wire"
)

// Faults of chunked bodies, both ways.
var (
	faultChunk   = wire.Bad("The chunked body is malformed.")
	faultTrailer = wire.Bad("The trailer is malformed or larger than allowed.")
)

// chunkLine reads a chunk's first line off b: the size in hex, extensions (which are dropped), CRLF. n is the
// line's length, 0 when it is not whole yet (RFC 9112 §7.1).
func chunkLine(b []byte) (size int64, n int, fault *wire.Fault) {
	i := 0
	for ; i < len(b); i++ {
		d := hexDigit[b[i]]
		if d < 0 {
			break
		}
		if i == 15 {
			return 0, 0, faultChunk // more would overflow
		}
		size = size<<4 | int64(d)
	}
	if i == len(b) {
		return 0, 0, nil
	}
	if i == 0 {
		return 0, 0, faultChunk
	}
	if b[i] == ';' {
		end := bytes.IndexByte(b[i:min(len(b), maxChunkLine)], '\r')
		ext := b[i:min(len(b), maxChunkLine)]
		if end >= 0 {
			ext = ext[:end]
		}
		if !wire.ValidValue(ext) {
			return 0, 0, faultChunk
		}
		if end < 0 {
			if len(b) >= maxChunkLine {
				return 0, 0, faultChunk
			}
			return 0, 0, nil
		}
		i += end
	}
	if b[i] != '\r' {
		return 0, 0, faultChunk
	}
	if i+1 == len(b) {
		return 0, 0, nil
	}
	if b[i+1] != '\n' {
		return 0, 0, faultChunk
	}
	return size, i + 2, nil
}

var hexDigit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range 10 {
		t['0'+i] = int8(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = int8(10+i), int8(10+i)
	}
	return t
}()

// chunkEnd reads the CRLF behind a chunk's data. n is 0 when it is not whole yet.
func chunkEnd(b []byte) (n int, fault *wire.Fault) {
	switch {
	case len(b) > 0 && b[0] != '\r', len(b) > 1 && b[1] != '\n':
		return 0, faultChunk
	case len(b) < 2:
		return 0, nil
	}
	return 2, nil
}

// trailerEnd looks for the end of the trailer section in b. n is 0 when it is not whole yet.
func trailerEnd(b []byte) (n int, fault *wire.Fault) {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		return 2, nil
	}
	n, _, fault = headEnd(b, 0)
	if fault != nil || n > maxTrailer || n == 0 && len(b) >= maxTrailer {
		return 0, faultTrailer
	}
	return n, nil
}

// parseTrailer reads the trailer section s into h. Fields that would change how the message is framed, routed or
// trusted are dropped (RFC 9110 §6.5.1), and with them what belongs to the hop.
func parseTrailer(s string, h *wire.Header) *wire.Fault {
	var f framing
	f.length = -1
	h.Reset()
	if fault := parseFields(s, h, &f, maxTrailerFields, true); fault != nil {
		return faultTrailer
	}
	h.Filter(func(f *wire.Field) bool { return wire.TrailerAllowed(f) }, 0)
	return nil
}

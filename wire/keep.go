package wire

import "io"

// Keep returns b as a string that lives as long as it is used. While the block that holds the
// request's head has room left it costs no allocation, which is why a request's id, trace context and canonical
// path cost none.
func (r *Request) Keep(b []byte) string {
	if len(b) > len(r.room) {
		return string(b)
	}
	n := copy(r.room, b)
	s := text(r.room[:n:n])
	r.room = r.room[n:]
	return s
}

// SetRoom hands r the unused end of the block that its head was read into. Nobody else may
// write to it.
func (r *Request) SetRoom(b []byte) { r.room = b }

// Reset makes r empty, keeping the room of its lists.
func (r *Request) Reset() {
	h, t := r.Header, r.Trailer
	h.Reset()
	t.Reset()
	*r = Request{} // in place: with the lists in it, it would be made elsewhere and copied
	r.Header, r.Trailer = h, t
}

// Bytes is a body held in memory.
type Bytes struct {
	b []byte
}

// BytesBody returns b as a body.
func BytesBody(b []byte) *Bytes { return &Bytes{b} }

// Buffered returns how many bytes can be read without waiting.
func (b *Bytes) Buffered() int { return len(b.b) }

// Read reads.
func (b *Bytes) Read(p []byte) (int, error) {
	n := copy(p, b.b)
	b.b = b.b[n:]
	if len(b.b) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Peek returns what is left, Discard takes n bytes of it as read.
func (b *Bytes) Peek() []byte { return b.b }

// Discard takes n bytes as read.
func (b *Bytes) Discard(n int) { b.b = b.b[n:] }

// Close drops what is left.
func (b *Bytes) Close() error {
	b.b = nil
	return nil
}

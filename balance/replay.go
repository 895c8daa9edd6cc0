package balance

import (
	"io"

	"sallyport/wire"
)

// This file keeps a request's body for the case that it has to be sent again. Bodies are streamed, so only one that is in memory
// already can be: because a policy read it, or because it is small and came with its head.

// maxReplay bounds the bodies that are kept though no policy read them.
const maxReplay = 64 << 10

// A replay is what is known of the body of a call.
type replay struct {
	whole bool        // it can be sent again, or there is none
	held  *wire.Bytes // nil for none
	bytes []byte      // all of it
}

// keepBody sees whether the body of s can be sent again, should its method allow it.
func (u *Upstream) keepBody(s *sending) {
	c := s.c
	if held, ok := c.Body.(*wire.Bytes); ok {
		s.body = replay{true, held, held.Peek()}
		return
	}
	if s.retry.attempts == 0 || c.Length <= 0 || c.Length > maxReplay || !s.retry.method(c.Method) {
		return
	}
	b, ok := c.Body.(interface{ Buffered() int })
	if !ok || int64(b.Buffered()) < c.Length {
		return
	}
	bytes := make([]byte, c.Length)
	if _, err := io.ReadFull(c.Body, bytes); err != nil {
		return // not with what is buffered
	}
	held := wire.BytesBody(bytes)
	c.Body = held
	s.body = replay{true, held, bytes}
}

// rewind makes the body of c ready to be sent once more.
func (r *replay) rewind(c *wire.Call) {
	if r.held != nil {
		*r.held = *wire.BytesBody(r.bytes)
		c.Body = r.held
	}
}

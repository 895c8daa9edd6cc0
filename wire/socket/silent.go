package socket

import (
	"errors"
	"syscall"
)

// This file finds out what has come without waiting for more.

// probe finds out whether TLS has something to read without waiting for more. It is needed where counting its records does not tell.
func (s *Secure) probe() bool {
	s.probing = true
	b := Take(Head)
	n, err := s.tls.Read(b)
	s.probing, s.full = false, n == len(b)
	if n > 0 {
		s.early = b[:n]
		return true
	}
	Give(b)
	return !errors.Is(err, errNothing)
}

// errNothing is what TLS is told while it is probed. It does not take it for the end, as it is for now only.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing more for now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Silent says whether the peer still has the connection open and has sent nothing that has to be read, without waiting for it. What
// TLS itself sends unasked, such as tickets (RFC 8446 §4.6.1), is dealt with on the way.
func (s *Secure) Silent() bool {
	if s.raw == nil {
		return true // nobody can tell
	}
	if s.r == s.w {
		s.n, s.errno = 0, 0
		if err := s.raw.Control(func(fd uintptr) { s.lookAhead(fd) }); err != nil || s.n == 0 && s.errno != syscall.EAGAIN {
			return false
		}
	}
	return len(s.early) == 0 && !s.probe()
}

package h1

import (
	"errors"
	"os"
	"time"

	"sallyport/wire/socket"
)

// This file is how a connection ends while its client may still be sending. A close with unread bytes would be a reset, which takes with it
// what is on its way to the client: its answer, and those before it (RFC 9112 §9.6).

// lingering is for how long a client is heard out that has acknowledged all that it was sent: it may not have read it yet.
const lingering = time.Second

// linger throws away what the client sends until it closes. Who does not is left after a moment, or once it has taken nothing for as long as a
// client may while it gets an answer.
func (k *conn) linger() {
	closed, err := k.part()
	if err != nil {
		return
	}
	k.s.aborted.Store(false) // of the upload that the answer came too early for
	until := time.Now().Add(k.srv.limits.WriteIdle)
	for by, left := time.Now().Add(lingering), -1; ; by = by.Add(lingering / 4) {
		if !errors.Is(k.hear(by), os.ErrDeadlineExceeded) {
			return
		}
		before := left
		if left = socket.Unseen(k.s.conn); left == 0 && closed {
			return
		}
		if left < before {
			until = by.Add(k.srv.limits.WriteIdle)
		}
		if by.After(until) || k.srv.closing.Load() {
			return
		}
		if !closed {
			closed, err = k.part()
			if err != nil {
				return
			}
		}
	}
}

// part tells the client that nothing more will come. done is false while there is no room for saying so.
func (k *conn) part() (done bool, err error) {
	err = k.s.closeWrite(!k.cut)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return err == nil, err
}

// hear throws away what comes until by, and returns why it stopped: with [os.ErrDeadlineExceeded] there may be more.
func (k *conn) hear(by time.Time) error {
	for time.Now().Before(by) {
		k.s.r = k.s.w
		k.s.release()
		k.s.readBy = time.Time{}
		if err := k.s.fill(by); err != nil {
			return err
		}
	}
	return os.ErrDeadlineExceeded
}

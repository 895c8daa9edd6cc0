package h2

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"sallyport/wire"
)

// An upload is a request's body on its way to the target. net/http reads it on a goroutine of its own and closes it when it
// wants no more; a read that waits for the client has to end then, or the call could not.
type upload struct {
	call   *call
	src    io.Reader
	shared wire.Shared // src, where it has to be told that another goroutine reads it
	memory []byte      // all of the body, if it was here

	mu      sync.Mutex    // guards what follows
	reading bool          // a read is under way
	read    bool          // there was one
	closed  bool          // there will be no further one
	got     int64         // bytes
	err     error         // what the body ended with; io.EOF at its end
	idle    chan struct{} // closed when the read under way has ended, nil while nobody waits
	panic   string        // what a read panicked with, "" for nothing
}

var errClosed = errors.New("the call needs no more of the body")

func newUpload(k *call, src io.Reader, memory []byte) *upload {
	u := &upload{call: k, src: src, memory: memory}
	if memory != nil {
		u.src = wire.BytesBody(memory)
		return u
	}
	if u.shared, _ = src.(wire.Shared); u.shared != nil {
		u.shared.Share(true)
	}
	return u
}

// Read reads.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	if u.closed || u.err != nil {
		defer u.mu.Unlock()
		if u.err != nil {
			return 0, u.err
		}
		return 0, errClosed
	}
	u.reading, u.read = true, true
	u.mu.Unlock()
	u.call.waits(&u.call.taken, time.Time{}, 0)
	n, err := u.take(p)
	if n > 0 {
		u.call.waits(&u.call.taken, time.Now(), n)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reading = false
	u.got += int64(n)
	if err == io.EOF && u.got < u.call.Length {
		err = io.ErrUnexpectedEOF // net/http would end the stream as if that were all
	}
	if u.closed && err != io.EOF {
		err = errClosed // why the reading ended, whatever it says
	}
	u.err = err
	if u.idle != nil {
		close(u.idle)
		u.idle = nil
	}
	return n, err
}

// take reads. A panic, in a body that somebody made, is kept for the goroutine of the request: here it would end the process.
func (u *upload) take(p []byte) (n int, err error) {
	defer func() {
		if what := recover(); what != nil {
			n, err = 0, errPanic
			u.mu.Lock()
			u.panic = fmt.Sprintf("%v, in %s", what, debug.Stack())
			u.mu.Unlock()
		}
	}()
	return u.src.Read(p)
}

// panicked returns what the reading panicked with, "" for nothing.
func (u *upload) panicked() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.panic
}

// Close ends the reading, at once.
func (u *upload) Close() error {
	u.mu.Lock()
	u.closed = true
	if !u.reading {
		u.mu.Unlock()
		return nil
	}
	if u.idle == nil {
		u.idle = make(chan struct{})
	}
	idle := u.idle
	u.mu.Unlock()
	// The last byte may have been sent a moment ago, and its end be on the way.
	t := time.NewTimer(5 * time.Millisecond)
	defer t.Stop()
	select {
	case <-idle:
		return nil
	case <-t.C:
	}
	u.abort()
	<-idle
	return nil
}

// abort ends the read under way. Several may close at the same time, net/http among them; only while the read goes on is the body still
// this call's, and it cannot end while mu is held.
func (u *upload) abort() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.reading {
		return
	}
	if a, ok := u.src.(interface{ Abort() }); ok {
		a.Abort()
	} else if c, ok := u.src.(io.Closer); ok {
		_ = c.Close()
	}
}

// settle ends the reading and gives the body back to the goroutine of its request.
func (u *upload) settle() {
	_ = u.Close()
	u.unshare()
}

func (u *upload) unshare() {
	if u.shared != nil {
		u.shared.Share(false)
		u.shared = nil
	}
}

// ended says whether nobody reads the body any more.
func (u *upload) ended() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err != nil || u.closed && !u.reading
}

// failed returns what was wrong on the client's side, nil for nothing.
func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == io.EOF || u.err == errClosed {
		return nil
	}
	return u.err
}

// rewind says whether the body can be sent from its start.
func (u *upload) rewind() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.memory != nil || !u.read
}

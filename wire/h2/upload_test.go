package h2

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

// A lent body is somebody else's once it was given back.
type lent struct {
	takes time.Duration // of a read
	back  atomic.Bool
	late  atomic.Bool // it was aborted all the same
	stop  chan struct{}
}

func (l *lent) Read([]byte) (int, error) {
	select {
	case <-time.After(l.takes):
		return 0, io.EOF
	case <-l.stop:
		return 0, io.ErrClosedPipe
	}
}

func (l *lent) Abort() {
	if l.back.Load() {
		l.late.Store(true)
		return
	}
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
}

// net/http closes a body on a goroutine of its own, while the call closes it too. When the read ends at the moment in which net/http has lost
// patience, the body is back with its request, or is another's, and must be left alone.
func TestBodyClosedTwice(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			src := &lent{takes: 5 * time.Millisecond, stop: make(chan struct{})}
			u := newUpload(&call{Call: &wire.Call{Length: -1}}, src, nil)
			go func() { _, _ = u.Read(make([]byte, 1)) }()
			synctest.Wait()
			go func() { _ = u.Close() }()
			time.Sleep(time.Millisecond)
			u.settle()
			src.back.Store(true)
			synctest.Wait()
			if src.late.Load() {
				t.Error("a body was aborted that had been given back")
			}
		})
		if t.Failed() {
			return
		}
	}
}

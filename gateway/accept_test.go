package gateway

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A process without files is patient: it neither spins nor gives up, and goes on as soon as there are some again.
func TestAcceptWithoutFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.options()
		poor := &poorListener{}
		o.Listen = func(_, address string) (net.Listener, error) {
			l, err := w.net.Listen(address)
			poor.Listener = l
			return poor, err
		}
		poor.empty.Store(true)
		g := start(t, "listeners: [\":80\"]\nroutes: [{ match: /, respond: { body: hi } }]\n", o)
		c, r := w.dial(t)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := g.Status().Requests.AcceptErrors; n < 5 || n > 30 {
			t.Errorf("%d tries in 10 s", n)
		}
		poor.empty.Store(false)
		begun := time.Now()
		if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" || time.Since(begun) > time.Second {
			t.Errorf("got %q, %v after %v", line, err, time.Since(begun))
		}
	})
}

// A poorListener has no files to accept with while it is empty.
type poorListener struct {
	net.Listener
	empty atomic.Bool
}

func (l *poorListener) Accept() (net.Conn, error) {
	if l.empty.Load() {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

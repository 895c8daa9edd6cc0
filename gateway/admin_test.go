package gateway

import (
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An adminWorld is an admin side that says which one it is.
type adminWorld struct {
	mu   sync.Mutex
	open []string // addresses; guarded by mu
}

func (a *adminWorld) serve(_ *Gateway, l net.Listener) (stop func()) {
	at := l.Addr().String()
	a.mu.Lock()
	a.open = append(a.open, at)
	a.mu.Unlock()
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, at)
			_ = c.Close()
		}
	})
	return func() {
		_ = l.Close()
		loop.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		for i := range a.open {
			if a.open[i] == at {
				a.open = append(a.open[:i], a.open[i+1:]...)
				return
			}
		}
	}
}

func (a *adminWorld) is(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); <-time.After(time.Millisecond) {
		a.mu.Lock()
		got = append([]string(nil), a.open...)
		a.mu.Unlock()
		if strings.Join(got, " ") == strings.Join(want, " ") {
			return
		}
	}
	t.Errorf("open: got %v, want %v", got, want)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The admin listener moves with the document, as a whole or not at all.
func TestAdminMoves(t *testing.T) {
	one, two := freeAddress(t), freeAddress(t)
	doc := func(admin string) string { return listen + admin + "\nroutes: [{ match: /, respond: {} }]\n" }
	path := document(t, doc("admin: "+one))
	a := &adminWorld{}
	p := newProcess(t, path, Options{Admin: a.serve, NoWatch: true})
	a.is(t, one)
	load := func(admin string) error {
		write(t, path, doc(admin))
		_, err := p.gateway.Reload()
		return err
	}
	if err := load("admin: " + two); err != nil {
		t.Fatal(err)
	}
	a.is(t, two)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := load("admin: " + taken.Addr().String()); err == nil || !strings.Contains(err.Error(), ":2:8: admin: cannot listen on") {
		t.Errorf("an address that is taken: got %v", err)
	}
	a.is(t, two)
	if err := load("admin: { address: " + two + " }"); err != nil {
		t.Error(err)
	}
	a.is(t, two)
	if err := load("admin: off"); err != nil {
		t.Error(err)
	}
	a.is(t)
	if err := load("admin: " + one); err != nil {
		t.Error(err)
	}
	a.is(t, one)
	p.signals <- syscall.SIGTERM
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
	a.is(t)
}

// The admin listener is for this machine, whatever name its address goes by.
func TestAdminIsHere(t *testing.T) {
	g := New(Options{Log: silent, Listen: func(network, _ string) (net.Listener, error) { return net.Listen(network, "0.0.0.0:0") }})
	defer g.Close()
	if _, err := g.listenAdmin("localhost:0"); err == nil || !strings.Contains(err.Error(), "no loopback address") {
		t.Errorf("got %v", err)
	}
}

package h2

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
	"sallyport/wire/memnet"
)

// bubble returns a pool to a target that serves h, for tests in a bubble. end ends both.
func bubble(h http.HandlerFunc) (p *Pool, end func()) {
	var n memnet.Network
	l, err := n.Listen("target")
	if err != nil {
		panic(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	p = NewPool(PoolOptions{Dial: func(time.Time) (net.Conn, error) { return n.Dial(context.Background(), "target") }})
	return p, func() {
		p.Close()
		_ = s.Close()
	}
}

// The client is watched only while the goroutine of its request waits for the call: otherwise that has the client's connection.
func TestWatchOnlyWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := bubble(func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Second)
			_, _ = io.WriteString(w, "late")
		})
		defer end()
		var watched time.Duration
		start := time.Now()
		conn := &wire.Conn{Watch: func(func()) func() {
			watched = time.Since(start)
			return func() {}
		}}
		c := &wire.Call{Method: "GET", Target: "/", Host: "shop.test"}
		resp, err := p.Do(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Request = &wire.Request{Conn: conn} // as when the winner of a race becomes the exchange's
		time.Sleep(2 * time.Second)           // the head goes to the client
		if b, err := io.ReadAll(resp.Body); string(b) != "late" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		resp.Close()
		if watched < 2*time.Second || watched > 2*time.Second+patience {
			t.Errorf("watched after %v", watched)
		}
	})
}

// A body that panics is the trouble of the goroutine that had the call made, not the end of the process.
func TestBodyPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := bubble(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		defer end()
		func() {
			defer func() {
				if what, _ := recover().(string); !strings.HasPrefix(what, "on purpose, in ") {
					t.Errorf("recovered %q", what)
				}
			}()
			_, err := p.Do(&wire.Call{Method: "POST", Target: "/", Host: "shop.test", Body: panics{}, Length: -1})
			t.Errorf("got %v", err)
		}()
		if s := p.Stats(); s.Open != 1 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
	})
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("on purpose") }

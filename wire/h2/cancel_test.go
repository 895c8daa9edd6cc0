package h2

import (
	"net/http"
	"testing"
	"time"

	"sallyport/wire"
)

// A call can be ended by another goroutine while it waits for its answer, and before it began; the connection stays.
func TestCancel(t *testing.T) {
	hang := make(chan struct{})
	s := target(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			select {
			case <-r.Context().Done():
			case <-hang:
			}
		}
	})
	defer close(hang)
	p := poolTo(t, s.Listener.Addr().String(), PoolOptions{})
	for _, after := range []time.Duration{-1, 20 * time.Millisecond, 700 * time.Millisecond} {
		cancel, begin := new(wire.Cancel), time.Now()
		if after < 0 {
			cancel.Cancel()
		} else {
			time.AfterFunc(after, cancel.Cancel)
		}
		_, err := get(p, "/hang", func(c *wire.Call) { c.Cancel = cancel })
		if got := opOf(err); len(got) < 7 || got[:7] != "request" || time.Since(begin) > 4*time.Second {
			t.Errorf("canceled after %v: %s after %v", after, got, time.Since(begin))
		}
	}
	if got, err := get(p, "/", nil); got != "200 " || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if n := p.Stats(); n.Open != 1 {
		t.Errorf("%+v", n)
	}
}

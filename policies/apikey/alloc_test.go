//go:build !race && !poison

package apikey

import (
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

// A key costs no memory, wherever it is kept.
func TestAllocations(t *testing.T) {
	w := newWorld(t)
	p := w.build(t, "{}")
	next := func(*policy.Exchange) (*wire.Response, error) { return nil, nil }
	x := asking()
	for _, key := range []string{w.secret, declared} {
		if n := testing.AllocsPerRun(100, func() {
			x.Request.Header.Reset()
			x.Request.Header.Add("X-API-Key", key)
			if _, err := p.Handle(x, next); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%.3s: %v allocations, want none", key, n)
		}
	}
}

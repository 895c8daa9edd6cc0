//go:build !race && !poison

package external

import (
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

func TestAllocations(t *testing.T) {
	resp := &wire.Response{Status: 204}
	e, errs := made(t, func(*wire.Call) (*wire.Response, error) { return resp, nil }, "{upstream: hooks, request: {headers: [X-A], take_headers: [X-B]}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x, back := ask("GET", "", "X-A: 1", "X-Request-Id: 1"), &wire.Response{Status: 200}
	next := func(*policy.Exchange) (*wire.Response, error) { return back, nil }
	if n := testing.AllocsPerRun(100, func() {
		if _, err := e.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations, want at most 12", n)
	}
}

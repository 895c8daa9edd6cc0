//go:build !race && !poison

package anyof

import (
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

func TestHandleAllocatesNothing(t *testing.T) {
	p, _ := made(t, strict, "ip_filter api_key")
	x := &policy.Exchange{Request: &wire.Request{}}
	resp := &wire.Response{}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	h := &x.Request.Header
	h.Add("From", "office")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

//go:build !race && !poison

package body

import (
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

func TestAllocations(t *testing.T) {
	b, errs, _ := made(t, "{request: {omit: [secret], defaults: {currency: EUR}}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	body := []byte(`{"id":12345,"name":"a product","secret":1}`)
	x, resp := ask("POST", "", ""), &wire.Response{}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		x.SetBody(body)
		if _, err := b.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n > 5 {
		t.Errorf("%v allocations, want at most 5", n)
	}
}

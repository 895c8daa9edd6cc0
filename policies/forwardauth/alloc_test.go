//go:build !race && !poison

package forwardauth

import (
	"bytes"
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

func TestKeptAllocations(t *testing.T) {
	s := &service{decide: yes("X-Tenant: acme")}
	g, _ := made(t, s, "{upstream: auth, response_headers: [X-Tenant], cache: 1h, keep: true}")
	x := exchange("Authorization: Bearer " + string(bytes.Repeat([]byte("a"), 800)))
	resp := response(200, "")
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		if _, err := g.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n > 0 || len(s.asked) != 1 {
		t.Errorf("%v allocations, asked %d times", n, len(s.asked))
	}
}

package h2

import (
	"testing"
	"time"

	"sallyport/wire"
)

// An idle connection holds little.
func TestIdleMemory(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response { return said(200, "hello") })
	_, addr := serve(t, h, Limits{})
	const n = 300
	before := inUse()
	for range n {
		c := dialRaw(t, addr).greet()
		c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/x")...)))
		if got := c.outcome(); got != "hello" {
			t.Fatal(got)
		}
	}
	time.Sleep(200 * time.Millisecond)
	inUse()
	each := (inUse() - before) / n
	t.Logf("%d bytes each, the client's side included", each)
	if each > 64<<10 {
		t.Error("that is too much")
	}
}

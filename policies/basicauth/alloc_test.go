//go:build !race && !poison

package basicauth

import (
	"testing"

	"sallyport/wire"
)

// A password that was right a moment ago costs nothing but what notes who sent the request.
func TestKnownAllocatesNothing(t *testing.T) {
	p, errs := made(t, "users: { alice: "+bcrypted+" }")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := asked("")
	field := basic("alice:correct horse")
	one := func() {
		x.Request.Header.Reset()
		x.Request.Header.AddKnown(wire.Authorization, field)
		if _, err := p.Handle(x, answer); err != nil {
			t.Fatal(err)
		}
	}
	one()
	if n := testing.AllocsPerRun(200, one); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

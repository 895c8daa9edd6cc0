package policy_test

import (
	"strings"
	"testing"

	"sallyport/policy"
)

type hold struct {
	name string
	log  *[]string
}

func (h *hold) Release() { *h.log = append(*h.log, h.name) }

func TestHolds(t *testing.T) {
	var log []string
	var x policy.Exchange
	a, b, c := &hold{"a", &log}, &hold{"b", &log}, &hold{"c", &log}
	for range 2 { // an exchange is used again
		log = nil
		x.Hold(a)
		x.Hold(b)
		x.Hold(c)
		x.Drop(b)
		x.Drop(b)
		x.End()
		x.End()
		if got := strings.Join(log, " "); got != "b c a" {
			t.Errorf("released %s, want b c a", got)
		}
		x.Reset()
	}
	if n := testing.AllocsPerRun(100, func() {
		x.Hold(a)
		x.End()
		x.Reset()
		log = log[:0]
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

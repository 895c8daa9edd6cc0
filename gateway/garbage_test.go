package gateway

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestBoundedGarbage(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		percent       int
		live, scanned uint64
		want          int
	}{
		"nothing is known yet":              {100, 0, 0, 100},
		"hardly anything lives":             {100, 2 * mib, 1 * mib, 400},
		"very little lives":                 {100, 4 * mib, 2 * mib, 200},
		"little lives":                      {100, 20 * mib, 5 * mib, 100},
		"the least":                         {100, 96 * mib, 5 * mib, 50},
		"a quarter of much":                 {100, 400 * mib, 5 * mib, 25},
		"all of it has pointers":            {100, 400 * mib, 400 * mib, 100},
		"half of it has":                    {100, 400 * mib, 200 * mib, 50},
		"a load, little lives":              {400, 12 * mib, 5 * mib, 400},
		"a load, with much that has none":   {400, 96 * mib, 10 * mib, 50},
		"a load, with much that has":        {400, 100 * mib, 50 * mib, 200},
		"less than usual, as somebody says": {50, 96 * mib, 96 * mib, 50},
	} {
		if got := percentOf(c.percent, c.live, c.scanned); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}

// What has no pointers and stays makes the collector run sooner, and what it was set to comes back.
func TestGarbageIsBounded(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set")
	}
	until := func(what string, ok func(percent int) bool) {
		t.Helper()
		for range 100 {
			percent, live, scanned := collector()
			if ok(percent) {
				return
			}
			t.Logf("%d %% of %d MiB, of which %d are scanned", percent, live>>20, scanned>>20)
			runtime.GC()
			<-time.After(10 * time.Millisecond)
		}
		t.Error(what)
	}
	before, _, _ := collector()
	stop := boundGarbage()
	much := make([]byte, 400<<20)
	until("400 MiB without pointers may double", func(percent int) bool { return percent <= 50 })
	done := easeMemory()
	until("so they may while a document is loaded", func(percent int) bool { return percent <= 50 })
	done()
	runtime.KeepAlive(much)
	much = nil
	_ = much
	until("once they are gone all is not as before", func(percent int) bool { return percent >= before })
	stop()
	if after, _, _ := collector(); after != before {
		t.Errorf("%d %% are set afterwards, %d before", after, before)
	}
}

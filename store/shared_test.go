package store

import (
	"runtime"
	"testing"
)

func TestShared(t *testing.T) {
	s := New()
	made := 0
	get := func(name string) *[100]int { return Shared(s, name, func() *[100]int { made++; return new([100]int) }) }
	a := get("a")
	if get("a") != a || get("b") == a || made != 2 {
		t.Errorf("made %d, want one for each name", made)
	}
	if other := Shared(s, "a", func() *string { return new(string) }); other == nil {
		t.Error("another type must be another thing")
	}
	runtime.KeepAlive(a)
	for range 1000 {
		runtime.GC()
		s.mu.Lock()
		left := len(s.shared)
		s.mu.Unlock()
		if left == 0 {
			return
		}
	}
	t.Error("what nobody uses is kept")
}

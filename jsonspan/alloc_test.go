//go:build !race

package jsonspan

import "testing"

func TestAllocations(t *testing.T) {
	a, b := []byte(`{"id":1,"items":[{"id":1.10},{"id":2}],"x":{"y":"z"}}`), []byte(`{"more":{"y":"z"},"n":null}`)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		v, _ := Check(a)
		_, _ = Find(v, "x", "y")
		dst, _ = Merge(dst[:0], Rule{}, v, b)
	}); n > 3 {
		t.Errorf("got %v allocations, want at most 3: the path, and the lists of values and members", n)
	}
	var parts [3]Outline
	list := []*Outline{&parts[0], &parts[1], &parts[2]}
	texts := [][]byte{listing(1), wide("a"), listing(2)}
	dst = make([]byte, 0, 64<<10)
	if n := testing.AllocsPerRun(100, func() {
		for i := range list {
			_ = list[i].Check(texts[i])
		}
		dst, _ = MergeOutlines(dst[:0], Rule{}, list)
	}); n > 1 {
		t.Errorf("got %v allocations, want at most 1, the list of values", n)
	}
}

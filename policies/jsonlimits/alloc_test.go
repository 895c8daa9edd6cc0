//go:build !race

package jsonlimits

import "testing"

func TestCheckAllocates(t *testing.T) {
	body := []byte(`{"id":12345,"name":"a product","price":19.95,"tags":["red","blue"]}`)
	usual.check(body)
	if n := testing.AllocsPerRun(100, func() {
		if usual.check(body) != nil {
			t.Fatal("wrong")
		}
	}); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

//go:build !race && !poison

package compose

import "testing"

// What an answer of three calls may allocate: the calls themselves, their bodies and the answer. Nothing of it grows with the bodies.
func TestAllocations(t *testing.T) {
	for doc, most := range map[string]float64{
		"merge: [a, b, c]": 58,
		"body: { a: '${calls.a.body}', b: '${calls.b.body}', c: '${calls.c.body}' }": 50,
	} {
		h := made(t, three(), threeCalls+doc)
		x := exchange("/")
		if n := testing.AllocsPerRun(100, func() {
			resp, err := h(x)
			if err != nil {
				t.Fatal(err)
			}
			resp.Close()
			x.Calls = x.Calls[:0]
		}); n > most {
			t.Errorf("%s: %v allocations, at most %v", doc, n, most)
		}
	}
}

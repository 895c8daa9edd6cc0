//go:build !race && !poison

package compose

import "testing"

// What an answer of three calls may allocate: a value of each body, and two things for each response of the upstream that stands in here. Runs, jobs
// and bodies are those of earlier requests.
func TestAllocations(t *testing.T) {
	for doc, most := range map[string]float64{
		"merge: [a, b, c]": 10,
		"body: { a: '${calls.a.body}', b: '${calls.b.body}', c: '${calls.c.body}' }": 9,
	} {
		h := made(t, three(), threeCalls+doc)
		x := exchange("/")
		if n := testing.AllocsPerRun(100, func() {
			resp, err := h(x)
			if err != nil {
				t.Fatal(err)
			}
			resp.Close()
			x.End()
			x.Calls = x.Calls[:0]
		}); n > most {
			t.Errorf("%s: %v allocations, at most %v", doc, n, most)
		}
	}
}

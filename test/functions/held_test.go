package functions

import (
	"strings"
	"sync"
	"testing"
)

// Calls that wait hold no more memory than they may, however many may wait.
func TestHeld(t *testing.T) {
	w := provided(t, "concurrency: 1")
	w.want(404, "GET", "/warm")
	body := strings.Repeat("x", 9<<20)
	var mu sync.Mutex
	got := map[int]int{}
	var crew sync.WaitGroup
	for range 12 {
		crew.Go(func() {
			a := w.ask("POST", "/slow", body, "Content-Type", "text/plain")
			mu.Lock()
			defer mu.Unlock()
			got[a.status]++
		})
	}
	crew.Wait()
	if got[200] < 5 || got[200]+got[503] != 12 {
		t.Errorf("got %v", got)
	}
	w.want(404, "GET", "/after")
}

package functions

import (
	"strings"
	"testing"
	"time"
)

// A process that ends since it has nothing to do says nothing of that.
func TestEndsQuietly(t *testing.T) {
	w := provided(t, "idle: 1s, concurrency: 1")
	for range 3 {
		w.want(404, "GET", "/")
		eventually(t, "the process ends", func() bool { return w.Status().Functions[0].Processes == 0 })
		time.Sleep(100 * time.Millisecond)
	}
	if strings.Contains(w.said.String(), "a function says") || strings.Contains(w.said.String(), "level=WARN") {
		t.Error("it is told of")
	}
}

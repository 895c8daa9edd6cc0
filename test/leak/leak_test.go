package leak

import (
	"strings"
	"testing"
)

// A recorder is a test that fails in silence.
type recorder struct {
	testing.TB
	cleanups []func()
	failed   string
}

func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) { r.failed = format }

func TestCheck(t *testing.T) {
	stop := make(chan struct{})
	for _, c := range []struct {
		name string
		do   func()
		want bool
	}{
		{"nothing started", func() {}, false},
		{"one left", func() { go func() { <-stop }() }, true},
	} {
		r := &recorder{TB: t}
		Check(r)
		c.do()
		for _, f := range r.cleanups {
			f()
		}
		if got := strings.Contains(r.failed, "left"); got != c.want {
			t.Errorf("%s: found a leak: %v, want %v", c.name, got, c.want)
		}
	}
	close(stop)
}

func TestMain(m *testing.M) { Main(m) }

// Package leak finds goroutines that outlive those who started them.
package leak

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package and fails if goroutines are left at the end. It is meant for TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString("goroutines are left after all tests: " + err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// Check fails t if goroutines are left that were started after the call, once t and what it cleans up have
// ended. It cannot be used in parallel tests.
func Check(t testing.TB) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := goleak.Find(before); err != nil {
			t.Errorf("goroutines are left: %v", err)
		}
	})
}

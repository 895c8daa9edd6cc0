//go:build soak && !race && !poison

package slow

import (
	"syscall"
	"testing"
	"time"
)

// Ten thousand of each kind, or as many as there are files for: one for the client, one for the call, and two to move bytes between
// them.
func TestSoakSlowClients(t *testing.T) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	compare(t, int(min(10_000, (r.Cur-200)/4)), time.Minute)
}

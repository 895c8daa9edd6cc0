//go:build soak && !race && !poison

package slow

import (
	"syscall"
	"testing"
	"time"
)

// Ten thousand of each kind, or as many as there are files for: one for the client and one for the call, here as in the gateway.
func TestSoakSlowClients(t *testing.T) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	compare(t, int(min(10_000, (r.Cur-2000)/2)), time.Minute)
}

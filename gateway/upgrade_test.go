package gateway

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"sallyport/process"
)

// A process that is told to stop takes a new program with it that was ready at that moment: it would serve on by itself.
func TestStopEndsWhoIsReady(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{"sleep", "60"}
	program, err := process.Self()
	if err != nil {
		t.Skip(err)
	}
	next, err := program.Start(process.NewSockets())
	if err != nil {
		t.Fatal(err)
	}
	u := upgrade{next: next, outcome: make(chan error, 1), quit: make(chan struct{})}
	u.outcome <- nil
	u.cancel()
	if err := syscall.Kill(next.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		_ = syscall.Kill(next.PID(), syscall.SIGKILL)
		t.Errorf("it runs on: %v", err)
	}
}

package process

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier tells systemd how the service is doing (sd_notify(3)). One without an address tells nobody.
type Notifier struct {
	address string
	watch   time.Duration
}

// NewNotifier returns the notifier that the environment of the process asks for.
func NewNotifier(env func(string) string) *Notifier {
	n := &Notifier{address: env("NOTIFY_SOCKET")}
	if n.address != "" && n.address[0] != '/' && n.address[0] != '@' {
		n.address = "" // no socket that this can write to
	}
	usec, err := strconv.ParseInt(env("WATCHDOG_USEC"), 10, 64)
	pid := env("WATCHDOG_PID")
	if n.address != "" && err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watch = time.Duration(usec) * time.Microsecond
	}
	return n
}

// Watchdog is how long systemd waits for a sign of life before it takes the service for dead, 0 for ever.
func (n *Notifier) Watchdog() time.Duration { return n.watch }

// Notify sends assignments such as READY=1. Nobody waits for it, and a service without systemd is none the worse.
func (n *Notifier) Notify(assignments ...string) error {
	if n == nil || n.address == "" {
		return nil
	}
	c, err := net.DialTimeout("unixgram", n.address, time.Second)
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	if _, err := c.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}

// Reloading says since when, on the clock that systemd compares with, the document is being read anew.
func Reloading() []string {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return []string{"RELOADING=1"}
	}
	return []string{"RELOADING=1", "MONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10)}
}

// Status is the line that systemctl status shows.
func Status(format string, args ...any) string {
	return "STATUS=" + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
}

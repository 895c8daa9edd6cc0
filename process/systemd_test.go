package process

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// What is told arrives, on a socket with a path and on an abstract one.
func TestNotify(t *testing.T) {
	for name, address := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": "@sallyport-test-" + strconv.Itoa(os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
			if err != nil {
				t.Skip(err)
			}
			defer c.Close()
			n := NewNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": address}[name] })
			if err := n.Notify("READY=1", Status("serving %s\nwell", "x")); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			b := make([]byte, 1000)
			k, err := c.Read(b)
			if err != nil || string(b[:k]) != "READY=1\nSTATUS=serving x well" {
				t.Errorf("got %q %v", b[:k], err)
			}
		})
	}
	if err := NewNotifier(func(string) string { return "" }).Notify("READY=1"); err != nil {
		t.Errorf("without systemd: got %v", err)
	}
	if err := NewNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": "/nowhere/notify"}[name] }).Notify("READY=1"); err == nil {
		t.Error("a socket that is not there: want an error")
	}
}

func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		name, socket, usec, pid string
		want                    time.Duration
	}{
		{"none", "", "", "", 0},
		{"for this process", "@x", "3000000", strconv.Itoa(os.Getpid()), 3 * time.Second},
		{"for whoever reads it", "@x", "500000", "", 500 * time.Millisecond},
		{"for another process", "@x", "3000000", "1", 0},
		{"nobody to tell", "", "3000000", "", 0},
		{"nonsense", "@x", "soon", "", 0},
		{"negative", "@x", "-5", "", 0},
		{"an odd socket", "vsock:1", "5", "", 0},
	} {
		n := NewNotifier(func(name string) string {
			return map[string]string{"NOTIFY_SOCKET": c.socket, "WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}[name]
		})
		if got := n.Watchdog(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestReloading(t *testing.T) {
	got := Reloading()
	if len(got) != 2 || got[0] != "RELOADING=1" || !regexp.MustCompile(`^MONOTONIC_USEC=[1-9]\d+$`).MatchString(got[1]) {
		t.Errorf("got %q", got)
	}
}

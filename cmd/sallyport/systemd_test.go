package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager is what systemd is to a service: a socket that is told things.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T, address string) *manager {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &manager{t, c}
}

// hears waits for a message that matches, and returns it.
func (m *manager) hears(pattern string) string {
	m.t.Helper()
	re := regexp.MustCompile("(?s)" + pattern)
	_ = m.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 10<<10)
	for {
		n, err := m.conn.Read(b)
		if err != nil {
			m.t.Fatalf("no %q: %v", pattern, err)
		}
		if re.Match(b[:n]) {
			return string(b[:n])
		}
	}
}

// silent checks that nothing like pattern comes for a while.
func (m *manager) silent(pattern string, d time.Duration) {
	m.t.Helper()
	_ = m.conn.SetReadDeadline(time.Now().Add(d))
	b := make([]byte, 10<<10)
	for {
		n, err := m.conn.Read(b)
		if err != nil {
			return
		}
		if strings.Contains(string(b[:n]), pattern) {
			m.t.Errorf("got %q", b[:n])
		}
	}
}

// What systemd is told: ready, reloading and ready again, signs of life, who the main process is after an upgrade, stopping.
func TestSystemd(t *testing.T) {
	for name, address := range map[string]string{
		"a path": filepath.Join(t.TempDir(), "notify"), "an abstract socket": "@sallyport-" + strconv.Itoa(os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, address)
			t.Setenv("NOTIFY_SOCKET", address)
			t.Setenv("WATCHDOG_USEC", "200000")
			i := install(t)
			_, front, _ := i.run("")
			pid := strconv.Itoa(i.number())
			m.hears(`^READY=1\nMAINPID=` + pid + `\nSTATUS=serving `)
			for range 3 {
				m.hears(`^WATCHDOG=1$`)
			}
			hup := func() {
				if err := syscall.Kill(i.number(), syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
				m.hears(`^RELOADING=1\nMONOTONIC_USEC=\d+$`)
			}
			hup()
			m.hears(`^READY=1\nSTATUS=serving .*number 2$`)
			good, err := os.ReadFile(i.document())
			if err != nil {
				t.Fatal(err)
			}
			i.write("listeners: [x]\n")
			hup()
			m.hears(`^READY=1\nSTATUS=serving; the newest configuration is refused: .*listeners\[0\]`)
			i.write(string(good))

			if err := syscall.Kill(i.number(), syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
			next := m.hears(`^MAINPID=\d+$`)
			m.hears(`^READY=1\n` + next + `\nSTATUS=`)
			i.await("another process", func() bool { return strconv.Itoa(i.number()) != pid })
			m.hears(`^WATCHDOG=1$`)
			if got := get(t, "http://"+front+"/"); got != "hi" {
				t.Errorf("got %q", got)
			}
			if err := syscall.Kill(i.number(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			m.hears(`^STOPPING=1`)
		})
	}
}

// A process that is stuck gives no signs of life.
func TestSystemdFindsTheStuck(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	m := newManager(t, address)
	t.Setenv("NOTIFY_SOCKET", address)
	t.Setenv("WATCHDOG_USEC", "100000")
	i := install(t)
	i.run("")
	m.hears(`^WATCHDOG=1$`)
	if err := syscall.Kill(i.number(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	m.silent("nothing", 50*time.Millisecond) // what was on its way
	m.silent("WATCHDOG", 300*time.Millisecond)
	if err := syscall.Kill(i.number(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	m.hears(`^WATCHDOG=1$`)
}

// Sockets that systemd has opened serve the listeners and the admin listener at their addresses, before and after an upgrade; others
// are warned about.
func TestSystemdSockets(t *testing.T) {
	i := install(t)
	var files []*os.File
	var at []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, at = append(files, f), append(at, l.Addr().String())
		_ = l.Close()
	}
	i.write(fmt.Sprintf("listeners: [%q]\nadmin: %q\nroutes:\n  - { match: /, respond: { body: hi } }\n", at[1], at[0]))
	// exec keeps the number that the shell has, as systemd's does.
	c := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", i.file, "run", "-c", i.document(), "--pid-file", i.pid)
	c.Env = append(os.Environ(), asMain+"=1", "LISTEN_FDS=3", "LISTEN_FDNAMES=admin:web:spare")
	c.ExtraFiles = files
	p := begin(t, c)
	t.Cleanup(i.end)
	p.await(`none of the document's listeners" address="` + at[2] + ` (\(spare\))"`)
	i.await("the PID file", func() bool { _, err := os.Stat(i.pid); return err == nil })
	for range 2 {
		if got := get(t, "http://"+at[1]+"/"); got != "hi" {
			t.Errorf("got %q", got)
		}
		if got := get(t, "http://"+at[0]+"/ready"); got != "ready\n" {
			t.Errorf("got %q", got)
		}
		i.upgrade()
	}
	// The third one is asked for now; the first one is given up, asked for again, and still there.
	for _, listeners := range []string{fmt.Sprintf("[%q]", at[2]), fmt.Sprintf("[%q, %q]", at[1], at[2])} {
		i.write(fmt.Sprintf("listeners: %s\nadmin: %q\nroutes:\n  - { match: /, respond: { body: more } }\n", listeners, at[0]))
		if code, out := line("reload", "-c", i.document()); code != 0 {
			t.Fatalf("got %d %s", code, out)
		}
		if got := get(t, "http://"+at[2]+"/"); got != "more" {
			t.Errorf("got %q", got)
		}
	}
	if got := get(t, "http://"+at[1]+"/"); got != "more" {
		t.Errorf("got %q", got)
	}
}

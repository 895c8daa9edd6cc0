package function

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// client stands for a process that speaks to a Runtime API: its own, or the one that it is told; so does a child of it, in a session of its
// own where "apart" says so.
func client(what string) {
	at, _, _ := strings.Cut(what, " ")
	if at == "own" {
		at = os.Getenv("AWS_LAMBDA_RUNTIME_API")
	}
	resp, err := http.Get("http://" + at + "/")
	if err != nil {
		fmt.Println("refused")
	} else {
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	if strings.HasSuffix(what, "apart") {
		c := exec.Command(os.Args[0])
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		c.Env, c.Stdout = append(os.Environ(), "FUNCTION_CLIENT="+at), os.Stdout
		_ = c.Run()
	}
	if what == at {
		fmt.Println("end", at)
		return
	}
	fmt.Println("end", at)
	time.Sleep(time.Minute)
}

// The Runtime API of a process hears that process and what it started, and nobody else of the same user: not the gateway, and not the process
// of another function.
func TestHearsItsOwn(t *testing.T) {
	m := &machine{log: slog.New(slog.DiscardHandler)}
	defer m.Close()
	run := func(what string) (said []string, at string) {
		t.Helper()
		lines := make(chan string, 10)
		p, err := m.Start(&Start{
			Config: &Config{Directory: Directory{t.TempDir()}}, Command: []string{os.Args[0]},
			Env: []string{"PATH=" + os.Getenv("PATH"), "FUNCTION_CLIENT=" + what},
			API: http.NotFoundHandler(), Output: func(_, line string) { lines <- line },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			p.Kill()
			_ = p.Wait()
		})
		for line := range lines {
			if at, last := strings.CutPrefix(line, "end "); last {
				return said, at
			}
			said = append(said, line)
		}
		return nil, ""
	}
	said, at := run("own apart")
	if got := strings.Join(said, " "); got != "404 404" {
		t.Errorf("a process and its child hear %s", got)
	}
	if said, _ := run(at); strings.Join(said, " ") != "refused" {
		t.Errorf("another function's process hears %s", said)
	}
	if resp, err := http.Get("http://" + at + "/"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("the gateway hears %d", resp.StatusCode)
	}
}

func TestHeard(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp"} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if !heard(s, os.Getpid()) || !heard(s, os.Getppid()) {
			t.Errorf("%s: a connection of this process is somebody else's", network)
		}
		if heard(s, 1<<30) {
			t.Errorf("%s: a process that is not there is heard", network)
		}
		_ = c.Close()
		_ = s.Close()
		_ = l.Close()
	}
	if user, inode := owner("/proc/net/tcp", "0100007F:0000", "0100007F:0000"); user != "" || inode != "" {
		t.Errorf("a connection that is not there belongs to %s", user)
	}
}

// A connection of this user is known as long as somebody holds it. Then it could be anybody's: the kernel says root.
func TestConnectionThatNobodyHolds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if !heard(near, os.Getpid()) {
		t.Error("the own process is not known")
	}
	_ = far.Close()
	for range 200 {
		if !heard(near, os.Getpid()) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	from, to := kernelAddress(near.RemoteAddr().(*net.TCPAddr)), kernelAddress(near.LocalAddr().(*net.TCPAddr))
	if user, _ := owner("/proc/net/tcp", from, to); user != "" {
		t.Errorf("a connection that nobody holds is said to be that of %s", user)
	}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A new program that is none, ends, or refuses the document harms nothing; the one after it may be better.
func TestUpgradeThatFails(t *testing.T) {
	i := install(t)
	p, front, admin := i.run("")
	before := i.number()
	fails := func(what, said string) {
		t.Helper()
		if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		p.await("(" + said + ")")
		if now := i.number(); now != before {
			t.Errorf("%s: process %d is %d now", what, before, now)
		}
		if got := get(t, "http://"+front+"/"); got != "hi" {
			t.Errorf("%s: got %q", what, got)
		}
		if got := get(t, "http://"+admin+"/ready"); got != "ready\n" {
			t.Errorf("%s: got %q", what, got)
		}
	}
	for what, text := range map[string]string{"a crash": "#!/bin/sh\nkill -SEGV $$\n", "an error": "#!/bin/sh\nexit 1\n"} {
		if err := i.put([]byte(text)); err != nil {
			t.Fatal(err)
		}
		fails(what, "the new program does not take over; this one goes on")
	}
	if err := i.put([]byte("no program")); err != nil {
		t.Fatal(err)
	}
	fails("no program", "the new program cannot be started; this one goes on")
	i.replace()
	good, err := os.ReadFile(i.document())
	if err != nil {
		t.Fatal(err)
	}
	i.write("listeners: [x]\n")
	p.await("(the new configuration is refused)")
	fails("a broken document", "the new program does not take over; this one goes on")
	i.write(string(good))
	i.upgrade()
	if got := get(t, "http://"+front+"/"); got != "hi" {
		t.Errorf("after all: got %q", got)
	}
}

// A second wish for a new program while one is on its way is not granted, and one that has not answered when the process is told
// to stop goes with it.
func TestUpgradeWhileUpgrading(t *testing.T) {
	i := install(t)
	p, _, _ := i.run("")
	if err := i.put([]byte("#!/bin/sh\nexec sleep 60\n")); err != nil {
		t.Fatal(err)
	}
	pid := i.number()
	for range 2 {
		if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
	next, err := strconv.Atoi(p.await("a new program is on its way already.* pid=(\\d+)"))
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	i.await("the end of the new program", func() bool { return gone(next) })
	if _, err := os.Stat(i.pid); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the PID file: %v", err)
	}
}

// Documents that change all the time while programs take over, listeners coming and going: no request fails, and the newest
// document is served in the end.
func TestUpgradeWhileReloading(t *testing.T) {
	i := install(t)
	_, front, admin := i.run("")
	spare := port(t)
	write := func(n int) {
		listeners := fmt.Sprintf("[%q]", front)
		if n%2 == 1 {
			listeners = fmt.Sprintf("[%q, %q]", front, spare)
		}
		text := fmt.Sprintf("listeners: %s\nadmin: %q\nroutes:\n  - { match: /, respond: { body: hi } }\n  - { match: /number, respond: { body: \"%d\" } }\n", listeners, admin, n)
		if err := os.WriteFile(i.document()+".new", []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(i.document()+".new", i.document()); err != nil {
			t.Error(err)
		}
	}
	var stop atomic.Bool
	var asked atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	defer stop.Store(true)
	for n := range 4 {
		all.Go(func() {
			if err := load(front, n%2 == 0, &stop, &asked); err != nil {
				t.Errorf("client %d: %v", n, err)
			}
		})
	}
	all.Go(func() {
		for n := 0; !stop.Load(); n++ {
			write(n)
			_ = syscall.Kill(i.number(), syscall.SIGHUP) // it may have ended just now
			<-time.After(20 * time.Millisecond)
		}
	})
	for range times(4, 40) {
		i.upgrade()
	}
	stop.Store(true)
	all.Wait()
	write(1000)
	i.await("the newest document", func() bool { return get(t, "http://"+front+"/number") == "1000" })
	t.Logf("%d requests", asked.Load())
}

// A listener that the document no longer has is closed by the new program, one that is new is opened, and one that is spelt
// otherwise is the same.
func TestUpgradeWithAnotherDocument(t *testing.T) {
	i := install(t)
	_, front, admin := i.run("", "--last-good")
	_, number, _ := net.SplitHostPort(front)
	added := port(t)
	// The process at hand must not see the change before the new one does.
	if err := syscall.Kill(i.number(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	i.write(fmt.Sprintf("listeners: [\"localhost:%s\", %q]\nadmin: %q\nroutes: [{ match: /, respond: { body: new } }]\n", number, added, admin))
	before := i.number()
	for _, s := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGCONT} {
		if err := syscall.Kill(before, s); err != nil {
			t.Fatal(err)
		}
	}
	i.await("another process", func() bool { return i.number() != before })
	i.await("the end of the one before", func() bool { return gone(before) })
	for _, at := range []string{front, added} {
		if got := get(t, "http://"+at+"/"); got != "new" {
			t.Errorf("%s: got %q", at, got)
		}
	}
}

// The admin listener tells how it goes to the end of a drain.
func TestAdminWhileDraining(t *testing.T) {
	i := install(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // answers when it is told to
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, front, admin := i.run("  - { match: /slow, upstream: a }\nupstreams: { a: { targets: [\"http://" + l.Addr().String() + "\"] } }\n")
	token, err := os.ReadFile(filepath.Join(i.dir, "data", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() { answer <- get(t, "http://"+front+"/slow") }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.signal(syscall.SIGTERM)
	p.await("(stopping)")
	i.await("draining", func() bool { return strings.Contains(get(t, "http://"+admin+"/ready"), "draining") })
	if got := get(t, "http://"+admin+"/api/status", strings.TrimSpace(string(token))); !strings.Contains(got, `"draining": true`) || !strings.Contains(got, `"inflight": 1`) {
		t.Errorf("got %s", got)
	}
	if got := get(t, "http://"+admin+"/live"); got != "live\n" {
		t.Errorf("got %q", got)
	}
	if got := get(t, "http://"+admin+"/metrics"); !strings.Contains(got, "sallyport_inflight_requests 1") {
		t.Errorf("got %s", got)
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "ok" {
		t.Errorf("got %q", got)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

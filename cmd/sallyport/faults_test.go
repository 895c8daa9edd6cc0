package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Processes that are killed while they take one document after the other: the next one, whose document is broken, serves one of
// those, whole, and knows the token.
func TestKilledWhileKeeping(t *testing.T) {
	i := install(t)
	front, admin := port(t), port(t)
	doc := func(n int) string {
		return fmt.Sprintf("listeners: [%q]\nadmin: %q\nroutes:\n  - { match: /, respond: { headers: { x-number: \"%d\" }, body: \"%d\" } }\n%s",
			front, admin, n, n, strings.Repeat("# so that it takes a while to write\n", 2000))
	}
	run := func() *process {
		return startAt(t, i.file, "run", "-c", i.document(), "--last-good", "--pid-file", i.pid)
	}
	kill := func(p *process) {
		t.Helper()
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.cmd.Wait()
	}
	i.write(doc(0))
	p := run()
	p.await("(msg=serving)")
	i.await("the kept document", func() bool { _, err := os.Stat(filepath.Join(i.dir, "data", "last-good.json")); return err == nil })
	token, err := os.ReadFile(filepath.Join(i.dir, "data", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range times(4, 100) {
		for k := range 5 {
			i.write(doc(10*n + k))
			p.signal(syscall.SIGHUP)
			<-time.After(time.Duration(rand.IntN(5000)) * time.Microsecond)
		}
		kill(p)
		i.write("listeners: [x]\n")
		p = run()
		p.await("(SERVING THE LAST GOOD ONE)")
		resp, err := http.Get("http://" + front + "/")
		if err != nil {
			t.Fatal(err)
		}
		if body := bodyOf(resp); body == "" || body != resp.Header.Get("X-Number") {
			t.Errorf("got %q with number %q", body, resp.Header.Get("X-Number"))
		}
		i.await("the admin listener", func() bool {
			code, _ := line("upstreams", "-c", i.document(), "--admin", admin)
			return code == 0
		})
		if now, err := os.ReadFile(filepath.Join(i.dir, "data", "admin.token")); err != nil || string(now) != string(token) {
			t.Errorf("the token: got %q %v", now, err)
		}
		i.write(doc(10 * n))
		p.await("(configuration replaced)")
	}
	kill(p)
}

func bodyOf(resp *http.Response) string {
	defer resp.Body.Close()
	var b strings.Builder
	buf := make([]byte, 1000)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

// A broken document changes nothing: it is refused by whoever asked for it, with its place, and the metrics say so until it is
// mended.
func TestBrokenDocument(t *testing.T) {
	i := install(t)
	_, front, admin := i.run("")
	good, err := os.ReadFile(i.document())
	if err != nil {
		t.Fatal(err)
	}
	series := "sallyport_config_last_reload_successful "
	if got := get(t, "http://"+admin+"/metrics"); !strings.Contains(got, series+"1") {
		t.Error("before: the metrics do not say that all is well")
	}
	i.write("listeners: [x]\n")
	if code, out := line("reload", "-c", i.document(), "--admin", admin); code != 1 || !strings.Contains(out, "sallyport.yaml:1:13: listeners[0].address") {
		t.Errorf("got %d %s", code, out)
	}
	if got := get(t, "http://"+admin+"/metrics"); !strings.Contains(got, series+"0") {
		t.Error("the metrics do not say that it was refused")
	}
	if got := get(t, "http://"+front+"/"); got != "hi" {
		t.Errorf("got %q", got)
	}
	i.write(string(good))
	if code, out := line("reload", "-c", i.document(), "--admin", admin); code != 0 {
		t.Errorf("got %d %s", code, out)
	}
	if got := get(t, "http://"+admin+"/metrics"); !strings.Contains(got, series+"1") {
		t.Error("after: the metrics do not say that all is well")
	}
}

// SIGHUP after the access log was moved away, as logrotate does: lines go to a new file, and none is lost.
func TestLogRotation(t *testing.T) {
	i := install(t)
	log := filepath.Join(i.dir, "access.log")
	_, front, _ := i.run(fmt.Sprintf("telemetry: { access_log: { path: %q } }\n", log))
	holds := func(name, path string) func() bool {
		return func() bool {
			b, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(b), `"path":"`+path+`"`)
		}
	}
	get(t, "http://"+front+"/before")
	i.await("the line", holds(log, "/before"))
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	get(t, "http://"+front+"/between")
	i.await("the line in the file that was moved", holds(log+".1", "/between"))
	if err := syscall.Kill(i.number(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.await("a new file", func() bool { _, err := os.Stat(log); return err == nil })
	get(t, "http://"+front+"/after")
	i.await("the line in the new file", holds(log, "/after"))
}

func newSilent(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A second signal ends the process at once, whatever is under way, and well.
func TestSecondSignal(t *testing.T) {
	i := install(t)
	w := newSilent(t)
	p, front, _ := i.run("  - { match: /slow, upstream: a }\nupstreams: { a: { targets: [\"http://" + w.Addr().String() + "\"] } }\n")
	go func() {
		if resp, err := http.Get("http://" + front + "/slow"); err == nil {
			_ = resp.Body.Close()
		}
	}()
	c, err := w.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.signal(syscall.SIGTERM)
	p.await("(stopping)")
	begun := time.Now()
	p.signal(syscall.SIGINT)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Twenty documents one after the other, under load, with and without keep-alive: not one request fails, and each is answered
// by a document that was in service.
func TestReloadUnderLoad(t *testing.T) {
	a, b := newTarget(t, hello), newTarget(t, strings.Replace(hello, "hello", "there", 1))
	doc := func(n int) string {
		targets := []string{a.url(), b.url()}
		return fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams:
  stays: { targets: [%q, %q] }
  moves: { targets: [%q], timeouts: { connect: %ds } }
limits: { idle: %ds }
routes:
  - { match: /stays, upstream: stays, policies: [{ rate_limit: { rate: 1000000/hour, per: route } }] }
  - { match: /moves, upstream: moves, policies: [{ headers: { response: { set: { x-number: "%d" } } } }] }
`, targets[0], targets[1], targets[n%2], 1+n%5, 30+n%2, n)
	}
	g := start(t, doc(0), Options{})
	at := g.Addresses()[0]
	var stop atomic.Bool
	var asked atomic.Int64
	var load sync.WaitGroup
	failures := make(chan error, 64)
	for i := range 8 {
		load.Go(func() {
			if err := hammer(at, i%2 == 0, &stop, &asked); err != nil {
				failures <- err
			}
		})
	}
	until := time.Now().Add(20 * time.Second)
	for n := 1; n <= 20; n++ {
		for before := asked.Load(); asked.Load() < before+200 && time.Now().Before(until) && len(failures) == 0; {
			ask(t, at, get("/stays"))
		}
		if err := g.LoadBytes("c", []byte(doc(n))); err != nil {
			t.Fatal(err)
		}
		if n%5 == 0 {
			if err := g.LoadBytes("c", []byte("routes: [{ match: / }]")); err == nil {
				t.Fatal("a wrong document is served")
			}
		}
	}
	resp, _ := ask(t, at, get("/moves"))
	stop.Store(true)
	load.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if got := resp.Header.Get("X-Number"); got != "20" {
		t.Errorf("after the last document: got number %q", got)
	}
	if st := g.Status(); st.Config.Number != 21 || len(st.Config.Errors) == 0 || len(st.Listeners) != 1 {
		t.Errorf("got %+v", st.Config)
	}
	t.Logf("%d requests", asked.Load())
}

// hammer asks until stop, on one connection or on a new one each time.
func hammer(at string, keep bool, stop *atomic.Bool, asked *atomic.Int64) error {
	var c net.Conn
	var r *bufio.Reader
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for n := 0; !stop.Load(); n++ {
		if c == nil {
			var err error
			if c, err = net.DialTimeout("tcp", at, 5*time.Second); err != nil {
				return err
			}
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			r = bufio.NewReader(c)
		}
		path := []string{"/stays", "/moves"}[n%2]
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
			return err
		}
		if err := answered(r); err != nil {
			return fmt.Errorf("request %d for %s, keep-alive %v: %w", n, path, keep, err)
		}
		asked.Add(1)
		if !keep {
			_ = c.Close()
			c = nil
		}
	}
	return nil
}

func answered(r *bufio.Reader) error {
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	for line := status; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
	}
	body := make([]byte, 5)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") || string(body) != "hello" && string(body) != "there" {
		return errors.New(status + string(body))
	}
	return nil
}

// Listeners come and go with the document, those that stay keep their socket, and one that cannot be had changes nothing.
func TestReloadListeners(t *testing.T) {
	doc := func(addresses ...string) []byte {
		return []byte("listeners: [\"" + strings.Join(addresses, "\", \"") + "\"]\nroutes: [{ match: /, respond: { body: hi } }]\n")
	}
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	one, two := free(), free()
	g := start(t, string(doc(one)), Options{})
	kept, err := net.Dial("tcp", one)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	r := bufio.NewReader(kept)
	talk(t, kept, r, get("/"))
	if err := g.LoadBytes("c", doc(one, two)); err != nil {
		t.Fatal(err)
	}
	ask(t, two, get("/"))
	talk(t, kept, r, get("/"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = g.LoadBytes("c", doc(two, taken.Addr().String()))
	if err == nil || !strings.Contains(err.Error(), "listeners[1].address: cannot listen on") {
		t.Errorf("an address that is taken: got %v", err)
	}
	talk(t, kept, r, get("/"))
	if err := g.LoadBytes("c", doc(two)); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", one); err == nil {
		_ = c.Close()
		t.Error("a listener that is gone lets clients in")
	}
	if _, err := kept.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("an idle connection of a listener that is gone: got %v, want it closed", err)
	}
	ask(t, two, get("/"))
}

// A directory as Kubernetes mounts a ConfigMap: names are links into a directory that a link stands for, which is swapped. The
// document is the directory, or a file in it.
func TestWatchConfigMap(t *testing.T) {
	for _, name := range []string{"", "gw.yaml"} {
		t.Run("path "+name, func(t *testing.T) { watchConfigMap(t, name) })
	}
}

func watchConfigMap(t *testing.T, file string) {
	dir := t.TempDir()
	version := func(name, body string) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		doc := "listeners: [\"127.0.0.1:0\"]\nadmin: off\nroutes: [{ match: /, respond: { body: " + body + " } }]\n"
		if err := os.WriteFile(filepath.Join(dir, name, "gw.yaml"), []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..one", "one")
	if err := os.Symlink("..data/gw.yaml", filepath.Join(dir, "gw.yaml")); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, filepath.Join(dir, file), Options{})
	if _, body := ask(t, p.at, get("/")); body != "one" {
		t.Fatalf("got %q", body)
	}
	version("..two", "two")
	if err := os.RemoveAll(filepath.Join(dir, "..one")); err != nil { // as kubelet does
		t.Fatal(err)
	}
	p.said(t, "configuration replaced")
	if _, body := ask(t, p.at, get("/")); body != "two" {
		t.Errorf("after the swap: got %q", body)
	}
	version("..three", "\"${\"")
	p.said(t, "the new configuration is refused")
	if _, body := ask(t, p.at, get("/")); body != "two" {
		t.Errorf("after a wrong one: got %q", body)
	}
}

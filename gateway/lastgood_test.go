package gateway

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kept waits until the data directory holds a document with text in it.
func kept(t *testing.T, data, text string) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(data, lastGoodFile))
		if err == nil && strings.Contains(string(b), text) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s is not kept: %s %v", text, b, err)
		}
	}
}

func (p *running) stop(t *testing.T) {
	t.Helper()
	p.signals <- syscall.SIGTERM
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The last good document, all its files as one, is served when the one at hand is broken at the start and that was asked for:
// loudly, until it is mended. What comes from the environment is not kept.
func TestLastGood(t *testing.T) {
	dir := t.TempDir()
	data, doc, part := filepath.Join(dir, "data"), filepath.Join(dir, "gw.yaml"), filepath.Join(dir, "parts", "a.yaml")
	secret := "kept-nowhere"
	o := Options{Data: data, LastGood: true, Env: func(name string) (string, bool) { return secret, name == "WORD" }}
	write(t, part, "routes: [{ match: /, respond: { body: \"${env.WORD}\" } }]\n")
	write(t, doc, listen+"admin: off\ninclude: parts/*.yaml\n")
	p := newProcess(t, doc, o)
	kept(t, data, "${env.WORD}")
	p.stop(t)
	name := filepath.Join(data, lastGoodFile)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), secret) {
		t.Errorf("a secret is kept: %s", b)
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v %v", info.Mode(), err)
	}

	write(t, part, "routes: [{ match: / }]\n")
	refused := func(what string, o Options) {
		t.Helper()
		o.Log, o.Stdout, o.Signals = silent, io.Discard, make(chan os.Signal)
		if err := Run(context.Background(), doc, o); err == nil || !strings.Contains(err.Error(), "no backend") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	without := o
	without.LastGood = false
	refused("not asked for", without)

	p = newProcess(t, doc, o)
	p.said(t, "SERVING THE LAST GOOD ONE")
	if _, body := ask(t, p.at, get("/")); body != secret {
		t.Errorf("got %q", body)
	}
	st := p.gateway.Status()
	if st.Config.LastGood == nil || st.Config.LastGood.Source != doc || len(st.Config.Errors) != 1 || !st.Ready {
		t.Errorf("got %+v", st.Config)
	}
	if text := series(p.gateway); !strings.Contains(text, "sallyport_config_last_good 1") || !strings.Contains(text, "sallyport_config_last_reload_successful 0") {
		t.Error("the metrics do not tell")
	}
	write(t, part, "routes: [{ match: /, respond: { body: mended } }]\n")
	p.said(t, "configuration replaced")
	if _, body := ask(t, p.at, get("/")); body != "mended" {
		t.Errorf("after it was mended: got %q", body)
	}
	if st := p.gateway.Status(); st.Config.LastGood != nil || !strings.Contains(series(p.gateway), "sallyport_config_last_good 0") {
		t.Errorf("after it was mended: got %+v", st.Config)
	}
	kept(t, data, "mended")
	p.stop(t)

	write(t, part, "routes: [{ match: / }]\n")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"damaged":           strings.Replace(string(whole), "mended", "broken", 1),
		"cut off":           string(whole[:len(whole)/2]),
		"empty":             "",
		"of another source": strings.ReplaceAll(string(whole), doc, doc+"x"),
	} {
		write(t, name, text)
		refused(what, o)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	refused("gone", o)
}

func series(g *Gateway) string {
	w := httptest.NewRecorder()
	g.Metrics().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// A data directory that takes nothing, or no more, changes nothing about what is served, and is told of.
func TestLastGoodWithoutDisk(t *testing.T) {
	t.Run("no directory", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "data"), "a file")
		p := newProcess(t, document(t, listen+"admin: off\nroutes: [{ match: /, respond: { body: hi } }]\n"), Options{Data: filepath.Join(dir, "data")})
		p.said(t, "cannot be kept")
		if _, body := ask(t, p.at, get("/")); body != "hi" {
			t.Errorf("got %q", body)
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		data := t.TempDir()
		if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("no file system of our own: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(data, 0) })
		doc := document(t, listen+"admin: off\nroutes: [{ match: /, respond: { body: one } }]\n")
		p := newProcess(t, doc, Options{Data: data})
		kept(t, data, "body: one")
		write(t, doc, listen+"admin: off\nroutes: [{ match: /, respond: { body: two } }]\n# "+strings.Repeat("x", 100<<10)+"\n")
		p.said(t, "cannot be kept")
		if _, body := ask(t, p.at, get("/")); body != "two" {
			t.Errorf("got %q", body)
		}
		kept(t, data, "body: one")
		write(t, doc, listen+"admin: off\nroutes: [{ match: /, respond: { body: three } }]\n")
		kept(t, data, "body: three")
		p.stop(t)
	})
}

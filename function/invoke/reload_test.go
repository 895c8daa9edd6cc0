package invoke_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/function"
	"sallyport/function/invoke"
	"sallyport/policy"
	"sallyport/wire"
)

// A new document leaves counts, connections and streams alone; what it says of the function counts at once.
func TestReload(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, streamed)
	more := make(chan struct{})
	l.has("f", func(rw http.ResponseWriter, r *http.Request) {
		streams(chunk(head), chunk("before "))(rw, r)
		<-more
		streams(chunk("after"), complete("{}"))(rw, r)
	})
	l.has("g", returns(`{"body": "g"}`))
	resp := w.open("GET", "/", "")
	defer func() { _ = resp.Body.Close() }()
	got := make([]byte, len("before "))
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	w.load(l, strings.ReplaceAll(document, "function: f,", "function: g, qualifier: \"1\","))
	l.has("g:1", returns(`{"body": "another"}`))
	if a := w.ask("GET", "/", ""); a.status != 200 || a.body != "another" {
		t.Errorf("after the reload: got %d %q", a.status, a.body)
	}
	opened := l.opened.Load()
	for i := range 5 {
		w.load(l, strings.ReplaceAll(document, "aws:", fmt.Sprintf("timeout: %ds, aws:", 10+i)))
		l.has("f", returns(`{"body": "f"}`))
		if a := w.ask("GET", "/", ""); a.status != 200 || a.body != "f" {
			t.Errorf("after reload %d: got %d %q", i, a.status, a.body)
		}
	}
	if n := l.opened.Load() - opened; n > 0 {
		t.Errorf("reloads took %d connections", n)
	}
	close(more)
	if rest, err := io.ReadAll(resp.Body); string(rest) != "after" || err != nil {
		t.Errorf("the rest of the stream is %q, %v", rest, err)
	}
	if m := w.scrape(); !strings.Contains(m, `sallyport_function_calls_total{function="f"} 7`) {
		t.Error("the counts did not live on")
	}
	w.load(l, "routes: [{ match: /, respond: {} }]\n") // nobody asks for credentials any more
	if m := w.scrape(); strings.Contains(m, `function="f"`) {
		t.Error("a function that is gone is still told of")
	}
	w.load(l, document)
	if a := w.ask("GET", "/", ""); a.status != 200 || a.body != "f" {
		t.Errorf("back again: got %d %q", a.status, a.body)
	}
}

// Many at once, through reloads: each gets its own answer.
func TestManyAtOnce(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, document)
	l.has("f", func(rw http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		_, path, _ := strings.Cut(string(event), `"path":"/`)
		path, _, _ = strings.Cut(path, `"`)
		time.Sleep(time.Millisecond)
		fmt.Fprintf(rw, `{"body": %q}`, path)
	})
	var crew sync.WaitGroup
	var done atomic.Int64
	for i := range 40 {
		crew.Go(func() {
			for j := range 10 {
				path := fmt.Sprintf("%d-%d", i, j)
				if a := w.ask("GET", "/"+path, ""); a.status != 200 || a.body != path {
					t.Errorf("%s: got %d %q", path, a.status, a.body)
				}
				done.Add(1)
			}
		})
	}
	for done.Load() < 300 {
		w.load(l, document)
		time.Sleep(time.Millisecond)
	}
	crew.Wait()
	if m := w.scrape(); !strings.Contains(m, `sallyport_function_calls_total{function="f"} 400`) {
		t.Error("the calls are not 400")
	}
}

// Lambda by https is trusted by its certificate alone.
func TestTLS(t *testing.T) {
	environment(t, "AWS_ACCESS_KEY_ID", keyID, "AWS_SECRET_ACCESS_KEY", secret, "AWS_SESSION_TOKEN", session)
	l := &lambda{t: t, session: session, code: map[string]http.HandlerFunc{"f": returns(`"well"`)}}
	l.Server = httptest.NewUnstartedServer(l)
	l.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	l.StartTLS()
	t.Cleanup(l.Close)
	at, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &function.Config{Timeout: 10 * time.Second, AWS: &function.AWS{Function: "f", Region: region, Endpoint: at}}
	if err := c.AWS.Check(); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(l.Certificate())
	for _, trusted := range []bool{true, false} {
		o := invoke.Options{Log: slog.New(slog.DiscardHandler), Roots: roots}
		if !trusted {
			o.Roots = x509.NewCertPool()
		}
		r := invoke.NewRegistry(o)
		f := r.Prepare("f", c)
		r.Serve(map[string]*invoke.Function{"f": f})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			f.Credentials().Keep(ctx)
			close(done)
		}()
		a, err := f.Ask(&policy.Exchange{Request: &wire.Request{Method: "GET"}}, function.Call{ID: "1", Event: []byte(`{}`)})
		if trusted != (err == nil && string(a.Result) == `"well"`) {
			t.Errorf("trusted %t: got %q, %v", trusted, a.Result, err)
		}
		if !trusted && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("the error is %v", err)
		}
		end()
		<-done
		r.Close()
	}
}

package functions

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/test"
)

func node(t *testing.T, handler string) *world {
	t.Helper()
	if err := test.Install("node"); err != nil {
		t.Fatal(err)
	}
	return start(t, fmt.Sprintf(`
functions: { web: { runtime: node, directory: %q, handler: %s, timeout: 3s } }
routes: [{ match: "/{rest...}", function: web, payload: "2.0" }]
`, here(t, "node"), handler))
}

func TestNode(t *testing.T) {
	w := node(t, "index.handler")
	began := time.Now()
	w.want(404, "GET", "/")
	took(t, "Node, cold", began)
	began = time.Now()
	a := w.want(200, "GET", "/context")
	took(t, "Node, warm", began)
	if want := a.header.Get("X-Request-Id") + " web true"; a.body != want {
		t.Errorf("the context is %q, want %q", a.body, want)
	}
	if a = w.want(200, "GET", "/short"); a.body != `{"hello":"world"}` {
		t.Errorf("got %q", a.body)
	}
	eventually(t, "the log says it", func() bool { return strings.Contains(w.said.String(), "says "+a.header.Get("X-Request-Id")) })
	if a = w.want(200, "GET", "/event?q=1"); !strings.Contains(a.body, `"routeKey":"ANY /{rest+}"`) {
		t.Errorf("got %s", a.body)
	}
	for _, path := range []string{"/throw", "/later", "/exit"} {
		if a := w.want(502, "GET", path); !strings.Contains(a.body, "function_error") || strings.Contains(a.body, "not for clients") {
			t.Errorf("%s: %s", path, a.body)
		}
		w.want(404, "GET", "/next")
	}
	w.want(504, "GET", "/sleep")
	w.want(404, "GET", "/next")
}

func TestNodeCallback(t *testing.T) {
	if a := node(t, "index.old").want(202, "GET", "/"); a.body != "by callback" {
		t.Errorf("got %q", a.body)
	}
}

// A function that says nothing and waits for nothing has failed at once.
func TestNodeOld(t *testing.T) {
	if a := node(t, "index.first").want(203, "GET", "/"); a.body != "by context" {
		t.Errorf("got %q", a.body)
	}
	w := node(t, "index.idle")
	w.want(200, "GET", "/") // null, which is a result 2.0
	w.want(200, "GET", "/")
	if s := w.Status().Functions[0]; s.Timeouts+s.Crashes+s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNodeStreams(t *testing.T) {
	w := node(t, "index.stream")
	if a := w.want(203, "GET", "/"); a.body != "one two" || a.header.Get("X-A") != "1" || a.header.Get("Set-Cookie") != "a=1" {
		t.Errorf("got %v %q", a.header, a.body)
	}
	for _, path := range []string{"/broken", "/strange", "/crash"} {
		if a := w.ask("GET", path, ""); a.err == nil {
			t.Errorf("%s: a stream that failed is whole: %d %q", path, a.status, a.body)
		}
	}
	eventually(t, "two errors and a crash are counted", func() bool {
		s := w.Status().Functions[0]
		return s.Errors == 2 && s.Crashes == 1 && s.Timeouts == 0
	})
}

package compose

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

func says(body string) func(string) (int, string) {
	return func(string) (int, string) { return 200, body }
}

// Calls are made when they can be: the whole takes as long as the longest way.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{answer: says(`{"id":"1","items":[1,2,3,4,5,6]}`), delay: func() time.Duration { return 10 * time.Millisecond }}
		h := made(t, s, `
calls:
  a: { upstream: s, path: /a }
  b: { upstream: s, path: /b }
  c: { upstream: s, path: "/c/${calls.a.body.id}" }
  d: { upstream: s, path: "/d/${item}", for_each: "${calls.b.body.items}", concurrency: 3 }
body: [ "${calls.c.body.id}", "${size(calls.d)}" ]`)
		start, x := time.Now(), exchange("/")
		resp, err := h(x)
		if got := told(x, resp, err); got != `200 [] ["1",6]` {
			t.Error(got)
		}
		if took := time.Since(start); took != 30*time.Millisecond || s.most != 4 { // b, then two rounds of d; c beside the first
			t.Errorf("it took %v, %d calls were under way at once", took, s.most)
		}
	})
}

// What is not needed any more is canceled, and the request does not wait for it.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delays := map[string]time.Duration{"/a": time.Second, "/b": 2 * time.Second, "/c": time.Hour}
		s := &slow{services{answer: func(path string) (int, string) { return map[string]int{"/a": 200, "/b": 500, "/c": 200}[path], "{}" }}, delays}
		h := made(t, s, `
timeout: 10m
calls: { a: { upstream: s, path: /a }, b: { upstream: s, path: /b }, c: { upstream: s, path: /c }, d: { upstream: s, path: "/d/${calls.c.body.x}" } }
merge: [a, b, c, d]`)
		start, x := time.Now(), exchange("/")
		resp, err := h(x)
		if got := told(x, resp, err); got != "502 compose_failed The call b was answered with 500." {
			t.Error(got)
		}
		if took := time.Since(start); took != 2*time.Second || len(s.asked) != 3 {
			t.Errorf("it took %v, asked were %v", took, s.asked)
		}
	})
}

// slow is services that take their time, each its own.
type slow struct {
	services
	by map[string]time.Duration
}

func (s *slow) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	one := services{answer: s.answer, delay: func() time.Duration { return s.by[c.Target] }}
	s.mu.Lock()
	s.asked = append(s.asked, c.Target)
	s.mu.Unlock()
	return one.Send(x, c)
}

// A client that goes away ends all calls, and the one watcher of its connection is stopped before the answer.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &gone{}
		h := made(t, s, "calls: { a: { upstream: s }, b: { upstream: s, on_error: omit } }\nmerge: [a, b]")
		x := exchange("/")
		watchers, stops := 0, 0
		x.Request.Conn.Watch = func(gone func()) func() {
			watchers++
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(time.Second)
				gone()
			}()
			return func() { stops++; <-done }
		}
		_, err := h(x)
		x.End()
		if p := problem.From(err); p.Unwrap() != wire.ErrClientGone || watchers != 1 || stops != 1 {
			t.Errorf("got %v, %d watchers, %d stopped", err, watchers, stops)
		}
	})
}

// gone is an upstream that answers nothing, until the client has gone.
type gone struct{ services }

func (g *gone) Send(x *policy.Exchange, _ *wire.Call) (*wire.Response, error) {
	told := make(chan struct{})
	defer x.Request.Conn.Watch(func() { close(told) })()
	<-told
	return nil, problem.BadRequest.Wrap(wire.ErrClientGone)
}

// A call that panics fails, and does not take the process with it.
func TestPanic(t *testing.T) {
	s := &services{answer: func(path string) (int, string) {
		if path == "/a" {
			panic("a bug")
		}
		return 200, "{}"
	}}
	h := made(t, s, "calls: { a: { upstream: s, path: /a }, b: { upstream: s, path: /b } }\nmerge: [a, b]")
	x := exchange("/")
	resp, err := h(x)
	if got := told(x, resp, err); !strings.HasPrefix(got, "500 internal") && !strings.HasPrefix(got, "502") {
		t.Error(got)
	}
}

func TestBounds(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`"` + strings.Repeat("a", 1<<20) + `"`))
	_ = z.Close()
	for name, tc := range map[string]struct{ doc, body, want string }{
		"a body":                 {"calls: { a: { upstream: s, max_body: 1KiB } }\nmerge: [a]", `"` + strings.Repeat("a", 2000) + `"`, "502 compose_failed The call a was answered with too large a body."},
		"all bodies":             {"max_body: 1KiB\ncalls: { a: { upstream: s }, b: { upstream: s } }\nbody: { n: '${size(calls.a.body) + size(calls.b.body)}' }", `"` + strings.Repeat("a", 700) + `"`, "502 compose_failed The calls brought too much."},
		"the answer":             {"max_body: 1KiB\ncalls: { a: { upstream: s } }\nbody: [ '${calls.a.body}', '${calls.a.body}' ]", `"` + strings.Repeat("a", 700) + `"`, "502 compose_failed The answer is too large."},
		"a body, by default":     {"calls: { a: { upstream: s } }\nmerge: [a]", `"` + strings.Repeat("a", 4<<20-1) + `"`, "502 compose_failed The call a was answered with too large a body."},
		"as large a body as may": {"calls: { a: { upstream: s } }\nmerge: [a]", `"` + strings.Repeat("a", 4<<20-2) + `"`, ""},
		"all bodies, by default": {"calls: { a: { upstream: s, for_each: '${[1, 2, 3, 4, 5]}' } }\nmerge: [a]", `"` + strings.Repeat("a", 4<<20-2) + `"`, "502 compose_failed The calls brought too much."},
		"the answer, by default": {"calls: { a: { upstream: s } }\nbody: ['${calls.a.body}', '${calls.a.body}', '${calls.a.body}', '${calls.a.body}']", `"` + strings.Repeat("a", 4<<20-2) + `"`, "502 compose_failed The answer is too large."},
		"items":                  {"calls: { a: { upstream: s }, b: { upstream: s, for_each: '${calls.a.body}', max_items: 2 } }\nmerge: [b]", `[1,2,3]`, "502 compose_failed The call b cannot be made of what the others answered."},
		"depth":                  {"calls: { a: { upstream: s } }\nmerge: [a]", strings.Repeat("[", 1000), "502 compose_failed The call a was answered with what is no good JSON."},
		"a path":                 {"calls: { a: { upstream: s }, b: { upstream: s, path: '/x/${calls.a.body.id}/y' } }\nmerge: [b]", `{"id":".."}`, "502 compose_failed The call b cannot be made of what the others answered."},
		"null":                   {"calls: { a: { upstream: s }, b: { upstream: s, query: { q: '${calls.a.body.id}' } } }\nmerge: [b]", `{"id":null}`, "502 compose_failed The call b cannot be made of what the others answered."},
		"a header":               {"calls: { a: { upstream: s }, b: { upstream: s, headers: { x-a: '${calls.a.body.id}' } } }\nmerge: [b]", `{"id":"a\r\nb: c"}`, "502 compose_failed The call b cannot be made of what the others answered."},
		"the client":             {"calls: { a: { upstream: s, path: '/${request.query.q}' } }\nmerge: [a]", `{}`, "400 bad_request The request lacks something that the route needs: request.query[\"q\"]."},
	} {
		x := exchange("/")
		if tc.want == "" {
			tc.want = "200 [] " + tc.body
		}
		resp, err := made(t, &services{answer: says(tc.body)}, tc.doc)(x)
		if got := told(x, resp, err); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
	h := made(t, encoded(zipped.String()), "calls: { a: { upstream: s, max_body: 64KiB } }\nmerge: [a]")
	x := exchange("/")
	resp, err := h(x)
	if got := told(x, resp, err); got != "502 compose_failed The call a was answered with too large a body." {
		t.Errorf("a bomb: got %s", got)
	}
}

// encoded is an upstream whose answer is in gzip.
type encoded string

func (e encoded) Name() string { return "s" }

func (e encoded) Send(*policy.Exchange, *wire.Call) (*wire.Response, error) {
	resp := &wire.Response{Status: 200, Length: int64(len(e)), Body: io.NopCloser(strings.NewReader(string(e)))}
	resp.Header.Add("Content-Encoding", "gzip")
	return resp, nil
}

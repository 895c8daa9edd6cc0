package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// longList is a list that is longer than what is read ahead, of n bytes or a little more.
func longList(n int) string {
	var b strings.Builder
	b.WriteString("[0")
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, ", {\"id\": %d, \"price\": 1.10}", i)
	}
	b.WriteString("]\n")
	return b.String()
}

// A tap is an upstream whose answer comes when it is let, by a body of its own.
type tap struct {
	length int64
	status int
	*body
}

type body struct {
	io.Reader
	read   int // bytes
	lifted bool
	closed int
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *body) Lift()        { b.lifted = true }
func (b *body) Close() error { b.closed++; return nil }

func (t *tap) Name() string { return "s" }

func (t *tap) Send(*policy.Exchange, *wire.Call) (*wire.Response, error) {
	resp := &wire.Response{Status: t.status, Length: t.length, Body: t.body}
	resp.Header.Set("X-Of", "tap")
	return resp, nil
}

// each is an upstream with an answer for each call, in the order in which they come.
type each struct {
	mu   sync.Mutex
	taps []*tap // guarded by mu
}

func (e *each) Name() string { return "s" }

func (e *each) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	e.mu.Lock()
	t := e.taps[0]
	e.taps = e.taps[1:]
	e.mu.Unlock()
	return t.Send(x, c)
}

func tapped(text string) *tap {
	return &tap{length: int64(len(text)), status: 200, body: &body{Reader: strings.NewReader(text)}}
}

const oneCall = "calls: { a: { upstream: s } }\nbody: '${calls.a.body}'"

// An asked is what came of a request: a body that is whole or not, or a problem.
type asked struct {
	whole   bool
	length  int64 // as the answer told it
	text    string
	problem string
}

func ask(h policy.Handler, proto wire.Proto) (a asked) {
	x := exchange("/")
	x.Request.Proto = proto
	defer x.End()
	resp, err := h(x)
	if err != nil {
		a.problem = problem.From(err).Detail
		return a
	}
	defer resp.Close()
	b, err := io.ReadAll(resp.Body)
	return asked{whole: err == nil, length: resp.Length, text: string(b)}
}

// compact is JSON without the white space in it, since what flows has none between its pieces.
func compact(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		t.Fatalf("%v in %.100s", err, s)
	}
	return b.String()
}

// A large body goes out before it has come, and is then what it would have been whole.
func TestFlow(t *testing.T) {
	text := longList(300 << 10)
	for name, doc := range map[string]string{
		"alone":             oneCall,
		"merged":            "calls: { a: { upstream: s } }\nmerge: [a]",
		"status and fields": "calls: { a: { upstream: s } }\nbody: '${ calls.a.body }'\nstatus: calls.a.status\nheaders: { x-of: '${calls.a.header(\"x-of\")}' }",
		"in a view":         "calls: { a: { upstream: s } }\nviews: [{ when: 'true', body: '${calls.a.body}' }]\nbody: { n: 1 }",
	} {
		up := tapped(text)
		in, out := io.Pipe()
		up.Reader = in
		go func() {
			_, _ = io.WriteString(out, text[:200<<10])
			<-time.After(0)
		}()
		x := exchange("/")
		x.Request.Proto = wire.HTTP11
		resp, err := made(t, up, doc)(x)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]byte, 1000) // while the rest is yet to come
		if _, err := io.ReadFull(resp.Body, got); err != nil || resp.Length != -1 || !up.lifted {
			t.Fatalf("%s: %v, a length of %d, lifted %v", name, err, resp.Length, up.lifted)
		}
		go func() {
			_, _ = io.WriteString(out, text[200<<10:])
			_ = out.Close()
		}()
		rest, err := io.ReadAll(resp.Body)
		resp.Close()
		x.End()
		if all := string(got) + string(rest); err != nil || compact(t, all) != compact(t, text) || up.closed != 1 {
			t.Errorf("%s: %v, %d bytes of %d; closed %d times", name, err, len(all), len(text), up.closed)
		}
		if resp.Header.Get("X-Of") != "" && resp.Header.Get("X-Of") != "tap" {
			t.Errorf("%s: %v", name, resp.Header.Get("X-Of"))
		}
	}
}

// What is read whole, because the answer needs it whole, because the client could not tell that it was cut short, or because it is small.
func TestNoFlow(t *testing.T) {
	text := longList(200 << 10)
	for name, tc := range map[string]struct {
		doc, text string
		proto     wire.Proto
	}{
		"a small one":      {oneCall, "[1, 2]", wire.HTTP11},
		"HTTP/1.0":         {oneCall, text, wire.HTTP10},
		"used elsewhere":   {oneCall + "\nstatus: 'size(calls.a.body) > 0 ? 200 : 500'", text, wire.HTTP11},
		"in an object":     {"calls: { a: { upstream: s } }\nbody: { a: '${calls.a.body}' }", text, wire.HTTP11},
		"in one view only": {"calls: { a: { upstream: s } }\nviews: [{ when: 'false', body: ['${calls.a.body}'] }]\nbody: '${calls.a.body}'", text, wire.HTTP11},
		"optional":         {"calls: { a: { upstream: s, on_error: omit } }\nbody: '${calls.a.body}'", text, wire.HTTP11},
	} {
		up := tapped(tc.text)
		if got := ask(made(t, up, tc.doc), tc.proto); !got.whole || up.lifted || int64(len(got.text)) != got.length || up.closed != 1 {
			t.Errorf("%s: whole %v, lifted %v, length %d of %d, %s", name, got.whole, up.lifted, got.length, len(got.text), got.problem)
		}
	}
	beside := made(t, &each{taps: []*tap{tapped(text), tapped(text)}}, "calls: { a: { upstream: s }, b: { upstream: s, method: PUT } }\nbody: '${calls.a.body}'")
	if got := ask(beside, wire.HTTP11); !got.whole || got.length < 0 {
		t.Errorf("another beside: %+.100v", got)
	}
	behind := made(t, &each{taps: []*tap{tapped(`{"id":1}`), tapped(text)}}, "calls: { a: { upstream: s }, b: { upstream: s, path: '/${calls.a.body.id}' } }\nbody: '${calls.b.body}'")
	if got := ask(behind, wire.HTTP11); !got.whole || got.length != -1 {
		t.Errorf("behind another: %+.100v", got)
	}
}

// A body that flows is whole exactly if it would have been good when it was read whole, whatever is wrong with it and wherever.
func TestFlowOrCut(t *testing.T) {
	good := longList(100 << 10)
	r := rand.New(rand.NewPCG(1, 2))
	cut, failed := 0, 0
	up := &each{}
	var shapes [3]policy.Handler
	for i, shape := range []string{"", ", omit: ['[].price']", ", rename: { '[].id': key }"} {
		shapes[i] = made(t, up, strings.Replace(oneCall, "upstream: s", "upstream: s"+shape, 1))
	}
	for i := range 160 {
		b := []byte(good)
		at := r.IntN(len(b))
		switch i % 4 {
		case 0:
			b[at] = "[]{},:\" \\1a\x00\xff"[r.IntN(12)]
		case 1:
			b = b[:at]
		case 2:
			b = append(b[:at:at], b[at+1:]...)
		case 3:
			b = append(b, "  \n\n]"[r.IntN(5)])
		}
		one, two := tapped(string(b)), tapped(string(b))
		if i%2 == 0 {
			two.length = -1
		}
		up.taps = []*tap{one, two}
		held, got := ask(shapes[i%3], wire.HTTP10), ask(shapes[i%3], wire.HTTP11)
		switch {
		case got.whole != held.whole, got.whole && compact(t, got.text) != compact(t, held.text):
			t.Fatalf("%d: whole %v, and held %v: %s", i, got.whole, held.whole, held.problem)
		case got.whole:
		case got.problem != "":
			if failed++; got.problem != held.problem {
				t.Errorf("%d: %s, and held %s", i, got.problem, held.problem)
			}
		default:
			if cut++; json.Valid([]byte(got.text)) {
				t.Fatalf("%d: what was cut short is a value", i)
			}
		}
		if two.closed != 1 {
			t.Errorf("%d: closed %d times", i, two.closed)
		}
	}
	if cut < 30 || failed < 20 {
		t.Errorf("%d were cut short, %d failed", cut, failed)
	}
}

func TestFlowBounds(t *testing.T) {
	text := longList(200 << 10)
	for name, tc := range map[string]struct {
		length int64
		doc    string
		want   string // of what fails before anything goes out
	}{
		"told to be too large":    {int64(len(text)), strings.Replace(oneCall, "upstream: s", "upstream: s, max_body: 100KiB", 1), "The call a was answered with too large a body."},
		"too large":               {-1, strings.Replace(oneCall, "upstream: s", "upstream: s, max_body: 100KiB", 1), ""},
		"too large for an answer": {int64(len(text)), "max_body: 100KiB\n" + oneCall, ""},
		"hardly any":              {-1, strings.Replace(oneCall, "upstream: s", "upstream: s, max_body: 1KiB", 1), "The call a was answered with too large a body."},
	} {
		up := tapped(text)
		up.length = tc.length
		got := ask(made(t, up, tc.doc), wire.HTTP11)
		if got.whole || got.problem != tc.want || tc.want == "" && (len(got.text) < ahead/2 || len(got.text) > 100<<10) || up.read > 140<<10 || up.closed != 1 {
			t.Errorf("%s: whole %v, %d read, %d bytes, %s", name, got.whole, up.read, len(got.text), got.problem)
		}
	}
}

// A client that takes its time has all of an answer, however little time calls have, and while it takes none little is held.
func TestSlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := longList(3 << 20)
		ts := &targets{text: text}
		t.Cleanup(ts.crew.Wait)
		ts.serve(t, "a:80")
		h := made(t, ts.upstream(t, "targets: [http://a]\ntimeouts: { idle: 1m }"), "timeout: 1s\ncalls: { a: { upstream: s, path: /large, timeout: 1s } }\nmerge: [a]")
		x := exchange("/")
		x.Request.Proto = wire.HTTP11
		resp, err := h(x)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if sent := ts.wrote(); sent > 1<<20 {
			t.Errorf("%d bytes were taken though nobody wants them", sent)
		}
		var got strings.Builder
		for p := make([]byte, 300<<10); err == nil; {
			var n int
			n, err = io.ReadFull(resp.Body, p)
			got.Write(p[:n])
			time.Sleep(10 * time.Second)
		}
		resp.Close()
		x.End()
		if err != io.ErrUnexpectedEOF && err != io.EOF || compact(t, got.String()) != compact(t, text) { //nolint:errorlint // as io.ReadFull says it
			t.Errorf("%v after %d bytes of %d", err, got.Len(), len(text))
		}
	})
}

// A target that stops in the middle cuts the answer short, and one whose client goes away is left.
func TestFlowStops(t *testing.T) {
	for _, client := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ts := &targets{text: longList(1 << 20)}
			t.Cleanup(ts.crew.Wait)
			ts.serve(t, "a:80")
			h := made(t, ts.upstream(t, "targets: [http://a]\ntimeouts: { idle: 1m }"), "timeout: 1s\ncalls: { a: { upstream: s, path: /stops, timeout: 1s } }\nmerge: [a]")
			x := exchange("/")
			x.Request.Proto = wire.HTTP11
			stops := 0
			x.Request.Conn.Watch = func(gone func()) func() {
				done := make(chan struct{})
				timer := time.AfterFunc(10*time.Second, func() {
					defer close(done)
					if client {
						gone()
					}
				})
				return func() {
					stops++
					if !timer.Stop() {
						<-done
					}
				}
			}
			start := time.Now()
			resp, err := h(x)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			took := time.Since(start).Round(time.Second)
			resp.Close()
			x.End()
			want := map[bool]time.Duration{false: time.Minute, true: 10 * time.Second}[client]
			if err == nil || errors.Is(err, wire.ErrClientGone) != client || len(got) < 100<<10 || json.Valid(got) || took != want || stops != 1 {
				t.Errorf("%v after %v and %d bytes; the client's watcher was stopped %d times", err, took, len(got), stops)
			}
		})
	}
}

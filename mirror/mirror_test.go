package mirror

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// A shadow is an upstream that takes its time, and keeps what it was sent as text.
type shadow struct {
	takes time.Duration
	deny  bool

	mu   sync.Mutex // guards below
	sent []string
}

func (s *shadow) Name() string { return "shadow" }

func (s *shadow) Allows(*policy.Exchange, *wire.Call) bool { return !s.deny }

func (s *shadow) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	gone := make(chan struct{})
	stop := c.Request.Conn.Watch(func() { close(gone) })
	defer stop()
	select {
	case <-time.After(s.takes):
	case <-gone:
		return nil, wire.ErrClientGone
	case <-time.After(time.Until(c.Deadline)):
		return nil, errors.New("too late")
	}
	var b strings.Builder
	b.WriteString(c.Method + " " + c.Target + " " + x.ID)
	for name, value := range c.Header.All() {
		b.WriteString(" " + name + ":" + value)
	}
	if c.Body != nil {
		body, _ := io.ReadAll(c.Body)
		b.WriteString(" " + string(body))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, b.String())
	return &wire.Response{Status: 200, Body: wire.BytesBody([]byte("ignored")), Length: 7}, nil
}

// A hole is an upstream that takes everything and looks at nothing.
type hole struct{}

func (hole) Name() string { return "hole" }

func (hole) Send(*policy.Exchange, *wire.Call) (*wire.Response, error) {
	return &wire.Response{Status: 204}, nil
}

// A world is a mirror and what it counts.
type world struct {
	*Mirror
	shadow  *shadow
	errands *policy.Errands
	mu      sync.Mutex // guards counts
	counts  map[string]int
}

func newWorld(c Config) *world {
	w := &world{shadow: &shadow{takes: time.Second}, errands: policy.NewErrands(1000, slog.New(slog.DiscardHandler)), counts: map[string]int{}}
	w.Mirror = New(c, w.shadow, w.errands, func(_, action string) func() {
		return func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[action]++
		}
	})
	return w
}

func all() Config {
	return Config{Percent: 100, MaxBody: 64 << 10, MaxInflight: 10, Timeout: 10 * time.Second}
}

func exchange(body io.Reader, length int64) *policy.Exchange {
	r := &wire.Request{Method: "POST", Query: "a=1", Length: length}
	r.Path.Text = "/orders"
	r.Header.Add("X-A", "1")
	if body != nil {
		r.Body = io.NopCloser(body)
	}
	return &policy.Exchange{Request: r, ID: "r-1"}
}

// What is copied is independent of the exchange, which serves another request as soon as it has its answer.
func TestCopyIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(all())
		x := exchange(strings.NewReader("hello"), 5)
		if err := w.Copy(x); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(x.Request.Body)
		if string(body) != "hello" || err != nil {
			t.Errorf("the request goes on with %q, %v", body, err)
		}
		x.Request.Header.Set("X-A", "another's")
		x.Request.Reset()
		x.Reset()
		w.errands.Close(time.Minute)
		const want = "POST /orders?a=1 r-1 X-A:1 Sallyport-Mirrored:true hello"
		if len(w.shadow.sent) != 1 || w.shadow.sent[0] != want {
			t.Errorf("got %q, want %q", w.shadow.sent, want)
		}
	})
}

func TestWhatIsNotCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name   string
			change func(*policy.Exchange, *world)
			want   string // what is counted
		}{
			{"", func(*policy.Exchange, *world) {}, "sent"},
			{"a large body", func(x *policy.Exchange, _ *world) { x.Request.Length = 64<<10 + 1 }, "body_too_large"},
			{"a body of unknown length", func(x *policy.Exchange, _ *world) { x.Request.Length = -1 }, "body_length_unknown"},
			{"a body that is refused", func(x *policy.Exchange, _ *world) { x.Request.BodyLimit = 1 }, "body_too_large"},
			{"an upgrade", func(x *policy.Exchange, _ *world) { x.Request.Upgrade = "websocket" }, "upgrade"},
			{"a guarded path", func(_ *policy.Exchange, w *world) { w.shadow.deny = true }, "guarded_path"},
			{"chance", func(_ *policy.Exchange, w *world) { w.Percent = 0 }, ""},
			{"one too many", func(_ *policy.Exchange, w *world) { w.inflight.Store(10) }, "too_many"},
			{"an end", func(_ *policy.Exchange, w *world) { w.errands.Close(0) }, "too_many"},
		} {
			w := newWorld(all())
			x := exchange(strings.NewReader("hello"), 5)
			c.change(x, w)
			if err := w.Copy(x); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if (len(w.counts) != 0 || c.want != "") && (w.counts[c.want] != 1 || len(w.counts) != 1) {
				t.Errorf("%s: counted %v, want %s", c.name, w.counts, c.want)
			}
			if body, err := io.ReadAll(x.Request.Body); string(body) != "hello" || err != nil {
				t.Errorf("%s: the request goes on with %q, %v", c.name, body, err)
			}
			w.errands.Close(time.Minute)
		}
	})
}

func TestExplain(t *testing.T) {
	for want, change := range map[string]func(*policy.Exchange, *world){
		"a copy goes to shadow":   func(*policy.Exchange, *world) {},
		"larger than 64KiB":       func(x *policy.Exchange, _ *world) { x.Request.Length = 64<<10 + 1 },
		"of unknown length":       func(x *policy.Exchange, _ *world) { x.Request.Length = -1 },
		"a switch of protocols":   func(x *policy.Exchange, _ *world) { x.Request.Upgrade = "websocket" },
		"by chance, 5% of the":    func(_ *policy.Exchange, w *world) { w.Percent = 5 },
		"no request is copied to": func(_ *policy.Exchange, w *world) { w.Percent = 0 },
	} {
		w := newWorld(all())
		x := exchange(strings.NewReader("hello"), 5)
		change(x, w)
		if got := w.Explain(x).Why; !strings.Contains(got, want) || len(w.counts) > 0 {
			t.Errorf("got %q, counted %v; want %q", got, w.counts, want)
		}
		w.errands.Close(0)
	}
}

// A body that breaks off fails the request, which could not go on either.
func TestBodyBreaksOff(t *testing.T) {
	w := newWorld(all())
	if err := w.Copy(exchange(strings.NewReader("hel"), 5)); err != nil && problem.From(err).Name != "bad_request" {
		t.Error(err)
	}
	w.errands.Close(0)
	w = newWorld(all())
	if err := w.Copy(exchange(io.MultiReader(strings.NewReader("hel"), badReader{}), 5)); problem.From(err).Name != "bad_request" {
		t.Errorf("got %v", err)
	}
	if w.errands.Close(0); len(w.counts) != 0 {
		t.Errorf("counted %v", w.counts)
	}
}

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A shadow that takes too long, and the end of the gateway, end a copy.
func TestCopiesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(all())
		w.shadow.takes = time.Hour
		start := time.Now()
		_ = w.Copy(exchange(nil, 0))
		w.errands.Close(time.Minute)
		if took := time.Since(start); took != 10*time.Second || w.counts["failed"] != 1 {
			t.Errorf("it took %v, counted %v", took, w.counts)
		}
		w = newWorld(all())
		w.shadow.takes = time.Hour
		start = time.Now()
		_ = w.Copy(exchange(nil, 0))
		w.errands.Close(time.Second)
		if took := time.Since(start); took != time.Second || w.counts["failed"] != 1 {
			t.Errorf("it took %v, counted %v", took, w.counts)
		}
		if w.inflight.Load() != 0 {
			t.Error("it still counts")
		}
	})
}

// Many at once: no more under way than allowed, none lost that was counted as sent.
func TestStorm(t *testing.T) {
	w := newWorld(all())
	w.shadow.takes = 50 * time.Microsecond
	var crew sync.WaitGroup
	for range 16 {
		crew.Go(func() {
			for range 200 {
				x := exchange(strings.NewReader("hello"), 5)
				if err := w.Copy(x); err != nil {
					t.Error(err)
				}
				if n := w.inflight.Load(); n > 10+16 {
					t.Errorf("%d are under way", n)
				}
				x.Request.Reset()
				x.Reset()
			}
		})
	}
	crew.Wait()
	w.errands.Close(time.Minute)
	if len(w.shadow.sent) != w.counts["sent"] || w.counts["sent"]+w.counts["too_many"] != 16*200 || w.inflight.Load() != 0 {
		t.Errorf("%d arrived, counted %v", len(w.shadow.sent), w.counts)
	}
}

// What a copy costs the request, by the size of its body.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{0, 1 << 10, 64 << 10, 1 << 20} {
		b.Run(formatSize(size), func(b *testing.B) {
			c := all()
			c.MaxBody, c.MaxInflight = 1<<20, 1<<30
			w := newWorld(c)
			w.to = hole{}
			body := bytes.Repeat([]byte("x"), size)
			b.ReportAllocs()
			for b.Loop() {
				x := exchange(nil, 0)
				if size > 0 {
					x = exchange(bytes.NewReader(body), int64(size))
				}
				_ = w.Copy(x)
			}
			b.StopTimer()
			w.errands.Close(time.Minute)
		})
	}
}

func formatSize(n int) string {
	return map[int]string{0: "none", 1 << 10: "1KiB", 64 << 10: "64KiB", 1 << 20: "1MiB"}[n]
}

package compose

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// services is an upstream whose answers depend on the path only, and come when they come.
type services struct {
	answer func(path string) (status int, body string) // status 0 for no answer
	delay  func() time.Duration                        // nil for none

	mu    sync.Mutex // guards what follows
	asked []string
	now   int // under way
	most  int
	calls []wire.Call
}

func (s *services) Name() string { return "s" }

func (s *services) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	s.mu.Lock()
	s.asked, s.calls = append(s.asked, c.Target), append(s.calls, *c)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	if s.delay != nil {
		gone := make(chan struct{})
		tell := sync.OnceFunc(func() { close(gone) })
		stop := x.Request.Conn.Watch(tell)
		if !c.Cancel.Begin(tell) {
			return nil, problem.BadRequest.New("canceled")
		}
		select {
		case <-gone:
		case <-time.After(s.delay()):
		case <-time.After(time.Until(x.Deadline)):
			c.Cancel.Over()
			return nil, problem.UpstreamOut.New("")
		}
		c.Cancel.Over()
		stop()
	}
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	status, body := s.answer(c.Target)
	if status == 0 {
		return nil, problem.Overloaded.New("")
	}
	resp := &wire.Response{Status: status, Length: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
	resp.Header.Add("X-Of", c.Target)
	return resp, nil
}

func made(t testing.TB, s policy.Upstream, doc string) policy.Handler {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := &plug.Env{Upstreams: []string{"s"}, Upstream: func(string) policy.Upstream { return s }, Warn: func(string, ...any) {}}
	h, errs := Kind.Build(n, "compose", env)
	if len(errs) > 0 {
		t.Fatalf("%v in\n%s", errs, doc)
	}
	return h
}

func exchange(target string) *policy.Exchange {
	r := &wire.Request{Method: "GET", Scheme: "http", Host: "shop.test", Conn: &wire.Conn{}}
	wire.ParseTarget(r, target)
	return &policy.Exchange{Request: r, ID: "id", Start: time.Now(), Log: slog.New(slog.DiscardHandler)}
}

// outcome says all that a client sees.
func told(x *policy.Exchange, resp *wire.Response, err error) string {
	defer x.End()
	if err != nil {
		p := problem.From(err)
		return strconv.Itoa(p.Status) + " " + p.Name + " " + p.Detail
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Close()
	return fmt.Sprintf("%d [%s] %s", resp.Status, resp.Header.Get("Sallyport-Partial"), b)
}

func random(r *rand.Rand) func() time.Duration {
	var mu sync.Mutex
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(r.IntN(50)) * time.Millisecond
	}
}

package function

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/schema"
)

// A lab is a host whose processes are functions of a test: they speak the Runtime API, and nothing else is real.
type lab struct {
	program func(p *fake)
}

// A fake is one of its processes. It ends when its program returns, which it has to once it is killed.
type fake struct {
	*Start
	context.Context
	kill  context.CancelFunc
	ended chan struct{}
}

func (l *lab) Start(s *Start) (Process, error) {
	p := &fake{Start: s, ended: make(chan struct{})}
	p.Context, p.kill = context.WithCancel(context.Background())
	go func() {
		defer close(p.ended)
		l.program(p)
	}()
	return p, nil
}

func (*lab) Close() {}

func (p *fake) Wait() error   { <-p.ended; p.kill(); return nil }
func (p *fake) End()          { p.kill() }
func (p *fake) Kill()         { p.kill() }
func (p *fake) Memory() int64 { return 0 }

// next asks for an event, until ctx is done; status is 0 then.
func (p *fake) next(ctx context.Context) (id, event string, status int) {
	w := httptest.NewRecorder()
	p.API.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", apiPath+"invocation/next", http.NoBody))
	if ctx.Err() != nil {
		return "", "", 0
	}
	return w.Header().Get("Lambda-Runtime-Aws-Request-Id"), w.Body.String(), w.Code
}

func (p *fake) post(path, body string) (status int) {
	w := httptest.NewRecorder()
	p.API.ServeHTTP(w, httptest.NewRequestWithContext(p, "POST", apiPath+path, strings.NewReader(body)))
	return w.Code
}

// echo answers each event with itself.
func (p *fake) echo() {
	for {
		id, event, status := p.next(p)
		if status != 200 {
			return
		}
		p.post("invocation/"+id+"/response", event)
	}
}

// inLab runs a test in a bubble, with a function whose processes run program.
func inLab(t *testing.T, c Config, program func(p *fake), test func(t *testing.T, r *Registry, f *Function)) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(slog.New(slog.DiscardHandler), &lab{program})
		defer r.Close()
		if c.Runtime == "" {
			c.Runtime = "provided"
		}
		c.Directory.Path, c.Timeout, c.Startup, c.Idle, c.Memory = t.TempDir(), 9500*time.Millisecond, 5*time.Second, time.Minute, schema.Unlimited
		c.Concurrency, c.MaxPending = max(c.Concurrency, 1), 10
		f := r.Prepare("f", &c, "")
		r.Serve(map[string]*Function{"f": f})
		test(t, r, f)
	})
}

// outcome is what came of a call, "" when nothing did within a minute.
func outcome(f *Function, id, event string) string {
	v, err := f.Begin(Call{ID: id, Event: []byte(event)})
	if err != nil {
		return err.Error()
	}
	select {
	case <-v.Done():
	case <-time.After(time.Minute):
		return ""
	}
	result, stream, _, err := v.Result()
	switch {
	case err != nil:
		return err.Error()
	case stream != nil:
		_ = stream.Close()
		return "a stream"
	}
	return string(result)
}

// outcomes makes calls at once.
func outcomes(f *Function, events ...string) []string {
	got := make([]string, len(events))
	var crew sync.WaitGroup
	for i, event := range events {
		crew.Go(func() { got[i] = outcome(f, event, event) })
	}
	crew.Wait()
	return got
}

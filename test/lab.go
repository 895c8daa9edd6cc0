package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"time"

	"sallyport/function"
)

// This file has functions of scripts run: by real processes, which live in real time, outside of the bubble in which the script plays. In it
// stands somebody for each of them who asks the gateway for events, as the process would, and hands them out.

// A lab is what is outside of a script's bubble. All its channels are made there.
type lab struct {
	asks    chan ask
	replies chan chan reply // that are free
	crew    sync.WaitGroup
}

// An ask is an event for the process that number stands for.
type ask struct {
	number int
	start  *function.Start
	call   function.Call
	reply  chan reply
}

// A reply is what came of it.
type reply struct {
	result []byte
	kind   string // of a stream
	failed *function.Failure
	err    error // the process ended
}

func newLab() *lab {
	l := &lab{asks: make(chan ask), replies: make(chan chan reply, 64)}
	for range cap(l.replies) {
		l.replies <- make(chan reply, 1)
	}
	l.crew.Go(l.run)
	return l
}

func (l *lab) close() {
	close(l.asks)
	l.crew.Wait()
}

// run hands out what is asked.
func (l *lab) run() {
	registry := function.NewRegistry(slog.New(slog.DiscardHandler), nil)
	defer registry.Close()
	known := map[int]*function.Function{}
	for a := range l.asks {
		f := known[a.number]
		if f == nil {
			if err := Install(a.start.Command[0]); err != nil {
				a.reply <- reply{err: err}
				continue
			}
			f = registry.Prepare(a.start.Name, a.start.Config, "")
			known[a.number] = f
		}
		l.crew.Go(func() { a.reply <- answered(f, a.call) })
	}
}

func answered(f *function.Function, c function.Call) (r reply) {
	v, err := f.Begin(c)
	if err != nil {
		return reply{err: err}
	}
	<-v.Done()
	result, stream, kind, err := v.Result()
	if stream != nil {
		result, err = io.ReadAll(stream)
	}
	if !errors.As(err, &r.failed) {
		r.err = err
	}
	r.result, r.kind = result, kind
	return r
}

// Install has a program there, after installing the package of its name where that is for us to do.
func Install(program string) error {
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	pack := program
	if program == "node" {
		pack = "nodejs"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "sh", "-c", "apt-get update && apt-get install -y --no-install-recommends "+pack).CombinedOutput(); err != nil {
		return fmt.Errorf("there is no %s, and installing it failed: %w\n%s", program, err, out)
	}
	return nil
}

// A bench starts those who stand for processes. It lives in the bubble.
type bench struct {
	lab    *lab
	number int // guarded by mu
	mu     sync.Mutex
}

// Start implements function.Host.
func (b *bench) Start(s *function.Start) (function.Process, error) {
	b.mu.Lock()
	b.number++
	st := &stand{lab: b.lab, number: b.number, start: s, over: make(chan error, 1)}
	b.mu.Unlock()
	st.ctx, st.kill = context.WithCancel(context.Background())
	go func() { st.over <- st.work() }() // Wait waits for it
	return st, nil
}

// Close implements function.Host.
func (b *bench) Close() {}

// A stand stands for a process.
type stand struct {
	lab    *lab
	number int
	start  *function.Start
	ctx    context.Context
	kill   func()
	over   chan error
}

// work does what a process would.
func (s *stand) work() error {
	for {
		next := s.say("GET", "next", "", nil)
		select {
		case <-s.ctx.Done():
			return nil
		default:
		}
		if next.Code != http.StatusOK {
			return nil
		}
		id := next.Header().Get("Lambda-Runtime-Aws-Request-Id")
		free := <-s.lab.replies
		s.lab.asks <- ask{s.number, s.start, function.Call{ID: id, Trace: next.Header().Get("Lambda-Runtime-Trace-Id"), Event: next.Body.Bytes()}, free}
		got := <-free
		s.lab.replies <- free
		switch {
		case got.err != nil:
			return got.err
		case got.failed != nil:
			s.say("POST", id+"/error", fmt.Sprintf(`{"errorType": %q, "errorMessage": %q}`, got.failed.Type, got.failed.Message), nil)
		case got.kind != "":
			s.say("POST", id+"/response", string(got.result), http.Header{"Lambda-Runtime-Function-Response-Mode": {"streaming"}, "Content-Type": {got.kind}})
		default:
			s.say("POST", id+"/response", string(got.result), nil)
		}
	}
}

func (s *stand) say(method, what, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/2018-06-01/runtime/invocation/"+what, strings.NewReader(body)).WithContext(s.ctx)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.start.API.ServeHTTP(w, r)
	return w
}

// Wait implements function.Process, as do the others.
func (s *stand) Wait() error { return <-s.over }

// End ends it once it has nothing to do.
func (s *stand) End() {}

// Kill ends it; what the process does meanwhile is lost.
func (s *stand) Kill() { s.kill() }

// Memory is not known.
func (s *stand) Memory() int64 { return 0 }

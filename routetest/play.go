package routetest

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"sallyport/config"
	"sallyport/gateway"
	"sallyport/telemetry"
	"sallyport/wire/memnet"
)

// A player plays one test.
type player struct {
	test    *config.Test
	result  *Result
	doc     *config.Document
	gateway *gateway.Gateway
	stubs   *stubs
	client  *client

	mu    sync.Mutex
	lines []telemetry.Line // of requests that have ended; guarded by mu
}

func newPlayer(doc *config.Document, t *config.Test, r *Result) *player {
	network := &memnet.Network{}
	d, owner := stubbed(doc)
	p := &player{test: t, result: r, doc: d, stubs: &stubs{net: network, owner: owner, lists: map[string][]config.Stub{}}, client: &client{net: network, doc: d}}
	p.gateway = gateway.New(gateway.Options{
		Listen: func(_, address string) (net.Listener, error) { return network.Listen(address) },
		Dial: func(_, address string, deadline time.Time) (net.Conn, error) {
			if err := p.stubs.refuses(address); err != nil {
				return nil, err
			}
			return network.Dial(context.Background(), address)
		},
		Log:    slog.New(slog.DiscardHandler),
		Told:   p.told,
		Strain: telemetry.Calm,
	})
	return p
}

func (p *player) told(l *telemetry.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, *l)
}

// play plays the steps, up to the first that fails.
func (p *player) play() {
	defer p.stubs.close()
	defer p.gateway.Close()
	p.stubs.become(p.test.Upstreams)
	if err := p.stubs.open(); err != nil {
		p.result.Error = err.Error()
		return
	}
	if err := p.gateway.Serve(p.doc, nil); err != nil {
		p.result.Error = err.Error()
		return
	}
	for _, s := range p.test.All() {
		if !p.fits(&s) {
			return
		}
		time.Sleep(s.Wait)
		p.stubs.become(s.Upstreams)
		if s.Request == nil {
			continue
		}
		for n := range s.Times {
			if n > 0 && !p.fits(&s) {
				return
			}
			step := p.step(&s)
			last := len(step.Failures) > 0 || n == s.Times-1
			if s.Times > 1 && len(step.Failures) > 0 {
				step.Number = n + 1
			}
			if last {
				p.result.Steps = append(p.result.Steps, step)
			}
			if len(step.Failures) > 0 {
				return
			}
		}
	}
}

// lastYear is the last in which something is asked: the clock of a test ends in 2292, and the program with it.
const lastYear = 2250

// fits says whether there is time for what a step does, and leaves word if not.
func (p *player) fits(s *config.TestStep) bool {
	if time.Now().Add(s.Wait).Year() <= lastYear {
		return true
	}
	p.result.Error = s.Node.Pos.String() + ": the time of the test passes the year 2250; let it begin earlier, or wait less"
	return false
}

// step sends one request and compares what comes of it.
func (p *player) step(s *config.TestStep) Step {
	from := s.Request.From
	if !from.IsValid() {
		from = p.test.From
	}
	start := time.Now()
	out := Step{Request: s.Request.Method + " " + s.Request.Path, Place: s.Node.Field("request").Pos.String(), At: start.UTC()}
	got, err := p.client.send(s.Request, from)
	took := time.Since(start)
	synctest.Wait() // until the gateway is done with it
	out.Took = took.String()
	calls := p.stubs.take()
	p.mu.Lock()
	lines := p.lines
	p.lines = nil
	p.mu.Unlock()
	if len(lines) > 0 {
		l := &lines[len(lines)-1]
		out.API, out.Route, out.Upstream, out.Problem, out.Cause = l.API, l.Route, l.UpstreamName, l.Problem, l.Cause
	}
	if got != nil {
		out.Status = got.status
	}
	out.Calls = len(calls)
	if err != nil {
		out.Failures = []Failure{{What: "response", Place: out.Place, Want: "a response", Got: err.Error()}}
		return out
	}
	if s.Expect != nil {
		c := comparing{node: s.Node.Field("expect"), step: &out}
		c.expect(s.Expect, got, calls, took)
	}
	return out
}

// lastOf returns the last call to an upstream, to any for "", nil for none.
func lastOf(calls []call, upstream string) *call {
	for i := range slices.Backward(calls) {
		if upstream == "" || calls[i].upstream == upstream {
			return &calls[i]
		}
	}
	return nil
}

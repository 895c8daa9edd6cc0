// Package mirror sends copies of requests to another upstream and throws the answers away. The policy mirror and the backend
// upstream share it.
package mirror

import (
	"context"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Upstream    string         `json:"upstream" short:"true" doc:"The upstream that gets the copies; what it answers is thrown away."`
	Percent     schema.Percent `json:"percent" default:"100%" doc:"Share of the requests that are copied, by chance."`
	MaxBody     schema.Size    `json:"max_body" default:"64KiB" max:"16MiB" doc:"The largest body that is copied; it is read before the request goes on. Requests with a larger body, or one of unknown length, are not copied."`
	MaxInflight int            `json:"max_inflight" default:"100" min:"1" max:"10000" doc:"How many copies may be under way at once; beyond that no request is copied."`
	Timeout     time.Duration  `json:"timeout" default:"10s" min:"1ms" max:"5m" doc:"How long a copy may take up to the end of its answer."`
}

// field marks copies, so that a service can leave undone what must not be done twice. Clients cannot say it.
const field = "Sallyport-Mirrored"

// A Mirror is a Config made ready to use. All requests share it.
type Mirror struct {
	Config
	to       policy.Upstream
	errands  *policy.Errands
	inflight atomic.Int64

	// What became of the requests that chance picked.
	sent, failed, dropped, tooLarge, unknown, upgrades, refused func()
}

// New makes a Mirror of settings that passed their Check. to is the upstream that they name, acted counts what a policy does.
func New(c Config, to policy.Upstream, errands *policy.Errands, acted func(policy, action string) func()) *Mirror {
	count := func(action string) func() { return acted("mirror", action) }
	return &Mirror{
		Config: c, to: to, errands: errands, sent: count("sent"), failed: count("failed"), dropped: count("too_many"),
		tooLarge: count("body_too_large"), unknown: count("body_length_unknown"), upgrades: count("upgrade"), refused: count("guarded_path"),
	}
}

// Copy sends a copy of the request of x as it is now. It waits for nothing but the rest of a body that can be copied, and an error
// is one of reading that: then the request cannot go on either.
func (m *Mirror) Copy(x *policy.Exchange) error {
	if m.Percent < 100 && rand.Float64() >= m.Percent.Ratio() {
		return nil
	}
	r := x.Request
	switch {
	case r.Upgrade != "":
		m.upgrades()
		return nil
	case r.Length < 0 && r.Body != nil:
		m.unknown()
		return nil
	case r.Length > int64(m.MaxBody), r.BodyLimit > 0 && r.Length > r.BodyLimit: // the latter goes nowhere
		m.tooLarge()
		return nil
	case m.inflight.Load() >= int64(m.MaxInflight):
		m.dropped()
		return nil
	}
	body, err := m.body(x)
	if err != nil {
		return err
	}
	m.send(x, m.clone(x, body))
	return nil
}

// body returns the bytes of the request's body, which both requests are sent from and nobody changes.
func (m *Mirror) body(x *policy.Exchange) ([]byte, error) {
	if x.Request.Body == nil || x.Request.Length == 0 {
		return nil, nil
	}
	return x.Body(int64(m.MaxBody))
}

// An errand is a request that is a copy, with all that it is sent from: what belongs to the first one is another's as soon as that
// has its answer.
type errand struct {
	m    *Mirror
	x    policy.Exchange
	r    wire.Request
	conn wire.Conn
	call wire.Call
}

func (m *Mirror) clone(x *policy.Exchange, body []byte) *errand {
	from := x.Request
	e := &errand{m: m}
	e.r = wire.Request{
		Method: from.Method, Scheme: from.Scheme, Host: from.Host, Port: from.Port, Path: from.Path, Query: from.Query, Proto: from.Proto,
		Header: from.Header.Clone(), Conn: &e.conn,
	}
	e.r.Header.Set(field, "true")
	e.x = policy.Exchange{
		Request: &e.r, ID: x.ID, Client: x.Client, Port: x.Port, Log: x.Log, API: x.API, Version: x.Version, Route: x.Route, Trace: x.Trace, Host: x.Host,
	}
	e.call = wire.Call{Method: from.Method, Target: target(from), Host: x.Host, Header: &e.r.Header, Request: &e.r}
	if body != nil {
		e.call.Body, e.call.Length = wire.BytesBody(body), int64(len(body))
		e.r.Length = e.call.Length
	}
	return e
}

func target(r *wire.Request) string {
	if r.Query == "" {
		return r.Path.Text
	}
	return r.Path.Text + "?" + r.Query
}

// send sends e, unless the first request, x, may not go there.
func (m *Mirror) send(x *policy.Exchange, e *errand) {
	if to, asks := m.to.(policy.Careful); asks && !to.Allows(x, &e.call) {
		m.refused()
		return
	}
	if m.inflight.Add(1) > int64(m.MaxInflight) || !m.errands.Go(e.run) {
		m.inflight.Add(-1)
		m.dropped()
		return
	}
	m.sent()
}

// run sends the copy and waits for its answer, on a goroutine of its own.
func (e *errand) run(ctx context.Context) {
	m := e.m
	defer m.inflight.Add(-1)
	e.x.Start = time.Now()
	e.call.Deadline = e.x.Start.Add(m.Timeout)
	e.x.Deadline, e.r.Time = e.call.Deadline, e.x.Start
	e.conn.Watch = func(gone func()) func() { return watch(ctx, gone) }
	resp, err := m.to.Send(&e.x, &e.call)
	if err != nil {
		m.failed()
		return
	}
	defer resp.Close()
	if resp.Body != nil {
		_, _ = io.CopyN(io.Discard, resp.Body, mostRead) // to its end, so that the connection can have another call
	}
}

// mostRead is how much of an answer is read; one that is longer ends its connection, which costs less.
const mostRead = 256 << 10

// watch calls gone when ctx ends, which takes the place of a client that goes away. stop waits for a call under way.
func watch(ctx context.Context, gone func()) (stop func()) {
	told := make(chan struct{})
	end := context.AfterFunc(ctx, func() {
		defer close(told)
		gone()
	})
	return func() {
		if !end() {
			<-told
		}
	}
}

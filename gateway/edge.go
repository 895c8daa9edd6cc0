package gateway

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file is one request's way through the gateway: the engine hands it in, the snapshot says what happens to it, and
// whatever comes out, an answer or an error, leaves as a response. Nothing else writes to a client.

// A flow is one request on its way. It is pooled, so a request costs none of its own.
type flow struct {
	x        policy.Exchange
	snapshot *snapshot
	rule     *rule            // nil while and if no route took it
	matched  string           // the path that rule was found by
	version  *version         // of the api that the request is for, nil when there is none or nobody can tell
	sought   bool             // the routes were asked
	of       *versioned       // the api whose version it is, also when nobody can tell which
	failed   *problem.Problem // what the gateway answered with, nil when something else answered
	sent     []wire.Claim     // the answers of upstreams
	untold   bool             // the access log does not want it
	told     bool             // line is filled in
	line     telemetry.Line   // for the access log
}

// The problems of requests that the engine refuses and that nobody else raises.
var (
	uriTooLong      = problem.Define("uri_too_long", 414, "URI too long", "The request target is longer than limits.uri_size.")
	headersTooLarge = problem.Define("headers_too_large", 431, "Headers too large", "The head of the request is larger than limits.header_size or has more fields than limits.header_count.")
)

var flows = sync.Pool{New: func() any { return new(flow) }}

// client is what the edge keeps of a client's connection.
type client struct{ facts wire.ConnFacts }

func clientOf(c *wire.Conn) *client {
	if known, ok := c.State.(*client); ok {
		return known
	}
	k := new(client)
	c.State = k
	return k
}

// begin makes r's flow. It holds one snapshot from now to the end of the response.
func (g *Gateway) begin(r *wire.Request) *flow {
	f := flows.Get().(*flow)
	f.snapshot = g.now.Load()
	r.State = f
	x := &f.x
	x.Request, x.Log = r, g.log
	if x.Start = r.Time; x.Start.IsZero() {
		x.Start = time.Now()
	}
	g.metrics.Inflight.Add(1)
	return f
}

// Handle answers a request.
func (g *Gateway) Handle(r *wire.Request) *wire.Response {
	f := g.begin(r)
	resp, err := g.run(f)
	if err != nil {
		resp = f.answer(err)
	}
	resp.Header.SetKnown(wire.XRequestID, f.x.ID)
	if f.of != nil {
		f.mark(&resp.Header)
	}
	f.untold = !g.access.Load().wants(f, resp)
	return resp
}

// run contains a panic to its request. Nobody knows in which state it left the client's body, so the connection ends.
func (g *Gateway) run(f *flow) (resp *wire.Response, err error) {
	defer func() {
		if what := recover(); what != nil {
			f.x.Request.Close = true
			for _, c := range f.sent {
				c.Close() // half read, so its connection is not used again
			}
			g.Panicked(f.x.Request, what)
			resp, err = nil, problem.Internal.Wrap(fmt.Errorf("panic: %v", what))
		}
	}()
	return f.serve()
}

// Panicked reports what a request's handling panicked with.
func (g *Gateway) Panicked(r *wire.Request, what any) {
	g.metrics.Panicked()
	id := ""
	if f, ok := r.State.(*flow); ok {
		id = f.x.ID
	}
	g.log.Error("handling a request panicked", "id", id, "panic", fmt.Sprint(what), "stack", string(debug.Stack()))
}

// serve lets the request in, finds its route and runs the route's chain.
func (f *flow) serve() (*wire.Response, error) {
	s, x := f.snapshot, &f.x
	r := x.Request
	c := clientOf(r.Conn)
	x.Client, x.Port = s.edge.Admit(r, &c.facts)
	x.ID = s.edge.Identify(r, &c.facts, x.Start)
	x.Trace = wire.ContinueTrace(r)
	r.BodyLimit = s.bodyLimit
	x.Deadline = wire.GRPCDeadline(&r.Header, x.Start)
	if d, ok := r.Conn.Listener.(*door); ok {
		t := d.terms.Load()
		if !t.serves(r) {
			return nil, problem.Misdirected.New("This listener does not serve the host.")
		}
		if resp := t.elsewhere(r); resp != nil {
			return resp, nil
		}
	}
	f.sought = true
	if s.sharing {
		if method, _ := r.Preflight(); method != "" {
			if resp, err := f.preflight(method); !errors.Is(err, errUnasked) {
				return resp, err
			}
			f.leave()
		}
	}
	found, err := s.table.Find(x)
	if err != nil {
		err = f.lost(err)
		var resp *wire.Response
		if allow := route.Allow(""); errors.As(err, &allow) {
			resp, err = f.options(string(allow))
		}
		return s.outside(x, resp, err)
	}
	f.take(found)
	to := found.Value
	if to.version != nil {
		if err := f.outdated(); err != nil {
			return to.outside(x, err)
		}
	}
	if to.raw {
		r.Path.Text = r.Path.Raw
	}
	return to.handler(x)
}

// options answers OPTIONS for the gateway itself (RFC 9110 §9.3.7).
func (f *flow) options(allow string) (*wire.Response, error) {
	resp := &wire.Response{Status: 204}
	if allow != "" {
		resp.Header.SetKnown(wire.Allow, allow)
	}
	return resp, nil
}

// answer makes the response that tells the client of err.
func (f *flow) answer(err error) *wire.Response {
	p := problemOf(err)
	if f.rule != nil && len(f.rule.Value.add) > 0 {
		p = f.rule.Value.extend(p)
	}
	f.failed = p
	if kind := f.x.Request.Header.Known(wire.ContentType); wire.IsGRPC(kind) {
		return f.answerGRPC(p, kind)
	}
	if d := f.dialectOf(); d != nil {
		return patient(d.answer(f, p))
	}
	kind, body := p.Render(f.x.Request.Header.Known(wire.Accept), f.x.ID)
	resp := &wire.Response{Status: p.Status, Body: wire.BytesBody(body), Length: int64(len(body)), Break: p.Break}
	resp.Header.SetKnown(wire.ContentType, kind)
	for _, h := range p.Header {
		resp.Header.Add(h[0], h[1])
	}
	return patient(resp)
}

// patient says when to try again, where a status asks for it and nothing else says so.
func patient(resp *wire.Response) *wire.Response {
	if (resp.Status == 503 || resp.Status == 429) && !resp.Header.HasKnown(wire.RetryAfter) {
		resp.Header.SetKnown(wire.RetryAfter, "1")
	}
	return resp
}

// answerGRPC is answer for a client of gRPC, which reads a status of its own and takes everything else for a failure of the network.
func (f *flow) answerGRPC(p *problem.Problem, kind string) *wire.Response {
	resp := &wire.Response{Status: 200, Break: p.Break}
	kind, _, _ = strings.Cut(kind, ";")
	resp.Header.SetKnown(wire.ContentType, kind)
	code, message := p.GRPC()
	resp.Header.Add("grpc-status", code)
	resp.Header.Add("grpc-message", message)
	for _, h := range p.Header {
		resp.Header.Add(h[0], h[1])
	}
	return resp
}

// problemOf makes any error a problem. What the engine found wrong with a body while somebody read it is the client's
// fault, whoever passed it on.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	return problem.From(plug.Failed(err))
}

// Refuse answers a request that could not be read. Its header may be half there, so nothing of it is used.
func (g *Gateway) Refuse(r *wire.Request, fault *wire.Fault) *wire.Response {
	f := g.begin(r)
	f.x.ID = wire.NewID(r, f.x.Start)
	if f.x.Client = r.Conn.Remote.Addr().Unmap(); f.x.Client.IsValid() {
		f.x.Port = r.Conn.Remote.Port()
	}
	g.metrics.Refused(fault.Reason)
	r.Header.Reset()
	resp := f.answer(refusal(fault))
	resp.Header.SetKnown(wire.XRequestID, f.x.ID)
	f.untold = !g.access.Load().wants(f, resp)
	return resp
}

// refusal is the problem of a request that could not be read.
func refusal(fault *wire.Fault) error {
	t := problem.BadRequest
	switch fault.Status {
	case 408:
		t = problem.RequestSlow
	case 413:
		t = problem.BodyTooBig
	case 414:
		t = uriTooLong
	case 431:
		t = headersTooLarge
	case 405:
		t = route.MethodNotAllowed
	}
	p := t.New("%s", fault.Reason)
	if t == route.MethodNotAllowed {
		p.With("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS") // RFC 9110 §15.5.6
	}
	if p.Status != fault.Status {
		other := *t
		other.Status = fault.Status
		p.Type = &other
	}
	return p
}

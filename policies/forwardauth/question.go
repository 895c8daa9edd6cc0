package forwardauth

import (
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// This file is the question: a request of the gateway's own, with what the service needs to know of the client's.

// A question is a call with all that it is sent from. It leaves the exchange that it is about alone: what the service's upstream tells of
// itself is not what the request's own does.
type question struct {
	x    policy.Exchange
	r    wire.Request
	conn wire.Conn
	call wire.Call
}

// always are the fields of every request that say where it comes from and which it is; the edge has put them in order.
var always = [...]wire.Name{wire.XForwardedFor, wire.XForwardedProto, wire.XForwardedHost, wire.Forwarded, wire.XRequestID, wire.Traceparent, wire.Tracestate}

// ask makes the question about x. alone says that nobody but x waits for the answer.
func (g *gate) ask(x *policy.Exchange, body []byte, alone bool) *question {
	from := x.Request
	q := &question{}
	q.r = wire.Request{
		Method: g.method(x), Scheme: from.Scheme, Host: from.Host, Port: from.Port, Proto: from.Proto, Conn: &q.conn, Time: time.Now(),
	}
	q.r.Path.Text = g.Path
	if from.Conn != nil && alone {
		q.conn.Watch = from.Conn.Watch
	}
	g.fields(from, &q.r.Header, body != nil)
	q.x = policy.Exchange{
		Request: &q.r, ID: x.ID, Client: x.Client, Port: x.Port, Log: x.Log, API: x.API, Version: x.Version, Route: x.Route, Trace: x.Trace, Start: q.r.Time,
	}
	q.call = wire.Call{Method: q.r.Method, Target: g.Path, Header: &q.r.Header, Request: &q.r, Deadline: q.r.Time.Add(g.Timeout)}
	if alone && !x.Deadline.IsZero() && x.Deadline.Before(q.call.Deadline) {
		q.call.Deadline = x.Deadline
	}
	q.x.Deadline = q.call.Deadline
	if body != nil {
		q.call.Body, q.call.Length = wire.BytesBody(body), int64(len(body))
		q.r.Length = q.call.Length
	}
	return q
}

func (g *gate) method(x *policy.Exchange) string {
	if g.Method == "request" {
		return x.Request.Method
	}
	return g.Method
}

// fields fills in the header of the question.
func (g *gate) fields(r *wire.Request, h *wire.Header, body bool) {
	if g.all {
		h.CopyFrom(&r.Header)
		h.DelAlike(fieldMethod)
		h.DelAlike(fieldURI)
	} else {
		for _, n := range always {
			copyField(r, h, n.String())
		}
		for _, n := range g.RequestHeaders {
			h.DelAlike(n)
			copyField(r, h, n)
		}
		if body {
			for _, n := range ofBody {
				h.DelAlike(n)
				copyField(r, h, n)
			}
		}
	}
	h.Add(fieldMethod, r.Method)
	h.Add(fieldURI, target(r))
}

// ofBody are the fields that say what a body means.
var ofBody = [...]string{"Content-Type", "Content-Encoding"}

const fieldMethod, fieldURI = "X-Forwarded-Method", "X-Forwarded-Uri"

func copyField(r *wire.Request, h *wire.Header, name string) {
	for _, v := range r.Header.Values(name) {
		h.Add(name, v)
	}
}

// target is what the request asks for, as it goes upstream.
func target(r *wire.Request) string {
	if r.Query == "" {
		return r.Path.Text
	}
	return r.Path.Text + "?" + r.Query
}

// send asks. An error is the request's own; what is the service's is an answer.
func (g *gate) send(q *question) (*answer, error) {
	defer q.x.End()
	resp, err := g.to.Send(&q.x, &q.call)
	switch {
	case err == nil:
		return g.read(resp), nil
	case ends(err):
		return nil, err
	}
	return failed(err), nil
}

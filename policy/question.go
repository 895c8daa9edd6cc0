package policy

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"sallyport/wire"
)

// A Question is a call of the gateway's own, to a service that is to say something of an exchange. It leaves that alone: what the service's
// upstream tells of itself is not what the request's own does.
type Question struct {
	x    Exchange
	r    wire.Request
	conn wire.Conn
	call wire.Call
}

// Fields of questions.
const (
	fieldMethod, fieldURI = "X-Forwarded-Method", "X-Forwarded-Uri"
	fieldVia              = "Via"
)

// OfBody are the fields that say what the body of a question means.
var OfBody = [...]string{"Content-Type", "Content-Encoding"}

// always are the fields of every request that say where it comes from and which it is; the edge has put them in order.
var always = [...]wire.Name{wire.XForwardedFor, wire.XForwardedProto, wire.XForwardedHost, wire.Forwarded, wire.XRequestID, wire.Traceparent, wire.Tracestate}

// aside are the fields of a request that are about its own answer: they would have a service send a part of its answer, none or a compressed one.
var aside = [...]string{"Accept-Encoding", "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

// self is this process in Via (RFC 9110 §7.6.3). Nobody else can know it before it has asked something.
var self = "1.1 sallyport-" + strings.ToLower(rand.Text()[:16])

// Ask makes a question about x, which may take until the timeout, and not longer than x may. alone says that nobody but x waits for the answer:
// its client's leaving ends the question, and its time is the question's.
func (x *Exchange) Ask(method, target string, timeout time.Duration, alone bool) *Question {
	from := x.Request
	q := &Question{}
	q.r = wire.Request{Method: method, Scheme: from.Scheme, Host: from.Host, Port: from.Port, Proto: from.Proto, Conn: &q.conn, Time: time.Now()}
	q.r.Path.Text = target
	if from.Conn != nil && alone {
		q.conn.Watch = from.Conn.Watch
	}
	q.x = Exchange{
		Request: &q.r, ID: x.ID, Client: x.Client, Port: x.Port, Log: x.Log, API: x.API, Version: x.Version, Route: x.Route, Trace: x.Trace, Start: q.r.Time,
	}
	q.call = wire.Call{Method: method, Target: target, Header: &q.r.Header, Request: &q.r, Deadline: q.r.Time.Add(timeout)}
	if alone && !x.Deadline.IsZero() && x.Deadline.Before(q.call.Deadline) {
		q.call.Deadline = x.Deadline
	}
	q.x.Deadline = q.call.Deadline
	return q
}

// Fields gives the question those that always tell where a request comes from, and then those of the header of, the request's or its response's,
// by their names. None of these may say what the question says of itself.
func (q *Question) Fields(r *wire.Request, of *wire.Header, names []string) {
	h := &q.r.Header
	for _, n := range always {
		copyField(&r.Header, h, n.String())
	}
	for _, n := range names {
		if !h.Has(n) {
			copyField(of, h, n)
		}
	}
}

// AllFields gives the question those that always tell where a request comes from, and all fields of of, the header of the request r or of its
// response, but those that are about the request's own answer.
func (q *Question) AllFields(r *wire.Request, of *wire.Header) {
	h := &q.r.Header
	h.CopyFrom(of)
	if of != &r.Header {
		h.Filter(func(f *wire.Field) bool { return wire.Copyable(f.Name) }, 0)
		for _, n := range always {
			h.DelAlike(n.String())
			copyField(&r.Header, h, n.String())
		}
	}
	for _, n := range aside {
		h.Del(n)
	}
}

// Say puts a field that is the question's own, in place of all that is like it.
func (q *Question) Say(name, value string) {
	q.r.Header.DelAlike(name)
	q.r.Header.Add(name, value)
}

// Body gives the question a body.
func (q *Question) Body(b []byte) {
	q.call.Body, q.call.Length = wire.BytesBody(b), int64(len(b))
	q.r.Length = q.call.Length
}

// ErrLoop is what a question fails with that asks the gateway itself, which would ask again.
var ErrLoop = errors.New("the service is this gateway, by a route that asks it again")

// Send asks, and says what the request r asks for. Answers are read before End.
func (q *Question) Send(r *wire.Request, to Upstream) (*wire.Response, error) {
	via := self
	for _, v := range r.Header.Values(fieldVia) {
		if strings.Contains(v, self) {
			return nil, ErrLoop
		}
		via = v + ", " + via
	}
	q.Say(fieldVia, via)
	q.Say(fieldMethod, r.Method)
	q.Say(fieldURI, target(r))
	return to.Send(&q.x, &q.call)
}

// End ends the question, whose answer is not needed any more.
func (q *Question) End() { q.x.End() }

func copyField(from, to *wire.Header, name string) {
	for _, v := range from.Values(name) {
		to.Add(name, v)
	}
}

// target is what the request asks for, as it goes upstream.
func target(r *wire.Request) string {
	if r.Query == "" {
		return r.Path.Text
	}
	return r.Path.Text + "?" + r.Query
}

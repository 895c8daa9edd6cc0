package external

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is the call: a request of the gateway's own, with what the service needs to know of the message.

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

// Fields of the call that are ours.
const (
	fieldMethod, fieldURI   = "X-Forwarded-Method", "X-Forwarded-Uri"
	fieldStage, fieldStatus = "Sallyport-Stage", "Sallyport-Status"
)

// An answer is what the service says, kept apart from the connection that it came on.
type answer struct {
	status int
	header wire.Header
	body   []byte
}

// ask calls the service. A nil answer with an error is its failure; ends(err) says whether it is the request's own.
func (e *external) ask(x *policy.Exchange, s *side, of *wire.Header, status int, body []byte) (*answer, error) {
	from := x.Request
	q := &question{}
	q.r = wire.Request{Method: "POST", Scheme: from.Scheme, Host: from.Host, Port: from.Port, Proto: from.Proto, Conn: &q.conn, Time: time.Now()}
	q.r.Path.Text = s.Path
	if from.Conn != nil {
		q.conn.Watch = from.Conn.Watch
	}
	s.fields(from, of, &q.r.Header, body != nil)
	if status > 0 {
		q.r.Header.Add(fieldStage, "response")
		q.r.Header.Add(fieldStatus, strconv.Itoa(status))
	} else {
		q.r.Header.Add(fieldStage, "request")
	}
	q.x = policy.Exchange{
		Request: &q.r, ID: x.ID, Client: x.Client, Port: x.Port, Log: x.Log, API: x.API, Version: x.Version, Route: x.Route, Trace: x.Trace, Start: q.r.Time,
	}
	q.call = wire.Call{Method: "POST", Target: s.Path, Header: &q.r.Header, Request: &q.r, Deadline: q.r.Time.Add(e.timeout)}
	if !x.Deadline.IsZero() && x.Deadline.Before(q.call.Deadline) {
		q.call.Deadline = x.Deadline
	}
	q.x.Deadline = q.call.Deadline
	if body != nil {
		q.call.Body, q.call.Length = wire.BytesBody(body), int64(len(body))
		q.r.Length = q.call.Length
	}
	defer q.x.End()
	resp, err := e.to.Send(&q.x, &q.call)
	if err != nil {
		return nil, err
	}
	return s.read(resp)
}

// fields fills in the header of the call; of is that of the message.
func (s *side) fields(r *wire.Request, of, h *wire.Header, body bool) {
	for _, n := range always {
		copyField(&r.Header, h, n.String())
	}
	names := s.Headers
	if s.all {
		names = nil
		for name := range of.All() {
			if !slices.ContainsFunc(names, func(n string) bool { return wire.EqualFold(n, name) }) && wire.Copyable(name) {
				names = append(names, name)
			}
		}
	}
	if body {
		names = append(names[:len(names):len(names)], "Content-Type", "Content-Encoding")
	}
	for _, n := range names {
		if !h.Has(n) {
			copyField(of, h, n)
		}
	}
	for _, n := range [...]string{fieldMethod, fieldURI, fieldStage, fieldStatus} {
		h.DelAlike(n)
	}
	h.Add(fieldMethod, r.Method)
	h.Add(fieldURI, target(r))
}

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

var errEncoded = errors.New("its answer has a Content-Encoding")

// read makes an answer of the response and closes that.
func (s *side) read(resp *wire.Response) (*answer, error) {
	defer resp.Close()
	a := &answer{status: resp.Status}
	answers := s.mayAnswer && a.status >= 300 && a.status < 500 && a.status != 304
	if a.status != 200 && a.status != 204 && !answers {
		return nil, fmt.Errorf("it answers %d, which says nothing here", a.status)
	}
	a.header = resp.Header.Clone()
	if a.status == 204 || !answers && !s.TakeBody || resp.Body == nil {
		return a, nil
	}
	if policy.Describe(&resp.Header).Encoded && !answers {
		return nil, errEncoded
	}
	var err error
	if a.body, err = policy.ReadAll(resp.Body, resp.Length, int64(s.Size)); err != nil {
		return nil, fmt.Errorf("reading its answer: %w", err)
	}
	return a, nil
}

// ends says whether an error of the call is the request's own: its client went away.
func ends(err error) bool {
	return errors.Is(err, wire.ErrClientGone) || problem.From(err).Status < 500
}

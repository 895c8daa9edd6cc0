package gateway

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file is the end of a request: it is counted, told of, and its flow is free for another.

// An accessLog is where requests are told of.
type accessLog struct {
	*telemetry.AccessLog // nil for none
	settings             telemetry.AccessLogConfig
	when                 expr.Expr // which requests get a line; the zero value for all
}

// same says whether l does what settings ask for, the condition aside.
func (l *accessLog) same(settings telemetry.AccessLogConfig) bool {
	return l.settings.Path == settings.Path && l.settings.Sample == settings.Sample && slices.Equal(l.settings.Fields, settings.Fields)
}

// clientGone is the status of requests whose client did not wait for the answer, in the log and the metrics only: no client's
// mistake and nobody's failure. Operators know the number from other proxies.
const clientGone = 499

// gone says whether f ended because its client went away, or closed its side, before there was an answer.
func (f *flow) gone() bool { return f.failed != nil && errors.Is(f.failed, wire.ErrClientGone) }

// Done ends a request's flow.
func (g *Gateway) Done(r *wire.Request, out wire.Outcome) {
	f, ok := r.State.(*flow)
	if !ok {
		return
	}
	took := time.Since(f.x.Start)
	counts := f.snapshot.unrouted
	if f.rule != nil {
		counts = f.rule.Value.counts
	}
	if f.gone() {
		out.Status = clientGone
	}
	f.x.End()
	counts.Done(r.Method, out.Status, took)
	if f.version != nil {
		f.version.counts.Done(out.Status)
	}
	if log := g.access.Load(); log.AccessLog != nil && !f.untold {
		f.tell(r, out, took)
		log.Write(&f.line)
	}
	if g.o.Told != nil {
		f.tell(r, out, took)
		g.o.Told(&f.line)
	}
	g.metrics.Inflight.Add(-1)
	r.State = nil
	f.reset()
	flows.Put(f)
}

// wants says whether the request gets a line. One of which nobody can tell gets one.
func (l *accessLog) wants(f *flow, resp *wire.Response) bool {
	if l.when.IsZero() {
		return true
	}
	yes, err := l.when.Bool(&policy.ResponseVars{Exchange: &f.x, Response: resp})
	return yes || err != nil
}

// tell fills in the request's line.
func (f *flow) tell(r *wire.Request, out wire.Outcome, took time.Duration) {
	f.told = true
	x, l := &f.x, &f.line
	calls := l.Calls[:0]
	for _, c := range x.Calls {
		calls = append(calls, telemetry.Call{Name: c.Name, Status: c.Status, Duration: c.Took, Items: c.Items, Tries: c.Tries, Retried: c.Again})
	}
	*l = telemetry.Line{
		Calls: calls,
		Fault: x.Fault, DeniedBy: x.Denied.Policy, DeniedReason: x.Denied.Reason,
		Time: x.Start, ID: x.ID, API: x.API, Route: x.Route, Version: x.Version,
		Method: r.Method, Host: r.Host, Path: r.Path.Text, Query: r.Query, Protocol: r.Proto.String(),
		Status: out.Status, ClientIP: x.Client, Auth: x.Auth.Type, Subject: x.Auth.Subject,
		BytesIn: out.Received, BytesOut: out.Sent, Duration: took,
		Function: x.Function, Upstream: x.Waited, UpstreamName: x.Upstream, Target: x.Target, Tries: x.Tries, Retried: x.Retried, Hedged: x.Hedged,
		UserAgent: r.Header.Known(wire.UserAgent), Referer: r.Header.Known(wire.Referer), TraceID: x.Trace.TraceID(),
	}
	if x.Consumer != nil {
		l.Consumer = x.Consumer.Name
	}
	l.Subject, l.Consumer = cmp.Or(l.Subject, x.Denied.Subject), cmp.Or(l.Consumer, x.Denied.Consumer)
	switch p := f.failed; {
	case p != nil:
		if l.Problem = p.Name; out.Status == clientGone {
			l.Problem = "client_gone"
		}
		if cause := p.Unwrap(); cause != nil {
			l.Cause = cause.Error()
		} else {
			l.Cause = p.Detail
		}
	case out.Err != nil:
		l.Cause = "the response was cut short: " + out.Err.Error()
	}
}

// reset makes f ready for another request, keeping the room of its lists.
func (f *flow) reset() {
	f.x.Reset()
	if f.told {
		clear(f.line.Calls)
		f.line = telemetry.Line{Calls: f.line.Calls[:0]}
	}
	f.told, f.untold = false, false
	clear(f.sent)
	f.sent = f.sent[:0]
	f.snapshot, f.rule, f.matched, f.failed = nil, nil, "", nil
	f.version, f.of, f.sought = nil, nil, false
}

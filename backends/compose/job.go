package compose

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is one call on its way: a request of the gateway's own, with all that it is sent from, so that it may outlive the client's.

// A job is a call, or one item of a repeated one. Until it is back it belongs to whoever sends it.
type job struct {
	run    *run
	fly    func() // sends, on a goroutine of its own
	watchF func(gone func()) (stop func())

	x       policy.Exchange
	r       wire.Request
	header  wire.Header
	outline jsonspan.Outline // of body, unless it has another shape
	errand
}

// An errand is what a job has of one request only.
type errand struct {
	call  *call
	place place
	began time.Time

	conn   wire.Conn
	out    wire.Call
	cancel wire.Cancel
	stop   atomic.Bool // its answer need not be read any further

	answer  expr.Answer
	reader  givenUp
	room    []byte // that the body was read into
	body    []byte
	flows   bool  // the answer may go out while it comes
	flow    *flow // the rest of the answer, nil when it was read whole
	err     error
	omitted bool
}

// always are the fields of every call that say where the request comes from and which it is; the edge has put them in order.
var always = [...]wire.Name{wire.XForwardedFor, wire.XForwardedProto, wire.XForwardedHost, wire.Forwarded, wire.XRequestID, wire.Traceparent, wire.Tracestate}

// job makes the call as expressions have it for this request.
func (r *run) job(c *call, v *vars) (*job, error) {
	from := r.x.Request
	j := r.spare(c)
	path, err := c.Path.Text(v)
	if err != nil {
		return j, err
	}
	query, err := c.queryText(v)
	if err != nil {
		return j, err
	}
	h := &j.r.Header
	h.CopyFrom(&r.origin)
	for _, name := range c.headers {
		if err := c.Headers[name].Add(h, name, v); err != nil {
			return j, err
		}
	}
	if c.wants != "" && !h.Has("Accept") {
		h.Add("Accept", c.wants)
	}
	j.r.Method, j.r.Scheme, j.r.Host, j.r.Port, j.r.Proto, j.r.Conn = c.Method, from.Scheme, from.Host, from.Port, from.Proto, &j.conn
	j.r.Path.Text, j.r.Query = path, query
	j.flows = c.flows && from.Method != "HEAD" && from.Proto >= wire.HTTP11 // to others nothing says that an answer was cut short
	if query != "" {
		path += "?" + query
	}
	j.out = wire.Call{Method: c.Method, Target: path, Header: h, Request: &j.r, Cancel: &j.cancel, Deadline: r.by}
	if c.CallConfig.Body != nil {
		b, err := c.CallConfig.Body.Append(nil, v)
		if err != nil {
			return j, err
		}
		j.out.Body, j.out.Length = wire.BytesBody(b), int64(len(b))
		if j.r.Length = j.out.Length; !h.Has("Content-Type") {
			h.SetKnown(wire.ContentType, "application/json")
		}
	}
	x := r.x // the goroutine that sends it looks at nothing of the client's exchange
	j.x.Request, j.x.ID, j.x.Client, j.x.Port, j.x.Log, j.x.API, j.x.Version, j.x.Route = &j.r, x.ID, x.Client, x.Port, x.Log, x.API, x.Version, x.Route
	j.x.Auth, j.x.Consumer, j.x.Trace = x.Auth, x.Consumer, x.Trace
	if to, asks := c.to.(policy.Careful); asks && !to.Allows(r.x, &j.out) {
		return j, problem.BadRequest.New("The path leads, or could be read so that it leads, to one that the gateway guards.")
	}
	return j, nil
}

func (c *call) queryText(v *vars) (string, error) {
	if len(c.query) == 0 {
		return "", nil
	}
	var room [256]byte
	b := room[:0]
	for i, name := range c.query {
		value, err := c.Query[name].Text(v)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, expr.EncodeQuery(name)...), '='), value...)
	}
	return string(b), nil
}

// send sends the call and reads its answer. It may run on a goroutine of its own.
func (j *job) send() {
	r, now := j.run, j.began
	if t := j.call.Timeout; t > 0 && now.Add(t).Before(r.by) {
		j.out.Deadline = now.Add(t)
	}
	j.r.Time = now
	j.conn.Watch = j.watchF
	j.x.Start, j.x.Deadline = now, j.out.Deadline
	if j.call.flows { // once it goes out, how fast is for the client to say
		j.out.Deadline, j.out.BodyBy = time.Time{}, j.out.Deadline
	}
	defer j.x.End()
	resp, err := j.call.to.Send(&j.x, &j.out)
	if err != nil {
		j.err = sent(err)
		return
	}
	j.read(resp)
}

var errPanic = errors.New("the call panicked")

// home brings the job back, also one that panicked.
func (j *job) home() {
	if what := recover(); what != nil {
		j.x.Log.Error("a call panicked", "id", j.x.ID, "call", j.call.name, "panic", fmt.Sprint(what), "stack", string(debug.Stack()))
		j.err = problem.Internal.Wrap(errPanic)
	}
	j.over()
	j.run.done <- j
}

// over ends what comes behind the job if it failed and must not.
func (j *job) over() {
	if j.err != nil && j.call.OnError.how == fail {
		j.run.cut(j.place)
	}
}

// vars are the variables of a run.
type vars struct {
	*policy.Exchange
	run      *run
	repeated bool
	item     any
	index    int
}

// Lookup knows the answers of calls, the item of a repeated call, and the request's body as it was written.
func (v *vars) Lookup(root, field, key string) (any, bool, error) {
	switch root {
	case "item":
		return v.item, v.repeated, nil
	case "index":
		return int64(v.index), v.repeated, nil
	case "calls":
		return v.run.answers(field)
	case "request":
		if field == "body" {
			return v.raw()
		}
	}
	return v.Exchange.Lookup(root, field, key)
}

// raw is the request's body, which is judged once.
func (v *vars) raw() (any, bool, error) {
	r := v.run
	if r.asked != nil {
		return r.asked, true, nil
	}
	b, err := v.JSONBytes(policy.MaxBody)
	if err != nil || len(b) == 0 {
		return nil, false, err
	}
	if r.asked, err = jsonspan.Check(b); err != nil {
		r.asked = nil
		return nil, false, problem.BadRequest.New("The body is no valid JSON: %s.", err)
	}
	return r.asked, true, nil
}

// answers is what calls.NAME stands for.
func (r *run) answers(name string) (any, bool, error) {
	for i, c := range r.b.calls {
		if c.name != name {
			continue
		}
		s := &r.states[i]
		if c.ForEach.IsZero() {
			if s.answer == nil {
				return &expr.Answer{}, true, nil
			}
			return s.answer, true, nil
		}
		list := []*expr.Answer{}
		for _, j := range s.list {
			if !j.omitted {
				list = append(list, &j.answer)
			}
		}
		return list, true, nil
	}
	return nil, false, nil
}

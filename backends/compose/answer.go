package compose

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file makes the answer of what the calls brought.

// answer makes the answer.
func (r *run) answer() (*wire.Response, error) {
	b := r.b
	v, err := r.view()
	if err != nil {
		return nil, r.unfit(err)
	}
	flow := r.flow
	if !v.flow {
		flow = nil
	}
	var body []byte
	if flow == nil {
		body, err = r.text(v)
	}
	if err != nil {
		return nil, r.unfit(err)
	}
	if int64(len(body)) > int64(b.MaxBody) {
		return nil, failed.New("The answer is too large.").Because(errLarge)
	}
	resp := &r.resp
	resp.Status, resp.Length = b.status, int64(len(body))
	if resp.Status == 0 {
		if resp.Status, err = r.status(); err != nil {
			return nil, r.unfit(err)
		}
	}
	h := &resp.Header
	for _, name := range b.headers {
		if err := b.Headers[name].Add(h, name, &r.vars); err != nil && !r.absent(b.Headers[name].Uses(), err) {
			return nil, r.unfit(err)
		}
	}
	if !h.HasKnown(wire.ContentType) {
		h.SetKnown(wire.ContentType, "application/json")
	}
	r.mark(h)
	if r.x.Request.Method != "HEAD" && !bodyless(resp.Status) { // RFC 9110 §9.3.2: everything but the body
		r.body = *wire.BytesBody(body)
		resp.Body = &r.body
	}
	if bodyless(resp.Status) {
		resp.Length = 0
	} else if flow != nil {
		flow.out(resp)
	}
	return resp, nil
}

var (
	errLarge  = errors.New("it is larger than max_body")
	errStatus = errors.New("status makes none from 200 to 599")
)

// unfit is the problem of an answer that cannot be made.
func (r *run) unfit(err error) error {
	var p *problem.Problem
	var missing *expr.Missing
	switch {
	case errors.As(err, &p), errors.As(err, &missing) && missing.Root == "request":
		return plug.Failed(err)
	case plug.Asked(err):
		return plug.Failed(err)
	case errors.As(err, &missing) && missing.Root == "calls":
		return failed.New("The answer needs something of the call %s that it did not bring.", missing.Field).Because(err)
	case errors.Is(err, expr.ErrLarge):
		return failed.New("The answer is too large.").Because(errLarge)
	}
	return failed.New("The answer cannot be made of what the calls brought.").Because(err)
}

// view chooses what the body is made of.
func (r *run) view() (*view, error) {
	for i := range r.b.views {
		v := &r.b.views[i]
		if v.when.IsZero() {
			return v, nil
		}
		if holds, err := v.when.Bool(&r.vars); err != nil || holds {
			return v, err
		}
	}
	return &r.b.views[len(r.b.views)-1], nil // the last one has no when
}

func (r *run) text(v *view) (_ []byte, err error) {
	r.room = take(r.held + 512)
	if v.body != nil {
		r.room, err = v.body.AppendBut(r.room, &r.vars, int(r.b.MaxBody), r.absent)
		return r.room, err
	}
	for _, c := range v.of {
		r.gather(c)
	}
	r.room, err = jsonspan.MergeOutlines(r.room, v.rule, r.parts)
	var clash *jsonspan.Clash
	if errors.As(err, &clash) {
		return nil, failed.New("The call %s brought a name that another one has as well.", r.from(clash.Of)).Because(err)
	}
	return r.room, err
}

// gather adds what a call brought to what is joined.
func (r *run) gather(c *call) {
	s := &r.states[c.at]
	if s.job != nil {
		s.job.part()
	}
	for _, j := range s.list {
		if !j.omitted {
			j.part()
		}
	}
}

// part adds the answer of one call, which mostly is outlined already.
func (j *job) part() {
	raw, ok := j.answer.Body.(expr.Raw)
	if !ok || len(raw) == 0 {
		return
	}
	if o := j.outline.Value; len(o) != len(raw) || &o[0] != &raw[0] {
		j.outline.Set(raw)
	}
	j.run.parts = append(j.run.parts, &j.outline)
}

// from names the call that brought part i of what is joined.
func (r *run) from(i int) string {
	j := slices.IndexFunc(r.jobs[:r.used], func(j *job) bool { return &j.outline == r.parts[i] })
	return r.jobs[j].call.name
}

// absent says whether a member whose expressions failed is left out: it needs a call that was.
func (r *run) absent(uses []expr.Ref, _ error) bool {
	for _, u := range uses {
		if u.Root != "calls" {
			continue
		}
		for i, c := range r.b.calls {
			if c.name == u.Field && r.states[i].absent {
				return true
			}
		}
	}
	return false
}

func (r *run) status() (int, error) {
	n, err := r.b.Status.Number(&r.vars)
	if s := int(n); err == nil && (s < 200 || s > 599 || float64(s) != n) {
		err = errStatus
	} else if err == nil {
		return s, nil
	}
	return 0, r.b.Status.Blame(err)
}

// mark says which calls failed, and how long they took.
func (r *run) mark(h *wire.Header) {
	var partial, timing []string
	for _, c := range r.b.written {
		s := &r.states[c.at]
		if s.partial {
			partial = append(partial, c.name)
		}
		if r.b.ServerTiming && s.over && !s.began.IsZero() {
			timing = append(timing, c.name+";dur="+strconv.FormatFloat(float64(s.took.Microseconds())/1000, 'f', -1, 64))
		}
	}
	if partial != nil {
		h.Set("Sallyport-Partial", strings.Join(partial, ", "))
	}
	if timing != nil {
		h.Add("Server-Timing", strings.Join(timing, ", "))
	}
}

// tell leaves word of the calls for the log.
func (r *run) tell() {
	for _, c := range r.b.written {
		s := &r.states[c.at]
		if s.began.IsZero() {
			continue
		}
		told := policy.Told{Name: c.name, Status: s.status, Took: s.took, Items: len(s.list), Tries: s.tries, Again: s.retried}
		if !s.over {
			told.Took = time.Since(s.began)
		}
		r.x.Calls = append(r.x.Calls, told)
	}
}

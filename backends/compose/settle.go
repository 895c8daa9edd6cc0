package compose

import (
	"errors"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/problem"
	"sallyport/wire"
)

// This file decides what becomes of calls that are back, or that cannot be made.

// take notes the result of a job.
func (r *run) take(j *job) {
	i := j.place.call
	s := &r.states[i]
	if j.err != nil {
		r.failsAt(j)
		if s.err != nil {
			s.status = j.answer.Status // for the log
			return
		}
	}
	if j.place.item < 0 {
		s.status, s.answer, s.job = j.answer.Status, &j.answer, j
		s.absent = j.omitted
		r.finish(i)
		return
	}
	if s.status == 0 {
		s.status = j.answer.Status
	}
	if s.left--; s.left == 0 {
		r.finish(i)
	}
}

// failsAt decides what becomes of a job that failed.
func (r *run) failsAt(j *job) {
	i := j.place.call
	c, s := r.b.calls[i], &r.states[i]
	gone := errors.Is(j.err, wire.ErrClientGone)
	if c.OnError.how == fail || gone {
		if s.err == nil || j.place.item < s.errAt {
			s.err, s.errAt = r.wrong(c, j.err), j.place.item
		}
		r.cut(j.place)
		return
	}
	s.partial = true
	j.answer.OK, j.answer.Body = false, nil
	if j.omitted = c.OnError.how == omit; j.omitted {
		return
	}
	b, err := c.OnError.fallback.Append(nil, r.x)
	if err != nil {
		j.omitted = true
		return
	}
	j.answer.Body = expr.Raw(b)
}

// fails ends a call that cannot be made.
func (r *run) fails(i int, err error) {
	c, s := r.b.calls[i], &r.states[i]
	if c.OnError.how == fail {
		s.err = r.wrong(c, err)
		r.cut(place{i, -1})
		return
	}
	if !c.ForEach.IsZero() {
		s.partial = true // and an empty list
		r.finish(i)
		return
	}
	j := r.spare(c)
	j.place, j.err = place{i, -1}, err
	r.take(j)
}

// finish ends a call and begins those that waited for it.
func (r *run) finish(i int) {
	s := &r.states[i]
	s.over, s.took = true, r.now.Sub(s.began)
	for _, f := range r.b.calls[i].feeds {
		if next := &r.states[f.at]; !next.started {
			if next.waits--; next.waits == 0 {
				r.begin(f.at)
			}
		}
	}
}

// wrong is the problem that the client gets of a call that failed.
func (r *run) wrong(c *call, err error) error {
	var told *callError
	var missing *expr.Missing
	switch {
	case errors.Is(err, wire.ErrClientGone):
		return err
	case errors.As(err, &told) && told.status == 504:
		return late.New("The call %s %s.", c.name, told.what).Because(told.err)
	case errors.As(err, &told):
		return failed.New("The call %s %s.", c.name, told.what).Because(told.err)
	case errors.As(err, &missing) && missing.Root == "request":
		return plug.Failed(err)
	}
	var p *problem.Problem
	item := c.ForEach.Uses()
	if errors.As(err, &p) && p.Status < 500 || len(c.needs) == 0 || plug.Asked(err, item...) {
		return plug.Failed(err, item...)
	}
	return failed.New("The call %s cannot be made of what the others answered.", c.name).Because(err)
}

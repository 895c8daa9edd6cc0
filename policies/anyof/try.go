package anyof

import (
	"errors"
	"slices"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is how alternatives are asked: the chain of each ends in reach, which goes on with the request if that alternative wins.

// A try is one request at an anyOf. It is made once and used again, so that nothing is made for a request.
type try struct {
	p        *anyOf
	handlers []policy.Handler // of the alternatives

	next    policy.Handler
	asked   *alternative
	anybody bool // also one that lets the request in without knowing whose it is wins
	won     bool // the request has gone on
	unknown bool // it would have, had it been known

	// The request as it came.
	header   wire.Header
	query    string
	auth     policy.Auth
	consumer *policy.Consumer
}

func (p *anyOf) newTry() *try {
	t := &try{p: p}
	for _, a := range p.all {
		var list []policy.Policy
		for _, s := range a.steps {
			list = append(list, s.Policy)
		}
		t.handlers = append(t.handlers, policy.Chain(list, t.reach))
	}
	return t
}

func (t *try) begin(x *policy.Exchange, next policy.Handler) {
	t.next, t.anybody = next, false
	t.header.CopyFrom(&x.Request.Header)
	t.query, t.auth, t.consumer = x.Request.Query, x.Auth, x.Consumer
}

func (t *try) end() {
	t.header.Reset()
	t.next, t.asked, t.auth, t.consumer, t.query = nil, nil, policy.Auth{}, nil, ""
}

func (t *try) restore(x *policy.Exchange) {
	x.Request.Header.CopyFrom(&t.header)
	x.Request.Query, x.Auth, x.Consumer, x.Denied = t.query, t.auth, t.consumer, policy.Denial{}
}

// errUnknown stops an alternative that would let a request in without knowing whose it is, such as one that is optional.
var errUnknown = errors.New("it is not known who sent the request")

// reach is where the chain of an alternative ends.
func (t *try) reach(x *policy.Exchange) (*wire.Response, error) {
	if t.asked.identifies && x.Auth.Type == "" && !t.anybody {
		t.unknown = true
		return nil, errUnknown
	}
	t.won, x.Denied = true, policy.Denial{}
	t.asked.clean(x.Request)
	return t.next(x)
}

// ask has one alternative decide.
func (t *try) ask(x *policy.Exchange, i int) (*wire.Response, error) {
	t.asked, t.won, t.unknown = &t.p.all[i], false, false
	if len(t.asked.steps) == 0 {
		return nil, problem.Forbidden.Wrap(plug.ErrNotHeld) // nothing lets nobody in
	}
	return t.handlers[i](x)
}

// run asks until one wins or ends it.
func (t *try) run(x *policy.Exchange) (*wire.Response, error) {
	var worst refusal
	optional := -1 // one that lets in whom nobody knows
	for i := range t.handlers {
		resp, err := t.ask(x, i)
		if t.won || err == nil && x.Denied.Policy == "" {
			worst.drop()
			return resp, err
		}
		if t.unknown {
			if optional < 0 {
				optional = i
			}
		} else if worst.take(refusal{t.how(x, resp, err), i, resp, err, x.Denied}); worst.how == final {
			break
		}
		t.restore(x)
	}
	if optional >= 0 && worst.how <= missing {
		worst.drop()
		t.anybody = true
		return t.ask(x, optional)
	}
	return t.refuse(x, &worst)
}

// A manner is in which way an alternative refuses, the worst last.
type manner uint8

const (
	notAsked manner = iota // nothing refused
	notHeld                // its condition does not hold
	guarded                // it goes by something else than credentials
	missing                // there are no credentials for it
	foreign                // there are some, which may be another's
	wrong                  // there are some, which are nobody's
	final                  // nothing else may save the request
)

// A refusal is what an alternative said, a response or an error.
type refusal struct {
	how    manner
	by     int
	resp   *wire.Response
	err    error
	denied policy.Denial
}

// take makes r the worse of the two, the first of equal ones.
func (r *refusal) take(other refusal) {
	if other.how <= r.how {
		other.drop()
		return
	}
	r.drop()
	*r = other
}

// drop throws the response away.
func (r *refusal) drop() {
	if r.resp != nil {
		r.resp.Close()
		r.resp = nil
	}
}

// how says in which way the alternative that was asked refuses.
func (t *try) how(x *policy.Exchange, resp *wire.Response, err error) manner {
	var status int
	var unsaid bool
	if resp != nil {
		status = resp.Status
	} else {
		p := problem.From(err)
		status, unsaid = p.Status, p.Name == problem.NoCredentials.Name
	}
	switch {
	case errors.Is(err, plug.ErrNotHeld):
		return notHeld
	case unsaid:
		return missing
	case x.Denied.Foreign:
		return foreign
	case status == 401 && t.p.onward:
		return wrong
	case status == 403 && slices.Contains(plug.Guards, x.Denied.Policy):
		return guarded
	}
	return final
}

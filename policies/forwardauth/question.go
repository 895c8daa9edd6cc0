package forwardauth

import (
	"sallyport/policy"
)

// This file is the question: what the service needs to know of the client's request.

// ask makes the question about x. alone says that nobody but x waits for the answer.
func (g *gate) ask(x *policy.Exchange, body []byte, alone bool) *policy.Question {
	r := x.Request
	q := x.Ask(g.method(x), g.Path, g.Timeout, alone)
	if g.all {
		q.AllFields(r, &r.Header)
	} else {
		names := g.RequestHeaders
		if body != nil {
			names = g.withBody
		}
		q.Fields(r, &r.Header, names)
	}
	if body != nil {
		q.Body(body)
	}
	return q
}

func (g *gate) method(x *policy.Exchange) string {
	if g.Method == "request" {
		return x.Request.Method
	}
	return g.Method
}

// send asks about x. An error is the request's own; what is the service's is an answer.
func (g *gate) send(x *policy.Exchange, q *policy.Question) (*answer, error) {
	defer q.End()
	resp, err := q.Send(x.Request, g.to)
	switch {
	case err == nil:
		return g.read(resp), nil
	case ends(err):
		return nil, err
	}
	return failed(err), nil
}

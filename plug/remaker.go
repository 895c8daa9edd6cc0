package plug

import (
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// A Remaker is a policy that makes bodies anew: those of requests before they go on, and those of responses.
type Remaker struct {
	ask    func(*policy.Exchange) error
	answer func(*policy.Exchange, *wire.Response) error

	denyType, denySize, denyBody, denyResponse func(*policy.Exchange)
}

// Remaker makes one for the policy of that name. What ask and answer say in an error, the client gets; nil is for sides that stay as they are.
func (e *Env) Remaker(name string, ask func(*policy.Exchange) error, answer func(*policy.Exchange, *wire.Response) error) *Remaker {
	return &Remaker{ask, answer, e.Denier(name, "type"), e.Denier(name, "size"), e.Denier(name, "body"), e.Denier(name, "response")}
}

// Handle changes the request, and what comes back.
func (r *Remaker) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if r.ask != nil {
		if err := r.ask(x); err != nil {
			r.count(x, err)
			return nil, err
		}
	}
	if r.answer == nil {
		return next(x)
	}
	policy.AskWhole(x.Request)
	resp, err := next(x)
	if err != nil {
		return nil, err
	}
	if err := r.answer(x, resp); err != nil {
		r.denyResponse(x)
		resp.Close()
		return nil, err
	}
	return resp, nil
}

// count counts a request that is refused; one that fails for another reason is counted by whoever made that.
func (r *Remaker) count(x *policy.Exchange, err error) {
	switch problem.From(err).Type {
	case problem.BadMedia:
		r.denyType(x)
	case problem.BodyTooBig:
		r.denySize(x)
	case problem.Invalid, problem.BadRequest:
		r.denyBody(x)
	}
}

// Cut counts a response that was found to be bad when part of it was on its way.
func (r *Remaker) Cut(x *policy.Exchange) { r.denyResponse(x) }

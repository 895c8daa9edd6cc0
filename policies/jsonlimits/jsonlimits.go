// Package jsonlimits bounds what JSON in a request may look like, and refuses what two readers could read differently. The bytes that
// were judged are the bytes that go on.
package jsonlimits

import (
	"errors"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "json_limits"

// Kind declares the policy json_limits.
var Kind = plug.Define(name, "Bounds the JSON in requests: its depth, keys and sizes; and refuses what two readers could read differently.", build)

type limits struct {
	bounds
	size   int64
	types  []policy.Media
	refuse bool // bodies of other types

	denied  map[reason]func(*policy.Exchange)
	tooBig  func(*policy.Exchange)
	badType func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	l := &limits{
		bounds: bounds{
			depth: c.Depth, members: c.Members, keys: c.Keys, items: c.Items, key: c.KeyLength, text: -1, number: c.NumberLength,
			exponent: c.Exponent, twice: c.DuplicateKeys,
		},
		size: int64(c.Size), types: c.ContentTypes, refuse: c.Others == "refuse",
		denied: map[reason]func(*policy.Exchange){},
		tooBig: env.Denier(name, "size"), badType: env.Denier(name, "type"),
	}
	if c.StringLength != nil {
		l.text = *c.StringLength
	}
	for _, r := range reasons {
		l.denied[r] = env.Denier(name, string(r))
	}
	return l, nil
}

// Handle judges the body, if there is one.
func (l *limits) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	found, err := l.judge(x)
	switch {
	case found != nil:
		l.denied[found.reason](x)
		return nil, found.problem()
	case err != nil:
		l.count(x, err)
		return nil, err
	}
	return next(x)
}

// count counts what is wrong with a request other than what its JSON looks like.
func (l *limits) count(x *policy.Exchange, err error) {
	switch p := (*problem.Problem)(nil); {
	case !errors.As(err, &p):
	case p.Type == problem.BodyTooBig:
		l.tooBig(x)
	case p.Type == problem.BadMedia:
		l.badType(x)
	}
}

// judge returns what it finds wrong with the JSON of x, or why it cannot tell.
func (l *limits) judge(x *policy.Exchange) (*finding, error) {
	r := x.Request
	if r.Body == nil {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	if judged, err := l.wants(&r.Header); err != nil || !judged {
		return nil, err
	}
	b, err := x.Body(l.size)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return l.check(b), nil
}

// wants says whether a body is to be judged. One that the gateway would read otherwise than the upstream is refused: in a
// compressed one nothing can be judged, and other text than UTF-8 is no JSON (RFC 8259 §8.1).
func (l *limits) wants(h *wire.Header) (bool, error) {
	d := policy.Describe(h)
	switch {
	case d.Twice:
		return false, problem.BadMedia.New("The request has several Content-Type fields.")
	case !d.Is(l.types):
		if l.refuse {
			return false, problem.BadMedia.New("A body of JSON is wanted here.")
		}
		return false, nil
	case !d.UTF8():
		return false, problem.BadMedia.New("JSON is wanted in UTF-8 here.")
	case d.Encoded:
		return false, problem.BadMedia.New("A body without Content-Encoding is wanted here.").With("Accept-Encoding", "identity")
	}
	return true, nil
}

// Explain judges the body like Handle.
func (l *limits) Explain(x *policy.Exchange) (v policy.Verdict) {
	found, err := l.judge(x)
	switch {
	case found != nil:
		v.Why, v.Err = string(found.reason)+": "+found.detail, found.problem()
	case err != nil:
		v.Err = err
	case x.Request.Body == nil:
		v.Why = "there is no body"
	default:
		v.Why = "nothing is wrong with the body"
	}
	return v
}

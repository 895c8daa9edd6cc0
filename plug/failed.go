package plug

import (
	"errors"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/problem"
	"sallyport/wire"
)

// This file decides whose fault it is that an expression failed. Its value can be missing, null, of a wrong kind or with characters that cannot
// stand where it is put: whoever sent what it was made of is to blame.

// Failed makes a problem of an expression that failed for one request. What the request lacks or holds, and a body that cannot be
// read, are the client's fault, all else is ours. The client is not told what the expression is, nor what it looked at, but which part of the
// request it was. item is what the variable item was taken from.
func Failed(err error, item ...expr.Ref) error {
	var p *problem.Problem
	if errors.As(err, &p) {
		return err
	}
	var missing *expr.Missing
	var fault *wire.Fault
	switch {
	case errors.Is(err, wire.ErrBodyTooLarge):
		return problem.BodyTooBig.Wrap(err)
	case errors.As(err, &fault):
		return problem.BadRequest.New("%s", fault.Reason).Because(err)
	case errors.As(err, &missing) && missing.Root == "request":
		return problem.BadRequest.New("The request lacks something that the route needs: %s.", missing.Ref).Because(err)
	case missing != nil && missing.Root != "" && missing.Root != "item": // such as a consumer: the document's fault
	case Asked(err, item...):
		return problem.BadRequest.New("The request has something that the route cannot use: %s.", named(err, item)).Because(err)
	}
	return problem.Internal.Wrap(err)
}

// Answered is Failed for an expression on the side of the response: what the response lacks or holds is the upstream's fault.
func Answered(err error) error {
	var p *problem.Problem
	var missing *expr.Missing
	var e *expr.EvalError
	switch {
	case errors.As(err, &p), errors.As(err, &missing) && missing.Root != "response" && missing.Root != "":
		return Failed(err)
	case missing != nil && missing.Root == "response", errors.As(err, &e) && uses(e.Uses, "response"):
		return problem.BadResponse.Wrap(err)
	}
	return Failed(err)
}

// Asked says whether an expression failed that looked at the request, and at nothing that somebody answered.
func Asked(err error, item ...expr.Ref) bool {
	var e *expr.EvalError
	if !errors.As(err, &e) {
		return false
	}
	of := seen(e, item)
	return uses(of, "request") && !uses(of, "response") && !uses(of, "calls")
}

// seen is what an expression looked at, with what its item was taken from.
func seen(e *expr.EvalError, item []expr.Ref) []expr.Ref {
	if uses(e.Uses, "item") {
		return slices.Concat(e.Uses, item)
	}
	return e.Uses
}

func uses(of []expr.Ref, root string) bool {
	return slices.ContainsFunc(of, func(r expr.Ref) bool { return r.Root == root })
}

// named lists the parts of the request that an expression looked at.
func named(err error, item []expr.Ref) string {
	var e *expr.EvalError
	errors.As(err, &e)
	var out []string
	for _, r := range seen(e, item) {
		if s := r.String(); r.Root == "request" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// Headed makes a problem of err, as the edge would, whose header fields are changed like those of a response. Others may hold the one
// that err is, so that stays as it is.
func Headed(err error, change func(*wire.Header)) error {
	p := *problem.From(Failed(err))
	var h wire.Header
	for _, f := range p.Header {
		h.Add(f[0], f[1])
	}
	change(&h)
	p.Header = make([][2]string, 0, h.Len())
	for name, value := range h.All() {
		p.Header = append(p.Header, [2]string{name, value})
	}
	return &p
}

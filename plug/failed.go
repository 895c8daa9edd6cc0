package plug

import (
	"errors"

	"sallyport/expr"
	"sallyport/problem"
	"sallyport/wire"
)

// Failed makes a problem of an expression that failed for one request. What the request lacks, and a body that cannot be
// read, are the client's fault, all else is ours. The client is not told what the expression is.
func Failed(err error) error {
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
	}
	return problem.Internal.Wrap(err)
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

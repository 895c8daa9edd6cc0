// Package body makes the bodies of requests and responses anew: out of expressions, or of what is there.
package body

import (
	"errors"
	"slices"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/wire"
)

const name = "body"

// Kind declares the policy body.
var Kind = plug.Define(name, "Makes the body of requests and responses anew: out of expressions, or of what is there by leaving out, renaming and putting in.", build)

type bodies struct {
	*plug.Remaker
	request, response *maker
	statuses          []policy.Status
	stream            bool
	looks             bool // the response is made of the request's body, too
}

// A maker makes one body.
type maker struct {
	value *expr.JSON // nil for what is there
	shape *jsonspan.Shape
	fill  *jsonspan.Fill
	puts  []put
	fixed [][]byte // what is put, where it is always the same
	size  int64
	reads policy.Reads
}

// grows is how often as large as what may be read a body may get that is made: what is put stands in every item of a list, and an expression may
// repeat what it is given.
const grows = 8

func build(c Config, env *plug.Env) (policy.Policy, error) {
	b := &bodies{}
	var errs []error
	var ask func(*policy.Exchange) error
	var answer func(*policy.Exchange, *wire.Response) error
	if r := c.Request; r != nil {
		m, err := newMaker("request", r.Value, &r.Shape, puts("request", r.Set, r.Defaults), r.Others == "pass")
		b.request, errs, ask = m, append(errs, err), b.ask
		warn(env, r.slip)
	}
	if r := c.Response; r != nil {
		var value *expr.JSON
		if r.Value != nil {
			value = &r.Value.JSON
		}
		m, err := newMaker("response", value, &r.Shape, puts("response", plain(r.Set), plain(r.Defaults)), r.Others == "pass")
		b.response, b.statuses, b.stream, errs, answer = m, r.Statuses, r.Stream, append(errs, err), b.answer
		if b.looks = m.uses("request"); b.looks {
			ask = b.ask
		}
		warn(env, r.slip)
	}
	b.Remaker = env.Remaker(name, ask, answer)
	return b, errors.Join(errs...)
}

func warn(env *plug.Env, slip string) {
	if slip != "" {
		env.Warn("%s", slip)
	}
}

func newMaker(in string, value *expr.JSON, s *Shape, puts []put, pass bool) (*maker, error) {
	m := &maker{value: value, puts: puts, size: int64(s.Size), reads: policy.Reads{Types: s.ContentTypes, What: "JSON", UTF8: true, Pass: pass}}
	var err error
	if m.shape, err = s.shaped(in); err != nil {
		return nil, err
	}
	if len(puts) > 0 {
		paths := make([]jsonspan.Put, len(puts))
		for i := range puts {
			paths[i] = puts[i].Put
		}
		m.fixed = fixed(puts)
		m.fill, err = jsonspan.NewFill(paths)
		err = placed(err, func(e *jsonspan.PathError) string { return puts[e.Index].setting })
	}
	return m, err
}

// fixed are the values of puts, nil when one of them depends on the message.
func fixed(puts []put) [][]byte {
	out := make([][]byte, len(puts))
	for i := range puts {
		text, constant := puts[i].value.Constant()
		if !constant {
			return nil
		}
		out[i] = text
	}
	return out
}

// uses says whether expressions look into the body of that root.
func (m *maker) uses(root string) bool {
	body := func(r expr.Ref) bool { return r.Root == root && r.Field == "body" }
	return m.value != nil && slices.ContainsFunc(m.value.Uses(), body) ||
		slices.ContainsFunc(m.puts, func(p put) bool { return slices.ContainsFunc(p.value.Uses(), body) })
}

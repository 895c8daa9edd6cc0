// Package body makes the bodies of requests and responses anew: out of expressions, or of what is there.
package body

import (
	"errors"
	"fmt"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "body"

// Kind declares the policy body.
var Kind = plug.Define(name, "Makes the body of requests and responses anew: out of expressions, or of what is there by leaving out, renaming and putting in.", build)

type bodies struct {
	request, response *maker
	statuses          []policy.Status

	denyType, denySize, denyBody, denyResponse func(*policy.Exchange)
}

// A maker makes one body.
type maker struct {
	value *expr.JSON // nil for what is there
	shape *jsonspan.Shape
	fill  *jsonspan.Fill
	puts  []put
	fixed [][]byte // what is put, where it is always the same
	size  int64
	types []policy.Media
	pass  bool // bodies of other types
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	b := &bodies{
		denyType: env.Denier(name, "type"), denySize: env.Denier(name, "size"), denyBody: env.Denier(name, "body"), denyResponse: env.Denier(name, "response"),
	}
	var errs []error
	if r := c.Request; r != nil {
		m, err := newMaker("request", r.Value, &r.Shape, puts("request", r.Set, r.Defaults), r.Others == "pass")
		b.request, errs = m, append(errs, err)
		warn(env, r.slip)
	}
	if r := c.Response; r != nil {
		var value *expr.JSON
		if r.Value != nil {
			value = &r.Value.JSON
		}
		m, err := newMaker("response", value, &r.Shape, puts("response", plain(r.Set), plain(r.Defaults)), r.Others == "pass")
		b.response, b.statuses, errs = m, r.Statuses, append(errs, err)
		warn(env, r.slip)
	}
	return b, errors.Join(errs...)
}

func warn(env *plug.Env, slip string) {
	if slip != "" {
		env.Warn("%s", slip)
	}
}

func newMaker(in string, value *expr.JSON, s *Shape, puts []put, pass bool) (*maker, error) {
	m := &maker{value: value, puts: puts, size: int64(s.Size), types: s.ContentTypes, pass: pass}
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

// Handle changes the request, and what comes back.
func (b *bodies) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if b.request != nil {
		if err := b.ask(x); err != nil {
			b.count(x, err)
			return nil, err
		}
	}
	if b.response == nil {
		return next(x)
	}
	policy.AskWhole(x.Request)
	resp, err := next(x)
	if err != nil {
		return nil, err
	}
	if err := b.answer(x, resp); err != nil {
		b.denyResponse(x)
		resp.Close()
		return nil, err
	}
	return resp, nil
}

func (b *bodies) count(x *policy.Exchange, err error) {
	switch p := problem.From(err); p.Type {
	case problem.BadMedia:
		b.denyType(x)
	case problem.BodyTooBig:
		b.denySize(x)
	case problem.Invalid, problem.BadRequest:
		b.denyBody(x)
	}
}

// make makes the body, of old unless there is a value.
func (m *maker) make(old []byte, v expr.Vars) ([]byte, error) {
	b := old
	var err error
	if m.value != nil {
		if b, err = m.value.Append(nil, v); err != nil {
			return nil, err
		}
	}
	if m.shape == nil && m.fill == nil {
		return b, nil
	}
	if b, err = jsonspan.Check(b); err != nil {
		return nil, &unfit{err}
	}
	if m.shape != nil {
		if b, err = m.shape.Append(make([]byte, 0, len(b)), b); err != nil {
			return nil, &unfit{err}
		}
	}
	if m.fill == nil {
		return b, nil
	}
	values, err := m.values(v)
	if err != nil {
		return nil, err
	}
	if b, err = m.fill.Append(make([]byte, 0, len(b)+64), b, values); err != nil {
		return nil, &unfit{err}
	}
	return b, nil
}

// values are what is put in.
func (m *maker) values(v expr.Vars) (_ [][]byte, err error) {
	if m.fixed != nil {
		return m.fixed, nil
	}
	out := make([][]byte, len(m.puts))
	for i := range m.puts {
		if out[i], err = m.puts[i].value.Append(nil, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unfit is a body of which nothing can be made.
type unfit struct{ err error }

func (u *unfit) Error() string { return u.err.Error() }
func (u *unfit) Unwrap() error { return u.err }

// ask changes a request.
func (b *bodies) ask(x *policy.Exchange) error {
	r, m := x.Request, b.request
	var old []byte
	if m.value == nil {
		if r.Body == nil {
			return nil
		}
		d := policy.Describe(&r.Header)
		switch {
		case d.Twice:
			return problem.BadMedia.New("The request has several Content-Type fields.")
		case !d.Is(m.types):
			if m.pass {
				return nil
			}
			return problem.BadMedia.New("A body of another type is wanted here.")
		case !d.UTF8():
			return problem.BadMedia.New("JSON is wanted in UTF-8 here.")
		case d.Encoded:
			return problem.BadMedia.New("A body without Content-Encoding is wanted here.").With("Accept-Encoding", "identity")
		}
		var err error
		if old, err = x.Body(m.size); err != nil || len(old) == 0 {
			return err
		}
	}
	made, err := m.make(old, &asking{Exchange: x})
	var bad *unfit
	switch {
	case errors.As(err, &bad):
		p := problem.Invalid.New("Nothing can be made of the body here.").Because(err)
		p.Extra = map[string]any{"errors": []any{map[string]any{"pointer": "", "detail": "The body cannot be used: " + err.Error() + "."}}}
		return p
	case err != nil:
		return plug.Failed(err)
	}
	if m.value != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Del("Content-Encoding")
	}
	x.SetBody(made)
	r.Trailer.Reset()
	policy.Remade(&r.Header)
	return nil
}

var errUnread = errors.New("the response cannot be read: it is compressed, partial or of another type than is wanted")

// meant says whether a response is one that is changed.
func (b *bodies) meant(resp *wire.Response) bool {
	if resp.Switch != nil || resp.Status == 204 || resp.Status == 205 || resp.Status == 304 {
		return false
	}
	for _, s := range b.statuses {
		if s.Is(resp.Status) {
			return true
		}
	}
	return false
}

// answer changes a response.
func (b *bodies) answer(x *policy.Exchange, resp *wire.Response) error {
	m := b.response
	if !b.meant(resp) {
		return nil
	}
	if m.value == nil {
		d := policy.Describe(&resp.Header)
		fits := !d.Twice && d.Is(m.types)
		if !fits && m.pass {
			return nil
		}
		if !fits || !d.UTF8() || d.Encoded || resp.Status == 206 {
			return problem.BadResponse.Wrap(errUnread)
		}
	}
	if x.Request.Method == "HEAD" {
		resp.Length = -1
		b.describe(resp)
		return nil
	}
	vars := &policy.ResponseVars{Exchange: x, Response: resp}
	var old []byte
	if m.value == nil {
		var err error
		if old, err = vars.Body(m.size); err != nil || len(old) == 0 {
			return err
		}
	}
	made, err := m.make(old, &answering{ResponseVars: vars, asking: asking{Exchange: x}})
	if err != nil {
		return failed(err)
	}
	policy.Replace(resp, made)
	b.describe(resp)
	return nil
}

// describe has the header fit the body.
func (b *bodies) describe(resp *wire.Response) {
	if b.response.value != nil {
		resp.Header.Set("Content-Type", "application/json")
		resp.Header.Del("Content-Encoding")
	}
	policy.Remade(&resp.Header)
}

// failed is the problem of a response of which no body can be made: what it lacks is the upstream's fault.
func failed(err error) error {
	var missing *expr.Missing
	var bad *unfit
	if errors.As(err, &bad) || errors.As(err, &missing) && missing.Root == "response" {
		return problem.BadResponse.Wrap(fmt.Errorf("making the body: %w", err))
	}
	return plug.Failed(err)
}

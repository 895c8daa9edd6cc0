package body

// What is done to a request, and to a response: read, made anew, described again.

import (
	"errors"
	"fmt"
	"io"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// ask changes a request, and reads what its response will be made of, while it is there.
func (b *bodies) ask(x *policy.Exchange) error {
	if b.request != nil {
		if err := b.remake(x); err != nil {
			return err
		}
	}
	return b.look(x)
}

// look reads the body that a response will be made of, too.
func (b *bodies) look(x *policy.Exchange) error {
	if !b.looks {
		return nil
	}
	_, _, err := (&asking{Exchange: x, size: b.response.size}).body()
	return err
}

func (b *bodies) remake(x *policy.Exchange) error {
	r, m := x.Request, b.request
	var old []byte
	if m.value == nil {
		if r.Body == nil {
			return nil
		}
		_, read, err := m.reads.Request(&r.Header)
		if !read {
			return err
		}
		if old, err = x.Body(m.size); err != nil || len(old) == 0 {
			return err
		}
	}
	made, err := m.make(old, &asking{Exchange: x, size: m.size})
	if err != nil {
		return refused(err, m)
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

// refused is the problem of a request of which no body can be made.
func refused(err error, m *maker) error {
	var bad *unfit
	switch {
	case large(err):
		return problem.BodyTooBig.New("What would be made of the body has more than %d bytes.", grows*m.size).Because(err)
	case errors.As(err, &bad):
		p := problem.Invalid.New("Nothing can be made of the body here.").Because(err)
		p.Extra = map[string]any{"errors": []any{map[string]any{"pointer": "", "detail": "The body cannot be used: " + err.Error() + "."}}}
		return p
	}
	return plug.Failed(err)
}

func large(err error) bool { return errors.Is(err, expr.ErrLarge) || errors.Is(err, jsonspan.ErrLarge) }

// meant says whether a response is one that is changed.
func (b *bodies) meant(resp *wire.Response) bool {
	if policy.Bodyless(resp) {
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
	switch {
	case !b.meant(resp):
		return nil
	case m.value == nil:
		if _, read, err := m.reads.Response(resp); !read {
			return err
		}
	case resp.Status == 206: // its Content-Range is of the body that goes
		return problem.BadResponse.Wrap(policy.ErrUnread)
	}
	if x.Request.Method == "HEAD" {
		resp.Length = -1
		b.describe(resp)
		return nil
	}
	vars := &policy.ResponseVars{Exchange: x, Response: resp}
	v := &answering{ResponseVars: vars, asking: asking{Exchange: x, size: m.size}}
	if b.stream && resp.Body != nil && (resp.Length < 0 || resp.Length > small) {
		return b.pass(x, resp, v)
	}
	var old []byte
	if m.value == nil {
		var err error
		if old, err = vars.Body(m.size); err != nil || len(old) == 0 {
			return err
		}
	}
	made, err := m.make(old, v)
	if err != nil {
		return failed(err)
	}
	policy.Replace(resp, made)
	b.describe(resp)
	return nil
}

// small is the length in bytes up to which a response is judged as a whole, also when it may pass in pieces.
const small = 64 << 10

// describe has the header fit the body.
func (b *bodies) describe(resp *wire.Response) {
	if b.response.value != nil {
		resp.Header.Set("Content-Type", "application/json")
		resp.Header.Del("Content-Encoding")
	}
	policy.Remade(&resp.Header)
}

// pass has a response change while it goes on.
func (b *bodies) pass(x *policy.Exchange, resp *wire.Response, v expr.Vars) error {
	m := b.response
	values, err := m.values(v)
	if err != nil {
		return failed(err)
	}
	p := &passing{from: &source{ReadCloser: resp.Body}, resp: resp, cut: func() { b.Cut(x) }}
	p.Stream = jsonspan.NewStream(p.from, m.shape, m.fill, values, int(m.size))
	switch err := p.Start(); {
	case p.Empty():
		policy.Replace(resp, nil)
		return nil
	case err != nil:
		return problem.BadResponse.Wrap(fmt.Errorf("making the body: %w", err))
	}
	resp.Body, resp.Length = p, -1
	policy.Remade(&resp.Header)
	return nil
}

// A passing is a body that changes while it goes on. When the one that it is made of turns out to be bad, it fails, and what the client got is
// cut short.
type passing struct {
	*jsonspan.Stream
	from *source
	resp *wire.Response
	cut  func()
}

// Read reads.
func (p *passing) Read(b []byte) (int, error) {
	n, err := p.Stream.Read(b)
	switch {
	case err == io.EOF: //nolint:errorlint // it is never wrapped
		p.resp.Trailer.Reset() // it was of the other body
	case err != nil && p.from.err != nil:
		return n, p.from.err
	case err != nil:
		p.cut()
		p.cut = func() {}
		return n, fmt.Errorf("making the body: %w", err)
	}
	return n, err
}

// Close closes the body that it is made of.
func (p *passing) Close() error { return p.from.Close() }

// A source is a body that remembers how it failed.
type source struct {
	io.ReadCloser
	err error
}

// Read reads.
func (s *source) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // it is never wrapped
		s.err = err
	}
	return n, err
}

// failed is the problem of a response of which no body can be made: what it lacks is the upstream's fault.
func failed(err error) error {
	var bad *unfit
	err = fmt.Errorf("making the body: %w", err)
	if errors.As(err, &bad) || large(err) {
		return problem.BadResponse.Wrap(err)
	}
	return plug.Answered(err)
}

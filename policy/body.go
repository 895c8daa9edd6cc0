package policy

// Reading bodies into memory: bounded, once, and so that they can still be forwarded.

import (
	"errors"
	"io"

	"sallyport/problem"
	"sallyport/wire"
)

// MaxBody bounds what an expression reads of a body when nothing else is said. One that is in memory already, because a policy read it that
// may read more, is there for expressions as well.
const MaxBody = 1 << 20

// A memory is a body that was read.
type memory struct {
	held    *wire.Bytes // what stands in place of the body; the memory counts for as long as it does
	bytes   []byte
	decoded bool
	json    any
	err     error // of decoding
}

// Body reads the request's body into memory and puts it back, so that it can still be forwarded. The bytes must not be
// changed. One that is larger than limit is a problem, body_too_large.
func (x *Exchange) Body(limit int64) ([]byte, error) {
	r := x.Request
	if !x.held() {
		b, err := x.read(limit)
		if err != nil {
			return nil, err
		}
		if r.Body == nil {
			return nil, nil
		}
		x.SetBody(b)
		if r.Trailer.Len() > 0 {
			r.Length = -1 // a trailer follows a body of unknown length only (RFC 9112 §7.1.2)
		}
	}
	if int64(len(x.body.bytes)) > limit {
		return nil, tooLarge(limit)
	}
	// Whoever forwarded the body before has used it up.
	*x.body.held = *wire.BytesBody(x.body.bytes)
	return x.body.bytes, nil
}

// held says whether the body is in memory.
func (x *Exchange) held() bool {
	return x.body.held != nil && x.Request.Body == io.ReadCloser(x.body.held)
}

func tooLarge(limit int64) error {
	return problem.BodyTooBig.New("At most %d bytes of a body are read here.", limit)
}

func (x *Exchange) read(limit int64) ([]byte, error) {
	r := x.Request
	if r.Length > limit {
		return nil, tooLarge(limit)
	}
	b, err := ReadAll(r.Body, r.Length, limit)
	var fault *wire.Fault
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, ErrTooLarge):
		return nil, tooLarge(limit)
	case errors.Is(err, wire.ErrBodyTooLarge):
		return nil, problem.BodyTooBig.Wrap(err)
	case errors.As(err, &fault):
		return nil, problem.BadRequest.New("%s", fault.Reason)
	}
	return nil, problem.BadRequest.New("The body ended early.").Because(err)
}

// SetBody makes b the request's body. It must not be changed afterwards. A request with a body is not one to switch protocols: servers differ in
// what they take such bytes for.
func (x *Exchange) SetBody(b []byte) {
	x.body = memory{held: wire.BytesBody(b), bytes: b}
	x.Request.Body, x.Request.Length = x.body.held, int64(len(b))
	if len(b) > 0 {
		x.Request.Upgrade = ""
	}
}

// ErrTooLarge is what ReadAll returns beyond its limit.
var ErrTooLarge = errors.New("the body is larger than what may be read of it")

// ReadAll reads a body of a length that may be unknown (-1), up to limit.
func ReadAll(body io.Reader, length, limit int64) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	if length > limit {
		return nil, ErrTooLarge
	}
	room := min(length, 64<<10) + 1 // a length is a claim: it earns no more room than this ahead of its bytes
	if length < 0 {
		room = 4 << 10
	}
	b := make([]byte, 0, room)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := body.Read(b[len(b):min(int64(cap(b)), limit+1)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, ErrTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

// JSON returns the request's body decoded, nil and false when there is none. It reads up to MaxBody. One that says that it is
// encoded, or in other text than UTF-8, is a problem: the upstream would read something else.
func (x *Exchange) JSON() (value any, found bool, err error) {
	limit := int64(MaxBody)
	if x.held() {
		limit = max(limit, int64(len(x.body.bytes)))
	}
	b, err := x.JSONBytes(limit)
	if err != nil || len(b) == 0 {
		return nil, false, err
	}
	return x.body.decode()
}

// JSONBytes reads the request's body, up to limit, for somebody who takes it for JSON; nothing when there is none. One that says
// that it is not plain text in UTF-8 is a problem.
func (x *Exchange) JSONBytes(limit int64) ([]byte, error) {
	if x.Request.Body == nil {
		return nil, nil
	}
	switch d := Describe(&x.Request.Header); {
	case d.Encoded:
		return nil, problem.BadMedia.New("The body is read here, so it cannot have a Content-Encoding.").With("Accept-Encoding", "identity")
	case !d.UTF8():
		return nil, problem.BadMedia.New("The body is read here, so its text has to be UTF-8.")
	}
	return x.Body(limit)
}

// decode decodes the bytes, once.
func (m *memory) decode() (any, bool, error) {
	if !m.decoded {
		m.decoded = true
		m.json, m.err = DecodeJSON(m.bytes)
	}
	if m.err != nil {
		return nil, false, problem.BadRequest.New("The body is no valid JSON: %s.", m.err)
	}
	return m.json, true, nil
}

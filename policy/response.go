package policy

import (
	"io"

	"sallyport/problem"
	"sallyport/wire"
)

// ResponseVars gives the variables of the response side: those of the exchange, and response.
type ResponseVars struct {
	*Exchange
	Response *wire.Response

	body memory
	put  *putBack // what stands in place of the body
}

// LookupText returns a variable that is text.
func (v *ResponseVars) LookupText(root, field, key string) (string, bool, error) {
	if root != "response" {
		return v.Exchange.LookupText(root, field, key)
	}
	if field != "headers" {
		return "", false, nil
	}
	s, found := v.Response.Header.Lookup(key)
	return readable(s), found, nil
}

// LookupInt returns a variable that is an integer.
func (v *ResponseVars) LookupInt(root, field string) (int64, bool, error) {
	if root != "response" {
		return v.Exchange.LookupInt(root, field)
	}
	return int64(v.Response.Status), field == "status", nil
}

// Lookup returns any variable; whole maps and lists for an empty key.
func (v *ResponseVars) Lookup(root, field, key string) (any, bool, error) {
	if root != "response" {
		return v.Exchange.Lookup(root, field, key)
	}
	switch field {
	case "status":
		return int64(v.Response.Status), true, nil
	case "body":
		return v.JSON()
	case "header_values":
		return headerValues(&v.Response.Header, key, "", false), true, nil
	}
	if key == "" {
		out := map[string]string{}
		allHeaders(&v.Response.Header, func(name, value string) bool {
			if _, twice := out[name]; !twice {
				out[name] = readable(value)
			}
			return true
		})
		return out, true, nil
	}
	s, found, err := v.LookupText(root, field, key)
	return s, found, err
}

// Body reads the response's body into memory and puts it back, so that it can still be passed on. The bytes must not
// be changed. One that is larger than limit is a problem.
func (v *ResponseVars) Body(limit int64) ([]byte, error) {
	r := v.Response
	if v.put == nil || r.Body != io.ReadCloser(v.put) {
		if r.Body == nil {
			return nil, nil
		}
		if err := v.read(limit); err != nil {
			return nil, err
		}
	}
	if int64(len(v.body.bytes)) > limit {
		return nil, problem.BadResponse.Wrap(ErrTooLarge)
	}
	return v.body.bytes, nil
}

func (v *ResponseVars) read(limit int64) error {
	r := v.Response
	if p, held := r.Body.(*putBack); held { // by a policy further inside
		v.put, v.body = p, memory{bytes: p.Peek()}
		return nil
	}
	b, err := ReadAll(r.Body, r.Length, limit)
	if err != nil {
		return problem.BadResponse.Wrap(err)
	}
	v.put = &putBack{*wire.BytesBody(b), r.Body}
	v.body = memory{bytes: b}
	if r.Body = v.put; r.Trailer.Len() == 0 {
		r.Length = int64(len(b))
	}
	return nil
}

// Replace makes b the body of r, in place of the one that it has, which was read to its end. The bytes must not be changed.
func Replace(r *wire.Response, b []byte) {
	from := io.Closer(r.Body)
	if r.Body == nil {
		from = io.NopCloser(nil)
	}
	r.Body, r.Length = &putBack{*wire.BytesBody(b), from}, int64(len(b))
	r.Trailer.Reset()
}

// A putBack is a response's body in memory. Closing it closes the one that it was read from: until then the
// response is not the gateway's alone.
type putBack struct {
	wire.Bytes
	from io.Closer
}

// Close closes the body that the bytes came from.
func (p *putBack) Close() error {
	_ = p.Bytes.Close()
	return p.from.Close()
}

// JSON returns the response's body decoded, nil and false when there is none. It reads up to MaxBody.
func (v *ResponseVars) JSON() (any, bool, error) {
	limit := int64(MaxBody)
	if p, held := v.Response.Body.(*putBack); held {
		limit = max(limit, int64(p.Buffered()))
	}
	b, err := v.Body(limit)
	if err != nil || len(b) == 0 {
		return nil, false, err
	}
	m := &v.body
	if !m.decoded {
		m.decoded = true
		m.json, m.err = DecodeJSON(b)
	}
	if m.err != nil {
		return nil, false, problem.BadResponse.Wrap(m.err)
	}
	return m.json, true, nil
}

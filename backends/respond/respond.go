// Package respond is the backend that answers by itself: with text, JSON or a file.
package respond

import (
	"errors"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// Kind declares the backend respond.
var Kind = plug.Define("respond", "Answers by itself, without an upstream.", build)

// Config is what the document says.
type Config struct {
	Status  int               `json:"status" default:"200" min:"200" max:"599" doc:"Status of the response."`
	Headers map[string]values `json:"headers" doc:"Header fields of the response; a list sets several of one name."`
	Body    *expr.Template    `json:"body" doc:"Text of the body."`
	JSON    *expr.JSON        `json:"json" doc:"The body as a JSON document. A string that is one expression keeps the type of what it makes."`
	File    *file             `json:"file" doc:"A file, of 4 MiB at most, that is the body. It is read when the document is loaded; its name is relative to the document and decides the content type."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	n := 0
	for _, given := range []bool{c.Body != nil, c.JSON != nil, c.File != nil} {
		if given {
			n++
		}
	}
	var errs []error
	if n > 1 {
		errs = append(errs, errors.New("body, json and file exclude each other; keep one"))
	}
	if n > 0 && bodyless(c.Status) {
		errs = append(errs, schema.At("status", errors.New("a response of this status has no body; remove it")))
	}
	return errors.Join(append(errs, checkHeaders(c.Headers)...)...)
}

// bodyless says whether a response of that status has no body ever (RFC 9110 §6.4.1, §15.3.6).
func bodyless(status int) bool { return status == 204 || status == 205 || status == 304 }

// A respond makes one answer.
type respond struct {
	status  int
	headers []header
	typ     string // content type of the body, "" for none of its own
	body    body   // nil for none
}

// A body is made for each request; it must not be changed.
type body interface {
	make(v expr.Vars) ([]byte, error)
}

func build(c Config, env *plug.Env) (policy.Handler, error) {
	r := &respond{status: c.Status, headers: sorted(c.Headers)}
	env.Explainer = r
	switch {
	case c.Body != nil:
		r.typ, r.body = "text/plain; charset=utf-8", &text{*c.Body}
	case c.JSON != nil:
		r.typ, r.body = "application/json", &document{*c.JSON}
	case c.File != nil:
		r.typ, r.body = c.File.contentType(), c.File
	}
	for i := range r.headers {
		if wire.EqualFold(r.headers[i].name, "Content-Type") {
			r.typ = ""
		}
	}
	return r.handle, nil
}

// handle answers.
func (r *respond) handle(x *policy.Exchange) (*wire.Response, error) {
	resp := &wire.Response{Status: r.status}
	if r.typ != "" {
		resp.Header.SetKnown(wire.ContentType, r.typ)
	}
	for i := range r.headers {
		if err := r.headers[i].add(&resp.Header, x); err != nil {
			return nil, err
		}
	}
	if r.body == nil {
		return resp, nil
	}
	b, err := r.body.make(x)
	if err != nil {
		return nil, plug.Failed(err)
	}
	resp.Length = int64(len(b))
	if x.Request.Method != "HEAD" { // RFC 9110 §9.3.2: everything but the body
		resp.Body = wire.BytesBody(b)
	}
	return resp, nil
}

// Explain answers, which does no harm.
func (r *respond) Explain(x *policy.Exchange) (v policy.Verdict) {
	v.Response, v.Err = r.handle(x)
	return v
}

// A text is a template as a body.
type text struct{ expr.Template }

func (t *text) make(v expr.Vars) ([]byte, error) {
	s, err := t.Text(v)
	return []byte(s), err
}

// A document is a JSON document as a body.
type document struct{ expr.JSON }

func (d *document) make(v expr.Vars) ([]byte, error) {
	if b, constant := d.Constant(); constant {
		return b, nil
	}
	return d.Append(nil, v)
}

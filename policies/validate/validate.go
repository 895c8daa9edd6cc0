// Package validate holds requests and responses to JSON Schemas. The bytes that were judged are the bytes that go on.
package validate

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "validate"

// Kind declares the policy validate.
var Kind = plug.Define(name, "Holds requests and responses to JSON Schemas, and says of every field what is wrong with it.", build)

type validator struct {
	request  *body
	required bool
	response *body
	shapes   map[int]*shape // of responses by status, or its first digit
	texts    []text
	report   bool

	denied   map[reason]func(*policy.Exchange)
	reported func()
	last     atomic.Int64 // when report mode told the log last, in nanoseconds since 1970
}

// A body is how bodies of one side are read.
type body struct {
	shape *shape // nil for a response whose status decides
	size  int64
	reads policy.Reads
}

func (c *Body) read(s *shape) *body {
	return &body{s, int64(c.Size), policy.Reads{Types: c.ContentTypes, What: "JSON", UTF8: true, Pass: c.Others == "pass"}}
}

// A reason is why a message is refused, in the words of metrics and log.
type reason string

const (
	badParams   reason = "params"
	badQuery    reason = "query"
	badHeaders  reason = "headers"
	badBody     reason = "body"
	missing     reason = "missing"
	syntax      reason = "syntax"
	tooLarge    reason = "size"
	otherType   reason = "type"
	badResponse reason = "response"
)

var reasons = []reason{badParams, badQuery, badHeaders, badBody, missing, syntax, tooLarge, otherType, badResponse}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	v := &validator{report: c.Mode == "report", denied: map[reason]func(*policy.Exchange){}, shapes: map[int]*shape{}}
	var errs []error
	get := func(n *schema.Node, f *File, at string) *shape {
		s, err := load(n, f, at, &c, env.Warn)
		if err != nil {
			errs = append(errs, err)
		}
		return s
	}
	for _, t := range []struct {
		in   string
		node *schema.Node
	}{{"params", c.Params}, {"query", c.Query}, {"headers", c.Headers}} {
		if t.node == nil {
			continue
		}
		if s := get(t.node, nil, t.in); s != nil {
			v.texts = append(v.texts, newText(t.in, s))
		}
	}
	if r := c.Request; r != nil {
		v.request, v.required = r.read(get(r.Schema, r.File, at("request", r.Document))), r.Required
	}
	if r := c.Response; r != nil {
		v.response = r.read(nil)
		if r.Schema != nil || r.File != nil {
			v.shapes[2] = get(r.Schema, r.File, at("response", r.Document))
		}
		for status, d := range r.Statuses {
			var s policy.Status
			_ = s.UnmarshalText([]byte(status)) // it is one: see Check
			v.shapes[s.Code()] = get(d.Schema, d.File, at(schema.Join("response.statuses", status), d))
		}
	}
	for _, r := range reasons {
		v.denied[r] = env.Denier(name, string(r))
	}
	if v.report {
		v.reported = env.Acted(name, "reported")
	}
	return v, errors.Join(errs...)
}

// at is the setting that a schema stands in; load adds file by itself.
func at(in string, d Document) string {
	if d.Schema != nil {
		return in + ".schema"
	}
	return in
}

// Handle judges the request, and what comes back.
func (v *validator) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if why, err := v.judge(x); err != nil {
		if !v.report {
			v.denied[why](x)
			return nil, err
		}
		v.tell(x, "request", err)
	}
	if v.response == nil {
		return next(x)
	}
	policy.AskWhole(x.Request)
	resp, err := next(x)
	if err != nil {
		return nil, err
	}
	if err := v.answer(x, resp); err != nil {
		if !v.report {
			v.denied[badResponse](x)
			resp.Close()
			return nil, err
		}
		v.tell(x, "response", err)
	}
	return resp, nil
}

// tell is what report mode does, to the log once a second at most.
func (v *validator) tell(x *policy.Exchange, side string, err error) {
	v.reported()
	now, last := time.Now().UnixNano(), v.last.Load()
	if now-last < int64(time.Second) || !v.last.CompareAndSwap(last, now) {
		return
	}
	p := problem.From(err)
	x.Log.Info("validate would refuse a "+side, "id", x.ID, "route", x.Route, "problem", p.Name, "detail", p.Detail, "cause", p.Unwrap())
}

// judge returns what is wrong with a request, all of it, and why it is refused.
func (v *validator) judge(x *policy.Exchange) (why reason, err error) {
	var found []finding
	for i := range v.texts {
		t := &v.texts[i]
		more, err := t.judge(x)
		if err != nil {
			return reason(t.in), err
		}
		if len(more) > 0 && len(found) == 0 {
			why = reason(t.in)
		}
		found = append(found, more...)
	}
	if v.request != nil {
		r, more, err := v.body(x)
		if err != nil {
			return r, err
		}
		if len(more) > 0 && len(found) == 0 {
			why = r
		}
		found = append(found, more...)
	}
	if len(found) == 0 {
		return "", nil
	}
	return why, invalid(found[:min(len(found), maxFindings)])
}

// body judges the body of a request.
func (v *validator) body(x *policy.Exchange) (reason, []finding, error) {
	r := x.Request
	none := []finding{{detail: "There has to be a body."}}
	if r.Body == nil {
		if v.required {
			return missing, none, nil
		}
		return "", nil, nil
	}
	if _, read, err := v.request.reads.Request(&r.Header); !read {
		return otherType, nil, err
	}
	b, err := v.read(x)
	switch {
	case err != nil:
		return tooLarge, nil, err
	case len(b) == 0 && v.required:
		return missing, none, nil
	case len(b) == 0:
		return "", nil, nil
	}
	found, why := v.request.shape.judge(b)
	return why, found, nil
}

// read reads the body of a request. In report mode one that is too large goes on.
func (v *validator) read(x *policy.Exchange) ([]byte, error) {
	if !v.report {
		return x.Body(v.request.size)
	}
	b, err := peek(&x.Request.Body, x.Request.Length, v.request.size)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// answer returns what is wrong with a response. The client is told no more than that something is.
func (v *validator) answer(x *policy.Exchange, resp *wire.Response) error {
	s := v.shapes[resp.Status]
	if s == nil {
		s = v.shapes[resp.Status/100]
	}
	if s == nil || x.Request.Method == "HEAD" || policy.Bodyless(resp) {
		return nil
	}
	if _, read, err := v.response.reads.Response(resp); !read {
		return err
	}
	b, err := v.readAnswer(x, resp)
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		return problem.BadResponse.Wrap(errEmpty)
	}
	found, _ := s.judge(b)
	if len(found) == 0 {
		return nil
	}
	return problem.BadResponse.Wrap(told(found))
}

var errEmpty = errors.New("the response has no body")

func (v *validator) readAnswer(x *policy.Exchange, resp *wire.Response) ([]byte, error) {
	if !v.report {
		vars := policy.ResponseVars{Exchange: x, Response: resp}
		return vars.Body(v.response.size)
	}
	b, err := peek(&resp.Body, resp.Length, v.response.size)
	if err != nil {
		return nil, problem.BadResponse.Wrap(fmt.Errorf("reading what is to be judged: %w", err))
	}
	return b, nil
}

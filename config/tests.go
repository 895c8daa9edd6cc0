package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/route"
	"sallyport/schema"
	"sallyport/wire"
)

// This file is what "tests:" may say: requests, what upstreams answer them, and what has to come of it. Package routetest runs
// them; nothing that serves does.

// A Test is one of the document's tests.
type Test struct {
	Name      string            `json:"name" min:"1" max:"200" doc:"What is tested, in words."`
	At        time.Time         `json:"at" default:"2026-01-01T12:00:00Z" doc:"The time at which it begins, as in RFC 3339; it moves with wait and with what upstreams take."`
	From      netip.Addr        `json:"from" default:"192.0.2.1" doc:"Address of the client, where a request names none."`
	Upstreams map[string]*Stubs `json:"upstreams" doc:"What upstreams answer, by name: one answer, or a list that is gone through, the last one staying. Without it 200 and no body."`
	Steps     []TestStep        `json:"steps" doc:"Requests one after another."`
	Request   *TestRequest      `json:"request" doc:"The request of a test that has one only, in place of steps."`
	Expect    *Expect           `json:"expect" doc:"What has to come of it."`

	Path string       `json:"-"` // in the document, such as tests[0]
	Node *schema.Node `json:"-"`
}

// A TestStep is one request of a test, or time that passes.
type TestStep struct {
	Wait      time.Duration     `json:"wait" default:"none" max:"3650d" doc:"How long to wait before the request, if there is one; it takes no time to run."`
	Upstreams map[string]*Stubs `json:"upstreams" doc:"What upstreams answer from here on."`
	Request   *TestRequest      `json:"request" doc:"The request: [METHOD ]PATH or [METHOD ]URL, or a map with more."`
	Times     int               `json:"times" default:"1" min:"1" max:"10000" doc:"How often it is sent, one after another; each has to be answered as expected."`
	Expect    *Expect           `json:"expect" doc:"What has to come of it."`

	Path string       `json:"-"`
	Node *schema.Node `json:"-"`
}

// A TestRequest is what a client sends.
type TestRequest struct {
	Path     string       `json:"path" short:"true" doc:"Path and query, or a URL whose host is asked for; a method may stand before it, as in POST /orders. GET without."`
	Method   string       `json:"method" default:"" doc:"The method, where path has none."`
	Host     string       `json:"host" default:"" doc:"The host that is asked for, where path has none; gateway.test without."`
	Headers  TextLists    `json:"headers" default:"" doc:"Header fields; a list sends several of one name."`
	Body     *string      `json:"body" doc:"The body as text."`
	JSON     *schema.Node `json:"json" doc:"The body as a JSON document."`
	From     netip.Addr   `json:"from" default:"" doc:"Address of the client; that of the test without."`
	Listener string       `json:"listener" default:"" doc:"Address of the listener, as it is under listeners; the first one without."`
}

// An Expect is what has to come of a request. Only what is given is compared.
type Expect struct {
	Status   int              `json:"status" short:"true" default:"" max:"599" doc:"Status of the response."`
	Headers  route.Conditions `json:"headers" default:"" doc:"Header fields of the response: a value, {regex: …}, {present: true} or {absent: true}."`
	Body     *string          `json:"body" doc:"The whole body as text, without a newline at its end."`
	JSON     *schema.Node     `json:"json" doc:"What the body must hold as JSON: of objects the members that are named, all else exactly."`
	Exact    bool             `json:"exact" doc:"Lets objects in json have no other members."`
	Problem  string           `json:"problem" default:"" doc:"Name of the problem that the gateway answered with, such as rate_limited; none for none."`
	Route    string           `json:"route" default:"" doc:"Name, or match, of the route that took the request; none for none."`
	Upstream string           `json:"upstream" default:"" doc:"The upstream that was called last; none for none."`
	Calls    *int             `json:"calls" min:"0" doc:"How many calls went upstream, connections that were refused not among them."`
	Within   time.Duration    `json:"within" default:"none" doc:"How long the response may take."`
	Sent     *Sent            `json:"sent" doc:"What the last call upstream was like."`
}

// Sent is what an upstream got.
type Sent struct {
	Method  string           `json:"method" default:"" doc:"Its method."`
	Path    string           `json:"path" short:"true" default:"" doc:"Its path and query, as sent."`
	Host    string           `json:"host" default:"" doc:"Its Host; unless the upstream has host preserve or a name it is that of its first target."`
	Headers route.Conditions `json:"headers" default:"" doc:"Its header fields, as in a response."`
	Body    *string          `json:"body" doc:"Its whole body as text."`
	JSON    *schema.Node     `json:"json" doc:"What its body must hold as JSON, as in a response."`
	Exact   bool             `json:"exact" doc:"Lets objects in json have no other members."`
}

// A Stub is one answer of an upstream.
type Stub struct {
	Status  int           `json:"status" short:"true" default:"200" min:"200" max:"599" doc:"Status of the answer."`
	Headers TextLists     `json:"headers" default:"" doc:"Header fields of the answer; a list sends several of one name."`
	Body    *string       `json:"body" doc:"The body as text."`
	JSON    *schema.Node  `json:"json" doc:"The body as a JSON document."`
	Delay   time.Duration `json:"delay" default:"none" max:"1d" doc:"How long it takes to answer."`
	Fail    string        `json:"fail" default:"" enum:"connect,reset,hang" doc:"In place of an answer: connect cannot be connected to, reset breaks the connection off, hang never answers."`
}

// Stubs are the answers of one upstream, in turn.
type Stubs []Stub

var stubType = schema.Of[Stub]()

// UnmarshalNode reads one answer, or a list.
func (s *Stubs) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List && len(n.Items) == 0 {
		errs.Add(n, path, "a list of answers needs one at least")
	}
	if n.Kind != schema.List {
		*s = make(Stubs, 1)
		return stubType.Decode(n, &(*s)[0], path)
	}
	*s = make(Stubs, len(n.Items))
	for i, item := range n.Items {
		errs = append(errs, stubType.Decode(item, &(*s)[i], schema.Index(path, i))...)
	}
	return errs
}

// JSONSchema allows both.
func (s *Stubs) JSONSchema() map[string]any {
	one := stubType.JSONSchema()
	delete(one, "$schema")
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one, "minItems": 1}}}
}

// SchemaKind is the type's name in the reference.
func (s *Stubs) SchemaKind() string { return "answer or list of answers" }

// SchemaType lists the settings of an answer.
func (s *Stubs) SchemaType() *schema.Type { return stubType }

// TextLists are names with one text or several.
type TextLists []TextList

// A TextList is one name of TextLists.
type TextList struct {
	Name   string
	Values []string
}

// UnmarshalNode reads a map of texts and lists of texts.
func (t *TextLists) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind != schema.Map {
		errs.Add(n, path, "%s is given where a map of names and values is wanted", n.Kind)
		return errs
	}
	for _, f := range n.Fields {
		at := schema.Join(path, f.Name)
		if !wire.ValidToken(f.Name) {
			errs.Add(f.Node, at, "%q is no header name", f.Name)
		}
		list := TextList{Name: f.Name}
		for _, item := range f.Node.List() {
			if item.Kind == schema.Map || item.Kind == schema.List || !wire.ValidValue(item.Text) {
				errs.Add(item, at, "a value of a header is text on one line")
				continue
			}
			list.Values = append(list.Values, item.Text)
		}
		*t = append(*t, list)
	}
	return errs
}

// JSONSchema allows both ways to write a value.
func (t *TextLists) JSONSchema() map[string]any {
	one := map[string]any{"type": []any{"string", "number", "boolean"}}
	return map[string]any{"type": "object", "additionalProperties": map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}}
}

// SchemaKind is the type's name in the reference.
func (t *TextLists) SchemaKind() string { return "map of texts or lists of texts" }

// All returns the steps of t, also of one that is written without.
func (t *Test) All() []TestStep {
	if t.Request == nil {
		return t.Steps
	}
	return []TestStep{{Request: t.Request, Expect: t.Expect, Times: 1, Path: t.Path, Node: t.Node}}
}

// Check judges the settings of a test together.
func (t *Test) Check() error {
	switch year := t.At.Year(); {
	case year < 2000 || year > 2200: // the clock of a test begins with 2000 and counts 292 years
		return schema.At("at", errors.New("a test begins between 2000 and 2200"))
	case t.Request == nil && len(t.Steps) == 0:
		return errors.New("it sends nothing; give request, or steps")
	case t.Request != nil && len(t.Steps) > 0:
		return schema.At("steps", errors.New("request is given as well; make it the first of the steps"))
	case t.Request == nil && t.Expect != nil:
		return schema.At("expect", errors.New("there is no request beside it; with steps each has its own"))
	}
	return nil
}

// Check judges the settings of a step together.
func (s *TestStep) Check() error {
	switch {
	case s.Request == nil && s.Expect != nil:
		return schema.At("expect", errors.New("there is no request beside it"))
	case s.Request == nil && s.Wait == 0 && len(s.Upstreams) == 0:
		return errors.New("it does nothing; give request, wait or upstreams")
	}
	return nil
}

// Check judges a request.
func (r *TestRequest) Check() error {
	if r.Body != nil && r.JSON != nil {
		return schema.At("json", errors.New("body is given as well; keep one"))
	}
	method, rest, found := strings.Cut(r.Path, " ")
	if !found {
		method, rest = r.Method, r.Path
	} else if r.Method != "" {
		return schema.At("method", errors.New("path begins with a method as well; keep one"))
	}
	host, target := r.Host, rest
	if _, after, is := strings.Cut(rest, "://"); is {
		i := strings.IndexAny(after, "/?")
		if i < 0 {
			after, i = after+"/", len(after)
		}
		if host, target = after[:i], after[i:]; host == "" {
			target = "" // which is no path
		}
	}
	switch {
	case method != "" && !wire.ValidToken(method):
		return schema.At("path", fmt.Errorf("%q is no method", method))
	case target != "*" && !strings.HasPrefix(target, "/"):
		return schema.At("path", fmt.Errorf("%q: write a path such as /users/42, or a URL, with or without a method before it", r.Path))
	case strings.ContainsAny(target+host, " \r\n\t"):
		return schema.At("path", errors.New("it holds white space; write %20"))
	}
	r.Method, r.Path, r.Host = method, target, host
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.Host == "" {
		r.Host = "gateway.test"
	}
	return nil
}

// Check judges what is expected.
func (e *Expect) Check() error {
	if e.Status != 0 && e.Status < 200 {
		return schema.At("status", errors.New("write a status from 200 to 599"))
	}
	return bodies(e.Body, e.JSON, e.Exact)
}

// Check judges what is expected.
func (s *Sent) Check() error { return bodies(s.Body, s.JSON, s.Exact) }

// Check judges an answer.
func (s *Stub) Check() error {
	if s.Fail != "" && (s.Body != nil || s.JSON != nil || len(s.Headers) > 0) {
		return schema.At("fail", errors.New("who fails answers nothing; leave headers, body and json out"))
	}
	return bodies(s.Body, s.JSON, false)
}

func bodies(body *string, json *schema.Node, exact bool) error {
	switch {
	case body != nil && json != nil:
		return schema.At("json", errors.New("body is given as well; keep one"))
	case exact && json == nil:
		return schema.At("exact", errors.New("it is for json"))
	}
	return nil
}

// none is what is expected when nothing is to be there.
const none = "none"

// tests checks that every test has a name of its own, and that what it names is there.
func (c *checker) tests() {
	nodes := c.doc.Root.Field("tests").List()
	first := map[string]*schema.Node{}
	for i := range c.doc.Tests {
		t := &c.doc.Tests[i]
		t.Path, t.Node = schema.Index("tests", i), at(nodes, i)
		c.unique(first, t.Name, t.Node, t.Path, "test")
		steps := t.Node.Field("steps").List()
		for j := range t.Steps {
			t.Steps[j].Path, t.Steps[j].Node = schema.Index(t.Path+".steps", j), at(steps, j)
		}
		c.stubs(t.Node, t.Path)
		for _, s := range t.All() {
			if s.Path != t.Path {
				c.stubs(s.Node, s.Path)
			}
			c.step(&s)
		}
	}
}

func (c *checker) stubs(n *schema.Node, path string) {
	for _, f := range n.Field("upstreams").Entries() {
		c.upstream(f.Node, schema.Join(path+".upstreams", f.Name), f.Name)
	}
}

func (c *checker) upstream(n *schema.Node, path, name string) {
	if c.doc.Upstreams[name] == nil && c.doc.Root.Field("upstreams").Field(name) == nil {
		c.errs.Add(n, path, "there is no upstream %q%s", name, didYouMean(name, names(c.doc.Root.Field("upstreams"))))
	}
}

func (c *checker) step(s *TestStep) {
	if e := s.Expect; e != nil && e.Upstream != "" && e.Upstream != none {
		c.upstream(s.Node.Field("expect").Field("upstream"), s.Path+".expect.upstream", e.Upstream)
	}
	if r := s.Request; r != nil && r.Listener != "" && !slices.ContainsFunc(c.doc.Listeners, func(l Listener) bool { return l.Address == r.Listener }) {
		var all []string
		for _, l := range c.doc.Listeners {
			all = append(all, l.Address)
		}
		c.errs.Add(s.Node.Field("request").Field("listener"), s.Path+".request.listener", "there is no listener %s; there are %s", r.Listener, strings.Join(all, ", "))
	}
}

package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/schema"
	"sallyport/wire"
)

// This file reads matches: "[METHODS ]PATH", and the settings that say the same and more.

// ParseMatch reads "[METHODS ]PATH", such as "GET,HEAD /files/{path...}".
func ParseMatch(s string) (m Match, err error) {
	text := strings.TrimSpace(s)
	if i := strings.IndexByte(text, '/'); i > 0 {
		if text[i-1] != ' ' {
			return m, fmt.Errorf("%q: write methods, a space and a path that begins with a slash", s)
		}
		for name := range strings.SplitSeq(text[:i], ",") {
			m.Methods = append(m.Methods, strings.TrimSpace(name))
		}
		text = text[i:]
	}
	if err := checkMethods(m.Methods); err != nil {
		return m, err
	}
	m.Path, err = ParsePattern(text)
	return m, err
}

func checkMethods(methods []string) error {
	for i, m := range methods {
		switch {
		case !wire.ValidToken(m) || m == "*":
			return fmt.Errorf("%q is not a method; leave methods out to take every one", m)
		case refused(m):
			return fmt.Errorf("%s is not served", m)
		case slices.Contains(usual, strings.ToUpper(m)) && !slices.Contains(usual, m):
			return fmt.Errorf("methods are written in capitals: %s", strings.ToUpper(m))
		case slices.Contains(methods[:i], m):
			return fmt.Errorf("%s is there twice", m)
		}
	}
	return nil
}

// settings is how a match is written when a line does not do.
type settings struct {
	Methods []string       `json:"methods" one:"true" doc:"Methods that the route takes, every one when empty; GET takes HEAD too."`
	Path    Pattern        `json:"path" default:"" doc:"Template such as /users/{id} or /files/{path...}, or {regex: ^/…$}; every path when left out."`
	Hosts   []string       `json:"hosts" one:"true" doc:"Host names such as api.example.com or *.example.com, one of which it must be; those of the api when empty."`
	Headers Conditions     `json:"headers" default:"" doc:"What headers must be: a value, {regex: …}, {present: true} or {absent: true}."`
	Query   Conditions     `json:"query" default:"" doc:"The same of query parameters."`
	Cookies Conditions     `json:"cookies" default:"" doc:"The same of cookies."`
	When    expr.Condition `json:"when" default:"" doc:"Expression about request and client that must be true."`
}

// Check judges what the types do not.
func (s *settings) Check() error {
	if err := checkMethods(s.Methods); err != nil {
		return schema.At("methods", err)
	}
	for i, h := range s.Hosts {
		host, err := ParseHost(h)
		if err != nil {
			return schema.At(fmt.Sprintf("hosts[%d]", i), err)
		}
		s.Hosts[i] = host
	}
	for _, c := range s.Headers {
		if err := CheckHeader(c.Name); err != nil {
			return schema.At("headers."+c.Name, err)
		}
	}
	if err := checkWhen(s.When.Expr); err != nil {
		return schema.At("when", err)
	}
	return nil
}

// CheckHeader refuses headers that no request has by the time it is matched: wire takes them out.
func CheckHeader(name string) error {
	switch n := wire.NameOf(name); {
	case n == wire.Host:
		return fmt.Errorf("the host is matched with hosts")
	case slices.Contains(taken, n):
		return fmt.Errorf("%s is about the connection and not about the request; routes do not see it", name)
	case !wire.ValidToken(name):
		return fmt.Errorf("%q is not the name of a header", name)
	}
	return nil
}

var taken = []wire.Name{
	wire.Connection, wire.ContentLength, wire.TransferEncoding, wire.KeepAlive, wire.ProxyConnection, wire.TE, wire.Trailer, wire.Expect,
}

// checkWhen refuses variables that have no value before a route is found.
func checkWhen(e expr.Expr) error {
	for _, ref := range e.Uses() {
		switch {
		case ref.Root == "request" && ref.Field == "body":
			return fmt.Errorf("request.body is not there yet when routes are matched; a policy can look at it")
		case ref.Root != "request" && ref.Root != "client" && ref.Root != "env":
			return fmt.Errorf("%s is not known yet when routes are matched; a policy's when can use it", ref.Root)
		}
	}
	return nil
}

// UnmarshalNode reads a match out of the document.
func (m *Match) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind != schema.Map {
		if n.Kind != schema.String {
			errs.Add(n, path, `%s is given where a match is wanted; write it as "GET /users/{id}" or as a map with path`, n.Kind)
			return errs
		}
		var err error
		*m, err = ParseMatch(n.Text)
		errs.Wrong(n, path, err)
		return errs
	}
	var s settings
	errs = settingsType.Decode(n, &s, path)
	*m = Match{Methods: s.Methods, Path: s.Path, Hosts: s.Hosts, Headers: s.Headers, Query: s.Query, Cookies: s.Cookies, When: s.When.Expr}
	return errs
}

var settingsType = schema.Of[settings]()

// JSONSchema describes a match.
func (m *Match) JSONSchema() map[string]any {
	s := settingsType.JSONSchema()
	delete(s, "$schema")
	return map[string]any{"anyOf": []any{map[string]any{"type": "string", "pattern": "/"}, s}}
}

// UnmarshalNode reads a template, or {regex: …}, out of the document.
func (p *Pattern) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	var err error
	switch {
	case n.Kind == schema.String:
		*p, err = ParsePattern(n.Text)
	case n.Kind == schema.Map && len(n.Fields) == 1 && n.Fields[0].Name == "regex" && n.Fields[0].Node.Kind == schema.String:
		n, path = n.Fields[0].Node, schema.Join(path, "regex")
		*p, err = ParseRegex(n.Text)
	default:
		err = fmt.Errorf("a path is a template such as /users/{id}, or {regex: ^/…$}")
	}
	errs.Wrong(n, path, err)
	return errs
}

// JSONSchema describes a path.
func (p *Pattern) JSONSchema() map[string]any { return textOr("regex") }

// UnmarshalNode reads conditions out of the document, a map from names.
func (c *Conditions) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch n.Kind {
	case schema.Map:
	case schema.Null:
		return nil
	default:
		errs.Add(n, path, "%s is given where a map of names and conditions is wanted", n.Kind)
		return errs
	}
	for _, f := range n.Fields {
		one, err := parseCondition(f)
		if err != nil {
			errs.Add(f.Node, schema.Join(path, f.Name), "%v", err)
		}
		*c = append(*c, one)
	}
	return errs
}

func parseCondition(f *schema.Field) (c Condition, err error) {
	c.Name = f.Name
	switch n := f.Node; n.Kind {
	case schema.String, schema.Number, schema.Bool:
		c.Value = n.Text
		return c, nil
	case schema.Map:
		if len(n.Fields) == 1 {
			return c, c.parseTest(n.Fields[0])
		}
	}
	return c, fmt.Errorf("write a value, {regex: …}, {present: true} or {absent: true}")
}

func (c *Condition) parseTest(f *schema.Field) (err error) {
	switch {
	case f.Name == "regex" && f.Node.Kind == schema.String:
		c.Test = Matches
		if c.Regex, err = regexp.Compile(f.Node.Text); err != nil {
			return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return nil
	case (f.Name == "present" || f.Name == "absent") && f.Node.Kind == schema.Bool:
		c.Test = Absent
		if (f.Name == "present") == (f.Node.Text == "true") {
			c.Test = Present
		}
		return nil
	}
	return fmt.Errorf("unknown test %q; known here: absent, present, regex", f.Name)
}

// JSONSchema describes conditions.
func (c *Conditions) JSONSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": map[string]any{"anyOf": []any{
		map[string]any{"type": []any{"string", "number", "boolean"}},
		map[string]any{"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": map[string]any{
			"regex": map[string]any{"type": "string"}, "present": map[string]any{"type": "boolean"}, "absent": map[string]any{"type": "boolean"},
		}},
	}}}
}

func textOr(setting string) map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string"},
		map[string]any{
			"type": "object", "required": []any{setting}, "additionalProperties": false,
			"properties": map[string]any{setting: map[string]any{"type": "string"}},
		},
	}}
}

package expr

import (
	"strings"

	"sallyport/schema"
)

// A Template is text that may hold expressions: "Hello, ${consumer.name}". One without any costs nothing. The
// zero value is the empty text.
type Template struct {
	src   string
	parts []piece // nil for text alone
	text  string
}

// A piece is literal text or, if expr is set, a hole.
type piece struct {
	text string
	expr *program
}

// CompileTemplate compiles a template that stands on the request side, or where the options say.
func CompileTemplate(src string, options ...Option) (*Template, error) {
	t, err := newCompiler(options).template(src, Text, Any)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// template compiles src. Holes beside other parts must make one type, one alone another.
func (c *compiler) template(src string, beside, alone Type) (Template, error) {
	if !strings.Contains(src, "${") {
		return Template{src: src, text: src}, nil
	}
	parts, err := split(src)
	if err != nil {
		return Template{}, err
	}
	t, want := Template{src: src}, beside
	if len(parts) == 1 {
		want = alone
	}
	var fs Faults
	for _, p := range parts {
		if !p.hole {
			t.write(p.text)
			continue
		}
		program, err := c.compile(p.text, want)
		if err != nil {
			fs = append(fs, shifted(err, p.at)...)
			continue
		}
		t.add(program, len(parts) == 1)
	}
	if len(fs) > 0 {
		return Template{}, fs
	}
	if len(t.parts) == 1 && t.parts[0].expr == nil {
		t.text, t.parts = t.parts[0].text, nil
	}
	return t, nil
}

// add appends a hole. One that never changes is text, unless it stands alone and keeps its type.
func (t *Template) add(p *program, alone bool) {
	if p.constant && !alone {
		if s, err := textOf(p.value); err == nil {
			t.write(s)
			return
		}
	}
	t.parts = append(t.parts, piece{expr: p})
}

// write appends text to the last piece.
func (t *Template) write(s string) {
	if n := len(t.parts); n > 0 && t.parts[n-1].expr == nil {
		t.parts[n-1].text += s
		return
	}
	t.parts = append(t.parts, piece{text: s})
}

// String returns the template as it was written.
func (t Template) String() string { return t.src }

// IsZero says whether the template is the empty text.
func (t Template) IsZero() bool { return t.src == "" && t.parts == nil && t.text == "" }

// Constant returns the text, if it is the same for every request.
func (t Template) Constant() (text string, constant bool) { return t.text, t.parts == nil }

// Uses returns the variables that the template refers to.
func (t Template) Uses() []Ref {
	var out []Ref
	for _, p := range t.parts {
		if p.expr != nil {
			out = append(out, p.expr.refs...)
		}
	}
	return out
}

// Blame says of err, which befell what the template made, that the template made it.
func (t Template) Blame(err error) error {
	var uses []Ref
	for _, p := range t.parts {
		if p.expr != nil {
			uses = append(uses, p.expr.uses()...)
		}
	}
	return blame(t.src, uses, err)
}

// Text fills the holes.
func (t Template) Text(v Vars) (string, error) {
	switch {
	case t.parts == nil:
		return t.text, nil
	case len(t.parts) == 1:
		return Expr{t.parts[0].expr}.Text(v)
	}
	var room [256]byte
	out := room[:0]
	for _, p := range t.parts {
		if p.expr == nil {
			out = append(out, p.text...)
			continue
		}
		s, err := Expr{p.expr}.Text(v)
		if err != nil {
			return "", err
		}
		out = append(out, s...)
	}
	return string(out), nil
}

// Value is Text, but one hole alone keeps the type of its expression.
func (t Template) Value(v Vars) (any, error) {
	if len(t.parts) == 1 {
		return t.parts[0].expr.eval(v)
	}
	return t.Text(v)
}

// UnmarshalNode reads a template out of the document.
func (t *Template) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return t.unmarshal(n, path)
}

func (t *Template) unmarshal(n *schema.Node, path string, options ...Option) (errs schema.Errors) {
	if wrong := noScalar(n, "text"); wrong != "" {
		errs.Add(n, path, "%s", wrong)
		return errs
	}
	if n.Literal {
		*t = Template{src: n.Text, text: n.Text}
		return nil
	}
	out, err := at(n, options).template(n.Text, Text, Any)
	if err != nil {
		report(&errs, n, path, err)
		return errs
	}
	*t = out
	return nil
}

// A ResponseTemplate is a Template that may use response.
type ResponseTemplate struct{ Template }

// UnmarshalNode reads a template out of the document.
func (t *ResponseTemplate) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return t.unmarshal(n, path, OnResponse())
}

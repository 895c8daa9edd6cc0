package expr

// How expressions stand in the document.

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"sallyport/schema"
)

// at makes a compiler for what stands at n.
func at(n *schema.Node, options []Option) *compiler {
	c := newCompiler(options)
	c.outside, c.dir = n.Outside, filepath.Dir(n.File)
	c.scope, _ = n.Scope.(*Scope)
	return c
}

// noScalar says why n cannot be read as one value, "" when it can.
func noScalar(n *schema.Node, want string) string {
	switch {
	case n == nil:
		return "nothing is given where " + want + " is wanted"
	case n.Literal:
		return ""
	case n.Kind == schema.Null || n.Kind == schema.List || n.Kind == schema.Map:
		return fmt.Sprintf("%s is given where %s is wanted", n.Kind, want)
	}
	return ""
}

// UnmarshalNode reads an expression of any type out of the document.
func (e *Expr) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return e.unmarshal(n, path, Any)
}

func (e *Expr) unmarshal(n *schema.Node, path string, want Type, options ...Option) (errs schema.Errors) {
	if wrong := noScalar(n, "an expression"); wrong != "" {
		errs.Add(n, path, "%s", wrong)
		return errs
	}
	if n.Kind == schema.String && n.Text == "" && !n.Quoted && !n.Literal {
		e.p = nil // the default of a setting that is not given
		return nil
	}
	var err error
	if n.Literal {
		e.p, err = literal(n.Text, want)
	} else {
		src, from := unbraced(n.Text)
		if e.p, err = at(n, options).compile(src, want); err != nil {
			err = shifted(err, from)
		}
	}
	if err != nil {
		report(&errs, n, path, err)
	}
	return errs
}

// unbraced takes the braces off an expression that was written with them, and tells where it begins.
func unbraced(s string) (src string, from int) {
	trimmed := strings.TrimSpace(s)
	if !strings.HasPrefix(trimmed, "${") {
		return s, 0
	}
	if end, ok := closing(trimmed, 2); ok && end == len(trimmed)-1 {
		return trimmed[2:end], strings.Index(s, "${") + 2
	}
	return s, 0
}

// literal makes a constant of a value that came from outside.
func literal(text string, want Type) (*program, error) {
	p := &program{src: strconv.Quote(text), want: want, constant: true, value: text}
	switch want {
	case Bool:
		if text != "true" && text != "false" {
			return nil, &Error{Msg: "the value from outside is neither true nor false"}
		}
		p.value = text == "true"
	case Number:
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, &Error{Msg: "the value from outside is no number"}
		}
		p.value = n
	}
	return p, nil
}

// A Condition is an expression that makes true or false.
type Condition struct{ Expr }

// UnmarshalNode reads a condition out of the document.
func (c *Condition) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return c.unmarshal(n, path, Bool)
}

// A Quantity is an expression that makes a number.
type Quantity struct{ Expr }

// UnmarshalNode reads a quantity out of the document.
func (q *Quantity) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return q.unmarshal(n, path, Number)
}

// A Label is an expression that makes text.
type Label struct{ Expr }

// UnmarshalNode reads a label out of the document.
func (l *Label) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return l.unmarshal(n, path, Text)
}

// A ResponseExpr is an Expr that may use response.
type ResponseExpr struct{ Expr }

// UnmarshalNode reads an expression out of the document.
func (e *ResponseExpr) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return e.unmarshal(n, path, Any, OnResponse())
}

// A ResponseCondition is a Condition that may use response.
type ResponseCondition struct{ Expr }

// UnmarshalNode reads a condition out of the document.
func (c *ResponseCondition) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return c.unmarshal(n, path, Bool, OnResponse())
}

// Package expr is the language of the document: CEL expressions, and text with CEL expressions in it.
//
// An expression is compiled and type-checked once, at load, against the variables that exist where it stands (see
// roots.go). What is plain (a reference such as request.headers["x"], comparisons of such with constants) is served
// without the interpreter and without allocations; plain.go says what counts as plain. Everything else runs in cel-go under a cost
// limit, with variables looked up when they are used. A failed evaluation is an error, never a default.
package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"

	"sallyport/problem"
	"sallyport/schema"
)

// Vars gives the values of variables. Each is named by a root and a field of it ("request", "path"); headers, query, cookies,
// params and claims are maps, of which key names one entry ("request", "headers", "x-a"), and an empty key means the whole.
//
// For compose there are also the variables of a Scope: "calls", NAME, and "item" and "index", whose field is empty.
//
// A value is nil, a bool, int64, float64, json.Number, string, []string, []any, map[string]any, map[string]string,
// time.Time, netip.Addr or Raw. found is false when the request has no such thing; an error means that nobody can
// tell, such as a body that is no JSON.
type Vars interface {
	Lookup(root, field, key string) (value any, found bool, err error)
	// LookupText is Lookup of a variable that is text, without an allocation.
	// Of a list it tells whether key is in it.
	LookupText(root, field, key string) (value string, found bool, err error)
	// LookupInt is Lookup of a variable that is an integer, without an allocation.
	LookupInt(root, field string) (value int64, found bool, err error)
}

// A Type is what an expression must make.
type Type uint8

// The types that a setting can ask for.
const (
	Any    Type = iota
	Bool        // true or false
	Text        // text, or a number, boolean or time, which are written as text
	Number      // an integer or a double
)

func (t Type) String() string {
	return [...]string{"a value", "true or false", "text", "a number"}[t]
}

// An Expr is a compiled expression. The zero value is no expression at all. All requests share one.
type Expr struct{ p *program }

// A program is what an expression was compiled to. The plain forms are set where there are some.
type program struct {
	src      string
	want     Type
	constant bool
	value    any // if constant

	plainBool  func(Vars) (bool, error)
	plainText  func(Vars) (string, error)
	plainInt   func(Vars) (int64, error)
	plainValue func(Vars) (any, error)

	run    cel.Program
	ref    reference // of plainText, zero for more than a reference
	refs   []Ref
	scoped bool // it may use a Scope
	secret bool // holds values from outside, which no error may show
}

// A Ref is a variable that an expression uses.
type Ref struct {
	Root, Field string
	Key         string // "" for the whole, and where it is only known later
}

// Compile compiles an expression that stands on the request side, or where the options say.
func Compile(src string, want Type, options ...Option) (*Expr, error) {
	c := newCompiler(options)
	p, err := c.compile(src, want)
	if err != nil {
		return nil, err
	}
	return &Expr{p}, nil
}

// IsZero says whether there is no expression.
func (e Expr) IsZero() bool { return e.p == nil }

// String returns the expression as it was written, without values from the environment.
func (e Expr) String() string {
	if e.p == nil {
		return ""
	}
	return e.p.src
}

// Uses returns the variables that the expression refers to.
func (e Expr) Uses() []Ref {
	if e.p == nil {
		return nil
	}
	return e.p.refs
}

// Constant returns the value, if the expression has the same for every request.
func (e Expr) Constant() (value any, constant bool) {
	if e.p == nil || !e.p.constant {
		return nil, false
	}
	return e.p.value, true
}

var errNone = errors.New("there is no expression to evaluate")

// Bool evaluates to true or false.
func (e Expr) Bool(v Vars) (bool, error) {
	if e.p == nil {
		return false, errNone
	}
	if e.p.plainBool != nil {
		b, err := e.p.plainBool(v)
		return b, e.p.failed(err)
	}
	x, err := e.p.eval(v)
	if err != nil {
		return false, err
	}
	if raw, ok := x.(Raw); ok {
		x = raw.scalar()
	}
	b, ok := x.(bool)
	if !ok {
		return false, e.p.failed(fmt.Errorf("it makes %s where true or false is wanted", kindOf(x)))
	}
	return b, nil
}

// Text evaluates to text. Numbers, booleans and times are written as text; nothing else is.
func (e Expr) Text(v Vars) (string, error) {
	if e.p == nil {
		return "", errNone
	}
	switch {
	case e.p.plainText != nil:
		s, err := e.p.plainText(v)
		return s, e.p.failed(err)
	case e.p.plainInt != nil:
		n, err := e.p.plainInt(v)
		return strconv.FormatInt(n, 10), e.p.failed(err)
	}
	x, err := e.p.eval(v)
	if err != nil {
		return "", err
	}
	s, err := textOf(x)
	return s, e.p.failed(err)
}

// Number evaluates to a number.
func (e Expr) Number(v Vars) (float64, error) {
	if e.p == nil {
		return 0, errNone
	}
	if e.p.plainInt != nil {
		n, err := e.p.plainInt(v)
		return float64(n), e.p.failed(err)
	}
	x, err := e.p.eval(v)
	if err != nil {
		return 0, err
	}
	n, err := numberOf(x)
	return n, e.p.failed(err)
}

// Value evaluates to whatever the expression makes, in the types that Vars lists, times and addresses included.
func (e Expr) Value(v Vars) (any, error) {
	if e.p == nil {
		return nil, errNone
	}
	return e.p.eval(v)
}

// eval returns the value as Go has it.
func (p *program) eval(v Vars) (any, error) {
	switch {
	case p.constant:
		return p.value, nil
	case p.plainBool != nil:
		b, err := p.plainBool(v)
		return b, p.failed(err)
	case p.plainText != nil:
		s, err := p.plainText(v)
		return s, p.failed(err)
	case p.plainInt != nil:
		n, err := p.plainInt(v)
		return n, p.failed(err)
	case p.plainValue != nil:
		x, err := p.plainValue(v)
		return x, p.failed(err)
	}
	x, err := interpret(p.run, v)
	return x, p.failed(err)
}

// failed says which expression err came from.
func (p *program) failed(err error) error {
	if err == nil {
		return nil
	}
	if p.secret {
		err = discreet(err)
	}
	return &EvalError{p.src, p.uses(), p.quiet(err)}
}

// uses are the variables of p as a message may name them.
func (p *program) uses() []Ref {
	if !p.secret {
		return p.refs
	}
	out := slices.Clone(p.refs)
	for i := range out {
		out[i].Key = "" // which may have come from outside
	}
	return out
}

// discreet leaves of err what cannot hold a value of the document's outside.
func discreet(err error) error {
	var absent *Missing
	var told *problem.Problem
	if errors.As(err, &absent) {
		return absent
	}
	if errors.As(err, &told) {
		return told
	}
	return errSecret
}

var errSecret = errors.New("it fails, and why may not be shown, because it holds values from outside the document")

// An EvalError is a failed evaluation. What it says is for the log, not for clients.
type EvalError struct {
	Source string
	Uses   []Ref // what it looked at, or could have: one of them is to blame
	Cause  error
}

// Blame says of err, which befell what the expression made, that the expression made it; nil stays nil.
func (e Expr) Blame(err error) error {
	if e.p == nil {
		return err
	}
	return blame(e.p.src, e.p.uses(), err)
}

func blame(source string, uses []Ref, err error) error {
	var e *EvalError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &EvalError{source, uses, err}
}

func (e *EvalError) Error() string {
	return "evaluating " + strconv.Quote(clip(e.Source)) + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *EvalError) Unwrap() error { return e.Cause }

func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

var _ schema.Unmarshaler = (*Expr)(nil)

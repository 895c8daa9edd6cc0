package expr

// This file walks a parsed expression before its types are checked: it puts in what comes from outside, finds names that do
// not exist, and notes which variables are used.

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"sallyport/schema"
)

type resolver struct {
	*compiler
	*language
	ast    *ast.AST
	src    string
	faults Faults
	refs   []Ref
	varies bool           // the value depends on the request or the time
	out    bool           // something came from outside
	given  map[int64]bool // which constants did
}

func (r *resolver) fault(e ast.Expr, format string, args ...any) {
	r.faults = append(r.faults, &Error{At: r.at(e), Msg: fmt.Sprintf(format, args...)})
}

// at is the byte where e stands, or its name.
func (r *resolver) at(e ast.Expr) int {
	l := r.ast.SourceInfo().GetStartLocation(e.ID())
	return nameAt(r.src, byteAt(r.src, l.Line(), l.Column()))
}

// expr resolves e and all below it; bound holds the variables of the macros around it.
func (r *resolver) expr(e ast.Expr, bound []string) {
	switch e.Kind() {
	case ast.IdentKind:
		r.ident(e, bound)
	case ast.SelectKind:
		r.choose(e, bound)
	case ast.CallKind:
		r.call(e, bound)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			r.expr(item, bound)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.expr(entry.AsMapEntry().Key(), bound)
			r.expr(entry.AsMapEntry().Value(), bound)
		}
	case ast.StructKind:
		r.fault(e, "%s{…} makes a message, of which there are none here; a map is written {\"name\": value}", e.AsStruct().TypeName())
	case ast.ComprehensionKind:
		r.loop(e.AsComprehension(), bound)
	}
}

func (r *resolver) loop(c ast.ComprehensionExpr, bound []string) {
	r.expr(c.IterRange(), bound)
	r.expr(c.AccuInit(), bound)
	inner := append(slices.Clip(bound), c.IterVar(), c.IterVar2(), c.AccuVar())
	r.expr(c.LoopCondition(), inner)
	r.expr(c.LoopStep(), inner)
	r.expr(c.Result(), append(slices.Clip(bound), c.AccuVar()))
}

// root returns the root that e names, nil when it names none.
func (r *resolver) root(e ast.Expr, bound []string) *root {
	if e.Kind() != ast.IdentKind || slices.Contains(bound, e.AsIdent()) {
		return nil
	}
	found := rootNamed(e.AsIdent())
	if found == response && !r.response {
		return nil
	}
	return found
}

func (r *resolver) ident(e ast.Expr, bound []string) {
	name := strings.TrimPrefix(e.AsIdent(), ".")
	switch {
	case slices.Contains(bound, name):
	case r.scopeIdent(e, name):
	case name == "now":
		r.varies = true
	case r.root(e, bound) != nil:
		r.fault(e, "%s is no value by itself; name one of its fields: %s", name, strings.Join(rootNamed(name).names(), ", "))
	case name == "env":
		r.fault(e, `env is no value by itself; write env.NAME or env("NAME", "default")`)
	default:
		if _, isType := r.env.CELTypeProvider().FindIdent(name); !isType {
			r.unknown(e, name, bound)
		}
	}
}

func (r *resolver) unknown(e ast.Expr, name string, bound []string) {
	if why, ok := later[name]; ok {
		r.fault(e, "%s", why)
		return
	}
	if name == response.name {
		r.fault(e, "response does not exist here: the expression is evaluated before there is a response")
		return
	}
	known := append([]string{"now", "env", "file", "true", "false"}, bound...)
	for _, v := range r.env.Variables() {
		known = append(known, v.Name())
	}
	r.fault(e, "unknown variable %q%s", name, didYouMean(name, known, "; text is written in quotes"))
}

func didYouMean(name string, known []string, otherwise string) string {
	if near := schema.Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return otherwise
}

// choose resolves operand.field and has(operand.field).
func (r *resolver) choose(e ast.Expr, bound []string) {
	s := e.AsSelect()
	if isEnv(s.Operand(), bound) {
		r.environment(e, s.FieldName(), nil, s.IsTestOnly())
		return
	}
	if r.isCalls(s.Operand(), bound) {
		r.chooseCall(e)
		return
	}
	root := r.root(s.Operand(), bound)
	if root == nil {
		r.noteCall(e, bound, func() { r.expr(s.Operand(), bound) })
		r.note(e)
		return
	}
	r.varies = true
	if why, ok := later[root.name+"."+s.FieldName()]; ok {
		r.fault(e, "%s", why)
		return
	}
	if _, ok := root.field(s.FieldName()); !ok {
		known := root.names()
		r.fault(e, "%s has no field %q%s", root.name, s.FieldName(), didYouMean(s.FieldName(), known, "; it has "+strings.Join(known, ", ")))
		return
	}
	r.refs = append(r.refs, Ref{Root: root.name, Field: s.FieldName()})
}

// note sharpens the reference to a map, made last, to one to the entry that e names.
func (r *resolver) note(e ast.Expr) {
	plain, ok := refOf(e)
	if !ok || plain.Key == "" || len(r.refs) == 0 {
		return
	}
	if last := &r.refs[len(r.refs)-1]; *last == (Ref{Root: plain.Root, Field: plain.Field}) {
		last.Key = plain.Key
	}
}

func isEnv(e ast.Expr, bound []string) bool {
	return e.Kind() == ast.IdentKind && e.AsIdent() == "env" && !slices.Contains(bound, "env")
}

func (r *resolver) call(e ast.Expr, bound []string) {
	c := e.AsCall()
	name := c.FunctionName()
	switch {
	case !c.IsMemberFunction() && name == "env":
		r.envCall(e)
		return
	case !c.IsMemberFunction() && name == "file":
		r.file(e)
		return
	case name == operators.Index && isEnv(c.Args()[0], bound):
		if key, ok := literalText(c.Args()[1]); ok {
			r.environment(e, key, nil, false)
			return
		}
		r.fault(e, "the name behind env must be written out, since it is looked up once, at load")
		return
	}
	if c.IsMemberFunction() {
		r.target(e, c, bound)
	} else if name == inName || !r.env.HasFunction(name) {
		r.noFunction(e, name)
	}
	for _, arg := range c.Args() {
		r.expr(arg, bound)
	}
	switch name {
	case operators.Index:
		r.note(e)
	case "uuid":
		r.varies = true
	case "matches":
		r.pattern(c.Args())
	case inName:
		if t := c.Target(); t.Kind() == ast.CallKind && t.AsCall().FunctionName() == "ip" {
			r.network(c.Args())
		}
	}
}

// target resolves what a method is called on, which may also be the first half of a function's name, as in math.abs.
func (r *resolver) target(e ast.Expr, c ast.CallExpr, bound []string) {
	t := c.Target()
	if t.Kind() == ast.IdentKind && !slices.Contains(bound, t.AsIdent()) && r.env.HasFunction(t.AsIdent()+"."+c.FunctionName()) {
		return
	}
	if root := r.root(t, bound); root != nil {
		r.varies = true
		if !root.headers || c.FunctionName() != "header" && c.FunctionName() != "header_values" {
			r.fault(e, "%s has no function %q%s", root.name, c.FunctionName(), didYouMean(c.FunctionName(), []string{"header", "header_values"}, ""))
			return
		}
		ref := Ref{Root: root.name, Field: "headers"}
		if len(c.Args()) == 1 {
			ref.Key, _ = literalText(c.Args()[0])
		}
		r.refs = append(r.refs, ref)
		return
	}
	before := len(r.refs)
	r.expr(t, bound)
	if (c.FunctionName() == "header" || c.FunctionName() == "header_values") && t.Kind() == ast.SelectKind && r.isCalls(t.AsSelect().Operand(), bound) && len(r.refs) > before {
		r.refs[before].Key = "headers"
	}
	if !r.env.HasFunction(c.FunctionName()) || c.FunctionName() == inName && strings.HasPrefix(r.src[r.at(e):], inName) {
		r.noFunction(e, c.FunctionName())
	}
}

func (r *resolver) noFunction(e ast.Expr, name string) {
	known := []string{"env", "file"}
	for f := range r.env.Functions() {
		if isLetter(f[0]) && f[0] != '_' && !strings.Contains(f, "@") && f != inName {
			known = append(known, f)
		}
	}
	slices.Sort(known)
	r.fault(e, "unknown function %q%s", name, didYouMean(name, known, ""))
}

// pattern compiles a regular expression that is written out, so that a mistake in it is found at load.
func (r *resolver) pattern(args []ast.Expr) {
	last := args[len(args)-1]
	p, ok := literalText(last)
	if !ok {
		return
	}
	if _, err := regexp.Compile(p); err != nil {
		if r.given[last.ID()] {
			err = errors.New("the value from outside is no regular expression")
		}
		r.fault(last, "%v", err)
	}
}

// network checks the networks of ip(…).in(…) that are written out.
func (r *resolver) network(args []ast.Expr) {
	for len(args) == 1 && args[0].Kind() == ast.ListKind {
		args = args[0].AsList().Elements()
	}
	for _, a := range args {
		s, ok := literalText(a)
		if _, err := parseNetwork(s); ok && err != nil && !r.given[a.ID()] {
			r.fault(a, "%v", err)
		}
	}
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

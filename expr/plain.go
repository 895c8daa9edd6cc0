package expr

// This file recognises what needs no interpreter: references, and comparisons of them with constants or each
// other, joined by !, && and ||. It serves them without allocations, and to the letter as the interpreter would; the
// tests run both and compare.

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"sallyport/jsonspan"
)

// plain sets the plain form of p if a has one.
func (p *program) plain(a *ast.AST) bool {
	e := a.Expr()
	if s := plainText(e); s != nil {
		p.plainText = s
		p.ref, _ = refOf(e)
	} else if n := plainInt(e); n != nil {
		p.plainInt = n
	} else if b := plainBool(e); b != nil {
		p.plainBool = b
	} else if v := plainTree(e); v != nil {
		p.plainValue = v
	} else if p.scoped {
		p.plainValue = plainSpan(e)
	}
	return p.plainText != nil || p.plainInt != nil || p.plainBool != nil || p.plainValue != nil
}

// A reference is a Ref with its shape, and the way to go on inside of a tree.
type reference struct {
	Ref
	shape shape
	orNot bool     // .header("x"): "" where there is none
	path  []string // fields of decoded JSON
}

// refOf reads e as a reference.
func refOf(e ast.Expr) (reference, bool) {
	switch e.Kind() {
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			return refInto(s.Operand(), s.FieldName())
		}
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() == operators.Index {
			if key, ok := literalText(c.Args()[1]); ok {
				return refInto(c.Args()[0], key)
			}
		}
		if c.FunctionName() == "header" && c.IsMemberFunction() && len(c.Args()) == 1 && c.Target().Kind() == ast.IdentKind && rootNamed(c.Target().AsIdent()) != nil {
			key, ok := literalText(c.Args()[0])
			return reference{Ref: Ref{c.Target().AsIdent(), "headers", key}, shape: texts, orNot: true}, ok && key != ""
		}
	}
	return reference{}, false
}

// refInto reads operand.name.
func refInto(operand ast.Expr, name string) (reference, bool) {
	if operand.Kind() == ast.IdentKind {
		root := rootNamed(operand.AsIdent())
		if root == nil {
			return reference{}, false
		}
		f, ok := root.field(name)
		return reference{Ref: Ref{root.name, name, ""}, shape: f.shape}, ok
	}
	r, ok := refOf(operand)
	switch {
	case !ok || name == "":
		return r, false
	case (r.shape == texts || r.shape == facts) && r.Key == "" && !r.orNot:
		r.Key = name
		return r, true
	case r.shape == tree || r.shape == facts && r.Key != "":
		r.path = append(slices.Clip(r.path), name)
		return r, true
	}
	return r, false
}

func (r *reference) isText() bool {
	return len(r.path) == 0 && (r.shape == text || r.shape == texts && r.Key != "")
}

// get looks a text up.
func (r *reference) get(v Vars) (string, error) {
	s, found, err := v.LookupText(r.Root, r.Field, r.Key)
	if err != nil || !found && !r.orNot {
		return "", missing(r.Root, r.Field, r.Key, err)
	}
	return s, nil
}

// value looks anything up.
func (r *reference) value(v Vars) (any, error) {
	x, found, err := v.Lookup(r.Root, r.Field, r.Key)
	if err != nil || !found {
		return nil, missing(r.Root, r.Field, r.Key, err)
	}
	if raw, ok := x.(Raw); ok && len(r.path) > 0 {
		at, found := jsonspan.Find(raw, r.path...)
		if !found {
			return nil, &Missing{Ref{r.Root, r.Field, strings.Join(r.path, ".")}}
		}
		return Raw(at).scalar(), nil
	}
	for i, name := range r.path {
		m, ok := x.(map[string]any)
		if !ok {
			return nil, &Missing{Ref{r.Root, r.Field, strings.Join(r.path[:i+1], ".")}}
		}
		if x, ok = m[name]; !ok {
			return nil, &Missing{Ref{r.Root, r.Field, strings.Join(r.path[:i+1], ".")}}
		}
	}
	return x, nil
}

func plainText(e ast.Expr) func(Vars) (string, error) {
	if s, ok := literalText(e); ok {
		return func(Vars) (string, error) { return s, nil }
	}
	r, ok := refOf(e)
	if !ok || !r.isText() {
		return nil
	}
	return r.get
}

func plainInt(e ast.Expr) func(Vars) (int64, error) {
	if e.Kind() == ast.LiteralKind {
		if n, ok := e.AsLiteral().(types.Int); ok {
			return func(Vars) (int64, error) { return int64(n), nil }
		}
		return nil
	}
	r, ok := refOf(e)
	if !ok || r.shape != whole {
		return nil
	}
	return func(v Vars) (int64, error) {
		n, found, err := v.LookupInt(r.Root, r.Field)
		if err != nil || !found {
			return 0, missing(r.Root, r.Field, "", err)
		}
		return n, nil
	}
}

// plainTree serves values that are handed out as they are.
func plainTree(e ast.Expr) func(Vars) (any, error) {
	r, ok := refOf(e)
	if !ok || r.orNot {
		return nil
	}
	return r.value
}

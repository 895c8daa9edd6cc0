package expr

// The plain tests: comparisons, and what joins them. See plain.go.

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

type test = func(Vars) (bool, error)

func plainBool(e ast.Expr) test {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return func(Vars) (bool, error) { return bool(b), nil }
		}
	case ast.SelectKind:
		if e.AsSelect().IsTestOnly() {
			return plainHas(e.AsSelect())
		}
	case ast.CallKind:
		c := e.AsCall()
		switch c.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr:
			return plainLogic(c)
		case operators.LogicalNot:
			return plainNot(c)
		case "startsWith", "endsWith", "contains", "matches":
			return plainMatch(c)
		case inName:
			return plainNetwork(c)
		case operators.In:
			return plainIn(c.Args()[0], c.Args()[1])
		}
		if len(c.Args()) == 2 && !c.IsMemberFunction() {
			return plainCompare(c.FunctionName(), c.Args()[0], c.Args()[1])
		}
	}
	return nil
}

// plainHas is has(a.b) and has(a.b.c).
func plainHas(s ast.SelectExpr) test {
	if s.Operand().Kind() == ast.IdentKind {
		r, ok := refInto(s.Operand(), s.FieldName())
		if !ok || r.shape == tree {
			return nil // a tree that cannot be read is left to the interpreter
		}
		if r.shape == texts || r.shape == facts {
			return func(Vars) (bool, error) { return true, nil }
		}
		return func(v Vars) (bool, error) {
			if r.shape == whole {
				_, found, err := v.LookupInt(r.Root, r.Field)
				return found || err != nil, nil
			}
			if r.shape == text {
				_, found, err := v.LookupText(r.Root, r.Field, "")
				return found || err != nil, nil
			}
			_, found, err := v.Lookup(r.Root, r.Field, "")
			return found || err != nil, nil
		}
	}
	r, ok := refInto(s.Operand(), s.FieldName())
	if !ok || r.shape != texts {
		return nil
	}
	return func(v Vars) (bool, error) {
		_, found, err := v.LookupText(r.Root, r.Field, r.Key)
		return found, err
	}
}

// plainLogic joins tests as CEL does: an error counts only if the other side does not decide.
func plainLogic(c ast.CallExpr) test {
	decides := c.FunctionName() == operators.LogicalOr
	a, b := plainBool(c.Args()[0]), plainBool(c.Args()[1])
	if a == nil || b == nil || len(c.Args()) != 2 {
		return nil
	}
	return func(v Vars) (bool, error) {
		x, failed := a(v)
		if failed == nil && x == decides {
			return decides, nil
		}
		y, err := b(v)
		if err == nil && y == decides {
			return decides, nil
		}
		if failed == nil {
			failed = err
		}
		return !decides, failed
	}
}

func plainNot(c ast.CallExpr) test {
	t := plainBool(c.Args()[0])
	if t == nil {
		return nil
	}
	return func(v Vars) (bool, error) {
		b, err := t(v)
		return !b, err
	}
}

func plainMatch(c ast.CallExpr) test {
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	if len(args) != 2 {
		return nil
	}
	s, t := plainText(args[0]), plainText(args[1])
	if s == nil || t == nil {
		return nil
	}
	holds := strings.Contains
	switch c.FunctionName() {
	case "startsWith":
		holds = strings.HasPrefix
	case "endsWith":
		holds = strings.HasSuffix
	case "matches":
		pattern, constant := literalText(args[1])
		re, err := regexp.Compile(pattern)
		if !constant || err != nil {
			return nil
		}
		holds = func(s, _ string) bool { return re.MatchString(s) }
	}
	return both(s, t, holds)
}

// both applies holds to two texts.
func both(a, b func(Vars) (string, error), holds func(a, b string) bool) test {
	return func(v Vars) (bool, error) {
		x, err := a(v)
		if err != nil {
			return false, err
		}
		y, err := b(v)
		if err != nil {
			return false, err
		}
		return holds(x, y), nil
	}
}

// plainIn is text in ["a", "b"], "x" in request.headers, "x" in auth.scopes.
func plainIn(e, in ast.Expr) test {
	s := plainText(e)
	if s == nil {
		return nil
	}
	if in.Kind() == ast.ListKind {
		list, ok := literalTexts(in.AsList())
		if !ok {
			return nil
		}
		if len(list) == 0 { // CEL does not look at what nothing can be in
			return func(Vars) (bool, error) { return false, nil }
		}
		return func(v Vars) (bool, error) {
			x, err := s(v)
			return err == nil && slices.Contains(list, x), err
		}
	}
	r, ok := refOf(in)
	if !ok || r.Key != "" || r.shape != texts && r.shape != names {
		return nil
	}
	key, constant := literalText(e)
	if r.shape == texts && (!constant || key == "") {
		return nil
	}
	return func(v Vars) (bool, error) {
		if r.shape == texts {
			_, found, err := v.LookupText(r.Root, r.Field, key)
			return found, err
		}
		x, err := s(v)
		if err != nil {
			return false, err
		}
		_, found, err := v.LookupText(r.Root, r.Field, x)
		return found, err
	}
}

// plainNetwork is ip(text).in("10.0.0.0/8") and ip(text).in(["10.0.0.0/8", …]).
func plainNetwork(c ast.CallExpr) test {
	of := c.Target()
	if of.Kind() != ast.CallKind || of.AsCall().FunctionName() != "ip" {
		return nil
	}
	s, written := plainText(of.AsCall().Args()[0]), c.Args()
	if written[0].Kind() == ast.ListKind {
		written = written[0].AsList().Elements()
	}
	var networks []netip.Prefix
	for _, e := range written {
		text, constant := literalText(e)
		p, err := parseNetwork(text)
		if !constant || err != nil {
			return nil
		}
		networks = append(networks, p)
	}
	if s == nil {
		return nil
	}
	return func(v Vars) (bool, error) {
		text, err := s(v)
		if err != nil {
			return false, err
		}
		a, err := readAddr(text)
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) }), nil
	}
}

func literalTexts(l ast.ListExpr) ([]string, bool) {
	var out []string
	for _, e := range l.Elements() {
		s, ok := literalText(e)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

func plainCompare(op string, a, b ast.Expr) test {
	if s, t := plainText(a), plainText(b); s != nil && t != nil {
		switch op {
		case operators.Equals:
			return both(s, t, func(a, b string) bool { return a == b })
		case operators.NotEquals:
			return both(s, t, func(a, b string) bool { return a != b })
		}
		return nil
	}
	if m, n := plainInt(a), plainInt(b); m != nil && n != nil {
		return compareInts(op, m, n)
	}
	if b.Kind() != ast.LiteralKind {
		a, b = b, a
	}
	if op != operators.Equals && op != operators.NotEquals || b.Kind() != ast.LiteralKind {
		return nil
	}
	r, ok := refOf(a)
	if !ok || r.orNot || r.shape != tree && r.shape != facts {
		return nil
	}
	return compareTree(&r, b.AsLiteral(), op == operators.Equals)
}

// compareTree compares a value of any type with a constant: values of different types differ.
func compareTree(r *reference, with ref.Val, want bool) test {
	s, isText := with.(types.String)
	return func(v Vars) (bool, error) {
		x, err := r.value(v)
		if err != nil {
			return false, err
		}
		if t, ok := x.(string); ok && isText {
			return (t == string(s)) == want, nil
		}
		return (types.Equal(adapter{}.NativeToValue(x), with) == types.True) == want, nil
	}
}

func compareInts(op string, a, b func(Vars) (int64, error)) test {
	var holds func(m, n int64) bool
	switch op {
	case operators.Equals:
		holds = func(m, n int64) bool { return m == n }
	case operators.NotEquals:
		holds = func(m, n int64) bool { return m != n }
	case operators.Less:
		holds = func(m, n int64) bool { return m < n }
	case operators.LessEquals:
		holds = func(m, n int64) bool { return m <= n }
	case operators.Greater:
		holds = func(m, n int64) bool { return m > n }
	case operators.GreaterEquals:
		holds = func(m, n int64) bool { return m >= n }
	default:
		return nil
	}
	return func(v Vars) (bool, error) {
		m, err := a(v)
		if err != nil {
			return false, err
		}
		n, err := b(v)
		return err == nil && holds(m, n), err
	}
}

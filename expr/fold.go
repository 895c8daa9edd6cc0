package expr

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"

	"sallyport/schema"
)

// FoldOptions is where values from outside come from.
type FoldOptions = schema.Outside

// Fold replaces every string of a document whose expressions need nothing but the environment, files and constants by its value,
// and marks it as literal, so that what came from outside is never expanded. A string that is one such expression takes the
// type of what it makes: text, number, boolean, list or map. All other strings learn where env and file are to
// be found, for the settings that compile them.
func Fold(root *schema.Node, o FoldOptions) schema.Errors {
	f := &folder{outside: &o}
	f.node(root, "")
	return f.errs
}

type folder struct {
	outside *schema.Outside
	errs    schema.Errors
}

func (f *folder) node(n *schema.Node, path string) {
	if n == nil || n.Literal {
		return
	}
	for _, entry := range n.Fields {
		f.node(entry.Node, schema.Join(path, entry.Name))
	}
	for i, item := range n.Items {
		f.node(item, schema.Index(path, i))
		schema.Yield(i)
	}
	if n.Kind != schema.String {
		return
	}
	n.Outside = f.outside
	if strings.Contains(n.Text, "${") && static(n.Text) {
		f.text(n, path)
	}
}

// text replaces one string.
func (f *folder) text(n *schema.Node, path string) {
	t, err := at(n, nil).template(n.Text, Text, Any)
	if err == nil {
		var value any
		if value, err = t.Value(nil); err == nil {
			n.Written = n.Text
			err = become(n, value)
		}
	}
	if err != nil {
		report(&f.errs, n, path, err)
		n.Faulty = true
	}
}

// become makes n the value.
func become(n *schema.Node, value any) error {
	switch v := value.(type) {
	case nil:
		n.Kind, n.Text = schema.Null, ""
	case string:
		n.Kind, n.Text, n.Literal = schema.String, v, true
	case bool:
		n.Kind, n.Literal, n.Quoted = schema.Bool, true, false
	case int64, float64:
		n.Kind, n.Literal, n.Quoted = schema.Number, true, false
	case []any, []string, map[string]any, map[string]string:
		return becomeTree(n, v)
	default:
		n.Literal = true
	}
	if n.Literal {
		s, err := textOf(value)
		n.Text = s
		return err
	}
	return nil
}

func becomeTree(n *schema.Node, value any) error {
	add := func(v any) (*schema.Node, error) {
		item := &schema.Node{Pos: n.Pos}
		return item, become(item, v)
	}
	n.Text, n.Outside = "", nil
	if m, ok := asMap(value); ok {
		n.Kind = schema.Map
		for _, name := range slices.Sorted(maps.Keys(m)) {
			item, err := add(m[name])
			if err != nil {
				return err
			}
			n.Fields = append(n.Fields, &schema.Field{Name: name, Pos: n.Pos, Node: item})
		}
		return nil
	}
	n.Kind = schema.List
	for _, v := range asList(value) {
		item, err := add(v)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	return nil
}

// static says whether every expression of a template needs nothing of a request. One that cannot be parsed counts as static
// too, so that it is reported here, whatever the setting.
func static(text string) bool {
	parts, err := split(text)
	if err != nil {
		return true
	}
	for _, p := range parts {
		if !p.hole {
			continue
		}
		l := requestSide()
		parsed, errs := l.parser.Parse(common.NewTextSource(respell(p.text)))
		if len(errs.GetErrors()) > 0 {
			return true
		}
		if !constantExpr(parsed.Expr()) {
			return false
		}
	}
	return true
}

// constantExpr says whether e uses no name but env, file, and variables of its own macros.
func constantExpr(e ast.Expr) bool {
	own := map[string]bool{"env": true}
	free := map[string]bool{}
	calls := map[string]bool{}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			free[e.AsIdent()] = true
		case ast.ComprehensionKind:
			c := e.AsComprehension()
			own[c.IterVar()], own[c.IterVar2()], own[c.AccuVar()] = true, true, true
		case ast.CallKind:
			calls[e.AsCall().FunctionName()] = true
		}
	}))
	for name := range free {
		if !own[name] && !namespaces[name] {
			return false
		}
	}
	return !calls["uuid"]
}

// namespaces are the first halves of functions' names.
var namespaces = map[string]bool{"math": true, "lists": true, "strings": true}

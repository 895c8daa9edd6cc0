package jwt

// What claims and scopes must be.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sallyport/expr"
	"sallyport/schema"
)

// A Wanted is what a claim must be: one of some values.
type Wanted struct{ values []value }

// A value is text as the document has it, or an expression.
type value struct {
	text   string
	quoted bool // it is text and nothing else
	expr   expr.Expr
}

// UnmarshalNode reads the setting out of the document.
func (w *Wanted) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	items := n.List()
	if n.Kind == schema.Map || len(items) == 0 {
		errs.Add(n, path, "%s is given where a value, a list of values or an expression is wanted", n.Kind)
		return errs
	}
	for i, item := range items {
		at := path
		if n.Kind == schema.List {
			at = schema.Index(path, i)
		}
		v := value{text: item.Text, quoted: item.Quoted || item.Literal}
		switch {
		case item.Kind == schema.List || item.Kind == schema.Map || item.Kind == schema.Null && !item.Literal:
			errs.Add(item, at, "%s is given where a value is wanted", item.Kind)
		case !item.Literal && strings.Contains(item.Text, "${"):
			if !strings.HasPrefix(strings.TrimSpace(item.Text), "${") || !strings.HasSuffix(strings.TrimSpace(item.Text), "}") {
				errs.Add(item, at, "write the expression alone: ${...}")
				continue
			}
			errs = append(errs, v.expr.UnmarshalNode(item, at)...)
		}
		w.values = append(w.values, v)
	}
	return errs
}

// JSONSchema describes the setting for editors.
func (w *Wanted) JSONSchema() map[string]any {
	plain := map[string]any{"type": []any{"string", "number", "boolean"}}
	return map[string]any{"anyOf": []any{plain, map[string]any{"type": "array", "items": plain, "minItems": 1}}}
}

// SchemaKind says what the setting is, for the reference.
func (*Wanted) SchemaKind() string { return "value, list of values or expression" }

// holds says whether a claim is one of what is wanted; of a claim that is a list whether it holds one.
func (w *Wanted) holds(claim any, v expr.Vars) (bool, error) {
	for i := range w.values {
		ok, err := w.values[i].in(claim, v)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (w *value) in(claim any, v expr.Vars) (bool, error) {
	want := any(nil)
	if !w.expr.IsZero() {
		var err error
		if want, err = w.expr.Value(v); err != nil {
			return false, err
		}
	}
	list, is := claim.([]any)
	if !is {
		return w.equal(claim, want), nil
	}
	return slices.ContainsFunc(list, func(item any) bool { return w.equal(item, want) }), nil
}

// equal compares one value of a claim with what the document wants or, of an expression, with what that made.
func (w *value) equal(claim, want any) bool {
	if w.expr.IsZero() {
		text, is := claim.(string)
		if is {
			return text == w.text
		}
		return !w.quoted && claim != nil && scalar(claim) && spelt(claim) == w.text
	}
	switch want := want.(type) {
	case []any:
		return slices.ContainsFunc(want, func(one any) bool { return same(claim, one) })
	case []string:
		return slices.ContainsFunc(want, func(one string) bool { return same(claim, one) })
	}
	return same(claim, want)
}

// same compares two values; text is never a number.
func same(a, b any) bool {
	_, textA := a.(string)
	_, textB := b.(string)
	return textA == textB && scalar(a) && scalar(b) && spelt(a) == spelt(b)
}

func scalar(v any) bool {
	switch v.(type) {
	case string, bool, int64, float64, json.Number:
		return true
	}
	return false
}

// spelt is a scalar as text.
func spelt(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	return ""
}

// missing returns the scopes that a token lacks; of several of which one would do all of them.
func (s *Scopes) missing(have []string) []string {
	var lack []string
	for _, scope := range s.All {
		if !slices.Contains(have, scope) {
			lack = append(lack, scope)
		}
	}
	if len(lack) > 0 || len(s.Any) == 0 {
		return lack
	}
	for _, scope := range s.Any {
		if slices.Contains(have, scope) {
			return nil
		}
	}
	return s.Any
}

// Check wants scopes that can stand in a challenge (RFC 6749 §3.3).
func (s *Scopes) Check() error {
	for _, scope := range slices.Concat(s.All, s.Any) {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
			return fmt.Errorf("%q is no scope; each is one word, in an item of its own", scope)
		}
	}
	return nil
}

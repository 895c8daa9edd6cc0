package expr

// Header fields that the document sets.

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"sallyport/schema"
	"sallyport/wire"
)

// Values are the values of one header field, written as one text or a list.
type Values []Template

// UnmarshalNode reads one value or several.
func (v *Values) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind != schema.List {
		*v = make(Values, 1)
		return (*v)[0].UnmarshalNode(n, path)
	}
	*v = make(Values, len(n.Items))
	for i, item := range n.Items {
		errs = append(errs, (*v)[i].UnmarshalNode(item, schema.Index(path, i))...)
	}
	return errs
}

// JSONSchema allows both ways to write it.
func (v *Values) JSONSchema() map[string]any {
	one := scalars()
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
}

// SchemaKind is the type's name in the reference.
func (v *Values) SchemaKind() string { return "text or list of texts" }

// Uses returns the variables that the values refer to.
func (v Values) Uses() (out []Ref) {
	for _, t := range v {
		out = append(out, t.Uses()...)
	}
	return out
}

// ErrControl is what a value fails with that cannot stand in a header field.
var ErrControl = errors.New("it holds a control character, which cannot stand in a header field")

// Add adds the values to h. An expression that makes a list adds each of its items. What is empty is left out.
func (v Values) Add(h *wire.Header, name string, vars Vars) error {
	for _, t := range v {
		x, err := t.Value(vars)
		if err != nil {
			return err
		}
		list := asList(x)
		if list == nil {
			list = []any{x}
		}
		for _, item := range list {
			s, err := textOf(item)
			if err == nil && !wire.ValidValue(s) {
				err = ErrControl
			}
			if err != nil {
				return &EvalError{t.src, err}
			}
			if s != "" {
				h.Add(name, s)
			}
		}
	}
	return nil
}

// CheckFields finds fields that cannot be set by the setting of that name.
func CheckFields(setting string, m map[string]Values) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if why := unsettable(name); why != "" {
			errs = append(errs, schema.At(schema.Join(setting, name), errors.New(why)))
		}
		for _, v := range m[name] {
			if s, constant := v.Constant(); constant && !wire.ValidValue(s) {
				errs = append(errs, schema.At(schema.Join(setting, name), fmt.Errorf("a control character cannot stand in a header")))
			}
		}
	}
	return errs
}

func unsettable(name string) string {
	if !wire.ValidToken(name) {
		return "this is no name of a header"
	}
	switch wire.NameOf(name) {
	case wire.Connection, wire.ContentLength, wire.TransferEncoding, wire.KeepAlive, wire.ProxyConnection, wire.TE,
		wire.Trailer, wire.Upgrade, wire.Date, wire.XRequestID, wire.Host:
		return "the gateway makes this header itself"
	}
	return ""
}

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

// Errors of lists of values.
var (
	ErrSeveral = errors.New("it makes several values of a field that has one")
	ErrMany    = fmt.Errorf("it makes more than %d values of one field", maxValues)
)

// maxValues is how many fields of one name are made at most.
const maxValues = 100

// most is how many fields of a name there may be, and what is wrong with more.
func most(name string) (int, error) {
	if wire.Once(name) {
		return 1, ErrSeveral
	}
	return maxValues, ErrMany
}

// Add adds the values to h. An expression that makes a list adds each of its items. What is empty is left out.
func (v Values) Add(h *wire.Header, name string, vars Vars) error {
	n := 0
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
				return t.Blame(err)
			}
			if s == "" {
				continue
			}
			if n++; n > 1 {
				if limit, wrong := most(name); n > limit {
					return t.Blame(wrong)
				}
			}
			h.Add(name, s)
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
		if limit, wrong := most(name); len(m[name]) > limit {
			errs = append(errs, schema.At(schema.Join(setting, name), wrong))
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

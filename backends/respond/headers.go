package respond

import (
	"fmt"
	"maps"
	"slices"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// values are the values of one header, written as one text or a list.
type values []expr.Template

// UnmarshalNode reads one value or several.
func (v *values) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind != schema.List {
		*v = make(values, 1)
		return (*v)[0].UnmarshalNode(n, path)
	}
	*v = make(values, len(n.Items))
	for i, item := range n.Items {
		errs = append(errs, (*v)[i].UnmarshalNode(item, schema.Index(path, i))...)
	}
	return errs
}

// JSONSchema allows both ways to write it.
func (v *values) JSONSchema() map[string]any {
	one := map[string]any{"type": []any{"string", "number", "boolean"}}
	return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
}

// SchemaKind is the type's name in the reference.
func (v *values) SchemaKind() string { return "text or list of texts" }

// A header is one header of the response.
type header struct {
	name   string
	values values
}

// sorted lists the headers in one order, whatever the map gives.
func sorted(m map[string]values) []header {
	var out []header
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, header{name, m[name]})
	}
	return out
}

// checkHeaders finds names that cannot be set.
func checkHeaders(m map[string]values) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if why := unsettable(name); why != "" {
			errs = append(errs, schema.At(schema.Join("headers", name), fmt.Errorf("%s", why)))
		}
		for _, v := range m[name] {
			if s, constant := v.Constant(); constant && !wire.ValidValue(s) {
				errs = append(errs, schema.At(schema.Join("headers", name), fmt.Errorf("a control character cannot stand in a header")))
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
		wire.Trailer, wire.Upgrade, wire.Date, wire.XRequestID:
		return "the gateway makes this header itself"
	}
	return ""
}

// add evaluates the values into h.
func (d *header) add(h *wire.Header, v expr.Vars) error {
	for i := range d.values {
		s, err := d.values[i].Text(v)
		if err != nil {
			return plug.Failed(err)
		}
		if !wire.ValidValue(s) {
			return problem.BadRequest.New("The request holds a control character where the response's header %s takes its value from.", d.name)
		}
		h.Add(d.name, s)
	}
	return nil
}

package validate

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file judges what is text: parameters and header fields, together an object whose properties are read as the types that the schema
// wants.

// maxParams bounds how many parameters are looked at.
const maxParams = 1000

// A text is params, query or headers.
type text struct {
	in     string
	shape  *shape
	types  map[string][]string // of properties
	spelt  map[string]string   // names of properties by their lower case, for header fields
	within map[string][]string // types of the items of properties that may be arrays
}

func newText(in string, s *shape) text {
	t := text{in: in, shape: s, types: map[string][]string{}, spelt: map[string]string{}, within: map[string][]string{}}
	t.learn(s.Schema, 0)
	return t
}

// learn finds the properties of a schema and those that it refers to.
func (t *text) learn(s *jsonschema.Schema, depth int) {
	if s == nil || depth > 10 {
		return
	}
	for name, p := range s.Properties {
		t.types[name], t.spelt[strings.ToLower(name)] = typesOf(p, 0), name
		for _, item := range itemsOf(p, 0) {
			t.within[name] = append(t.within[name], typesOf(item, 0)...)
		}
	}
	t.learn(s.Ref, depth+1)
	for _, part := range s.AllOf {
		t.learn(part, depth+1)
	}
}

// typesOf lists the types that a schema names.
func typesOf(s *jsonschema.Schema, depth int) (out []string) {
	if s == nil || depth > 10 {
		return nil
	}
	if s.Types != nil {
		out = s.Types.ToStrings()
	}
	out = append(out, typesOf(s.Ref, depth+1)...)
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		out = append(out, typesOf(part, depth+1)...)
	}
	return out
}

func itemsOf(s *jsonschema.Schema, depth int) (out []*jsonschema.Schema) {
	if s == nil || depth > 10 {
		return nil
	}
	if s.Items2020 != nil {
		out = append(out, s.Items2020)
	}
	if items, is := s.Items.(*jsonschema.Schema); is {
		out = append(out, items)
	}
	out = append(out, itemsOf(s.Ref, depth+1)...)
	for _, part := range s.AllOf {
		out = append(out, itemsOf(part, depth+1)...)
	}
	return out
}

// judge returns what is wrong with the text of a request.
func (t *text) judge(x *policy.Exchange) (found []finding, err error) {
	value := map[string]any{}
	switch t.in {
	case "params":
		for _, p := range x.Params {
			found = append(found, t.put(value, p.Name, p.Value)...)
		}
	case "query":
		found, err = t.query(value, x.Request.Query)
	case "headers":
		for name, v := range x.Request.Header.All() {
			t.field(value, name, v)
		}
		if err = t.madeAnew(value, x); err != nil {
			return nil, err
		}
		t.split(value)
	}
	if err != nil {
		return nil, err
	}
	found = append(found, t.shape.against(value)...)
	for i := range found {
		found[i].in = t.in
	}
	return found, nil
}

func (t *text) query(value map[string]any, query string) (found []finding, err error) {
	n := 0
	wire.Params(query, func(name, v string, valid bool) bool {
		if n++; !valid || n > maxParams {
			err = problem.BadRequest.New("The query has an escape that is none, or more than %d parameters.", maxParams)
			return false
		}
		found = append(found, t.put(value, strings.Clone(name), v)...)
		return true
	})
	return found, err
}

// put adds a value of a name.
func (t *text) put(value map[string]any, name, v string) []finding {
	types := t.types[name]
	if slices.Contains(types, "array") {
		list, _ := value[name].([]any)
		value[name] = append(list, typed(v, t.within[name]))
		return nil
	}
	if _, twice := value[name]; twice {
		return []finding{{pointer: pointerOf([]string{name}), detail: "It stands there more than once."}}
	}
	value[name] = typed(v, types)
	return nil
}

// field adds a line of a header, as text.
func (t *text) field(value map[string]any, name, v string) {
	name = strings.ToLower(name)
	if spelt := t.spelt[name]; spelt != "" {
		name = spelt
	}
	if before, twice := value[name].(string); twice {
		v = before + ", " + v
	}
	value[name] = v
}

// madeAnew adds the fields that are not in the header since the engine makes them anew, such as Host, where the schema knows them.
func (t *text) madeAnew(value map[string]any, x *policy.Exchange) error {
	for name, spelt := range t.spelt {
		if value[spelt] != nil {
			continue
		}
		v, found, err := x.LookupText("request", "headers", name)
		if err != nil {
			return err
		}
		if found {
			value[spelt] = v
		}
	}
	return nil
}

// split makes values of the text of header fields.
func (t *text) split(value map[string]any) {
	for name, types := range t.types {
		v, there := value[name].(string)
		switch {
		case !there:
		case slices.Contains(types, "array"):
			list := []any{}
			for item := range strings.SplitSeq(v, ",") {
				if item = strings.Trim(item, " \t"); item != "" {
					list = append(list, typed(item, t.within[name]))
				}
			}
			value[name] = list
		default:
			value[name] = typed(v, types)
		}
	}
}

// typed reads text as one of the types, if it can be.
func typed(v string, types []string) any {
	for _, t := range types {
		switch {
		case t == "string":
			return v
		case (t == "integer" || t == "number") && numeric(v):
			return json.Number(v)
		case t == "boolean" && (v == "true" || v == "false"):
			return v == "true"
		}
	}
	return v
}

// numeric says whether text is a number as JSON writes it.
func numeric(v string) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if v == "" || huge(v) || v[0] != '-' && !digit(v[0]) || !digit(v[len(v)-1]) { // no white space around it
		return false
	}
	return json.Valid([]byte(v))
}

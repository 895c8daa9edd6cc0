package expr

// This file lists the variables: what a document may say after "request.", and of which type it is. Exchange in package policy
// gives them their values.

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// A shape is how a field is looked up.
type shape uint8

const (
	text  shape = iota // by LookupText
	whole              // an integer, by LookupInt
	texts              // a map from text to text, by entry
	facts              // a map from text to anything, by entry
	names              // a list of text
	tree               // anything, such as decoded JSON
	when               // a time
)

var shapeTypes = [...]*cel.Type{
	text: cel.StringType, whole: cel.IntType, texts: cel.MapType(cel.StringType, cel.StringType),
	facts: cel.MapType(cel.StringType, cel.DynType), names: cel.ListType(cel.StringType), tree: cel.DynType,
	when: cel.TimestampType,
}

// A field is one variable of a root.
type field struct {
	name  string
	shape shape
}

// A root is a variable that has fields.
type root struct {
	name    string
	fields  []field
	headers bool // has .header("x") and .header_values("x")
}

var roots = []*root{
	{name: "request", headers: true, fields: []field{
		{"method", text}, {"path", text}, {"raw_path", text}, {"host", text}, {"scheme", text}, {"protocol", text},
		{"headers", texts}, {"query", texts}, {"cookies", texts}, {"params", texts}, {"body", tree}, {"size", whole},
		{"id", text}, {"time", when},
	}},
	{name: "client", fields: []field{{"ip", text}, {"port", whole}}},
	{name: "auth", fields: []field{{"type", text}, {"subject", text}, {"issuer", text}, {"scopes", names}, {"claims", facts}}},
	{name: "consumer", fields: []field{{"name", text}, {"plan", text}, {"tags", names}}},
	{name: "route", fields: []field{{"name", text}}},
	{name: "api", fields: []field{{"name", text}, {"version", text}}},
	response,
}

var response = &root{name: "response", headers: true, fields: []field{{"status", whole}, {"headers", texts}, {"body", tree}}}

// later holds what the contract names and later issues bring.
var later = map[string]string{
	"client.certificate": "client.certificate does not work yet: it comes with TLS",
	"calls":              "calls exists in compose only",
	"item":               "item exists in a call of compose with for_each only",
	"index":              "index exists in a call of compose with for_each only",
}

func rootNamed(name string) *root {
	for _, r := range roots {
		if r.name == name {
			return r
		}
	}
	return nil
}

func (r *root) field(name string) (field, bool) {
	i := slices.IndexFunc(r.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return r.fields[i], true
}

func (r *root) names() []string {
	out := make([]string, len(r.fields))
	for i, f := range r.fields {
		out[i] = f.name
	}
	return out
}

// rootTypes tells cel-go of the roots. Each is a struct type of the same name, whose fields are got from a *rootValue.
type rootTypes struct{ *types.Registry }

// FindStructType knows the roots as types.
func (t rootTypes) FindStructType(name string) (*types.Type, bool) {
	if rootNamed(name) != nil || name == callsName || name == callType {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return t.Registry.FindStructType(name)
}

// FindStructFieldNames lists the fields of a root.
func (t rootTypes) FindStructFieldNames(name string) ([]string, bool) {
	if r := rootNamed(name); r != nil {
		return r.names(), true
	}
	return t.Registry.FindStructFieldNames(name)
}

// FindStructFieldType tells the type of a field and how to get it.
func (t rootTypes) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	if name == callsName || name == callType {
		return scopeField(name, fieldName)
	}
	r := rootNamed(name)
	if r == nil {
		return t.Registry.FindStructFieldType(name, fieldName)
	}
	f, ok := r.field(fieldName)
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type:    shapeTypes[f.shape],
		IsSet:   func(obj any) bool { return obj.(*rootValue).has(f) },
		GetFrom: func(obj any) (any, error) { return obj.(*rootValue).get(f) },
	}, true
}

package schema

import "reflect"

// zero is a fresh value's address, for the methods that a type has.
func (t *Type) zero() any { return reflect.New(t.go_).Interface() }

// A Choice is one sort of thing that a node tagged kind:"…" may hold.
type Choice struct {
	Name    string
	Summary string
	Type    *Type
}

// JSONSchema describes the type for editors and forms (JSON Schema 2020-12).
func (t *Type) JSONSchema() map[string]any { return Document(t, nil) }

// Document is the JSON Schema of t, with the choices for the nodes tagged kind:"…".
func Document(t *Type, kinds map[string][]Choice) map[string]any {
	return map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema"}
}

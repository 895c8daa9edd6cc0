package validate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// By its $id a schema is found wherever it stands, and nothing is fetched.
func TestResources(t *testing.T) {
	const at = "https://example.com/schemas/"
	money := `money.json={"$id": "` + at + `money.json", "type": "integer", "minimum": 1}`
	for _, c := range []struct {
		name, yaml string
		files      []string
		body, want string // want is a finding
	}{
		{"in a file", "{request: {schema: {$ref: '" + at + "money.json'}}, schemas: [money.json]}", []string{money}, "0", ": It has to be at least 1."},
		{"in the document", "{request: {schema: {$ref: 'urn:m'}}, schemas: [{$id: 'urn:m', type: string}]}", nil, "0", ": It is a number, and has to be a string."},
		{"next to each other by their ids", "{request: {file: order.json}, schemas: [a/money.json, line.yaml]}", []string{
			"order.json={\"$id\": \"" + at + "order.json\", \"items\": {\"$ref\": \"line.json\"}}", "line.yaml=$id: " + at + "line.json\nproperties: {m: {$ref: money.json}}", "a/" + money,
		}, `[{"m":0}]`, "/0/m: It has to be at least 1."},
		{"within another", "{request: {schema: {$ref: '" + at + "inner'}}, schemas: [all.json]}", []string{`all.json={"$id": "` + at + `all", "$defs": {"i": {"$id": "inner", "$defs": {"x": {"type": "null"}}, "$ref": "#/$defs/x"}}}`}, "0", ": It is a number, and has to be null."},
		{"within the schema itself", "{request: {schema: {$defs: {i: {$id: 'urn:i', type: string}}, $ref: 'urn:o'}}, schemas: [{$id: 'urn:o', items: {$ref: 'urn:i'}}]}", nil, "[0]", "/0: It is a number, and has to be a string."},
		{"by an anchor", "{request: {schema: {$ref: 'urn:m#a'}}, schemas: [{$id: 'urn:m', $defs: {x: {$anchor: a, type: string}}}]}", nil, "0", ": It is a number, and has to be a string."},
		{"of draft 4", "{request: {schema: {$schema: 'http://json-schema.org/draft-04/schema#', $ref: 'urn:m#/definitions/x'}}, schemas: [{$schema: 'http://json-schema.org/draft-04/schema#', id: 'urn:m', definitions: {x: {type: string}}}]}", nil, "0", ": It is a number, and has to be a string."},
		{"that lead to each other", "{request: {schema: {$ref: 'urn:a'}}, schemas: [{$id: 'urn:a', properties: {b: {$ref: 'urn:b'}}}, {$id: 'urn:b', type: object, properties: {a: {$ref: 'urn:a'}}}]}", nil, `{"b":{"a":{"b":1}}}`, "/b/a/b: It is a number, and has to be an object."},
		{"a property of that name", "{request: {schema: {$ref: 'urn:a'}}, schemas: [{$id: 'urn:a', properties: {$id: {const: 1}}}]}", nil, `{"$id":2}`, "/$id: It has to be 1."},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, errs, warned := made(t, c.yaml, c.files...)
			if len(errs)+len(warned) > 0 {
				t.Fatal(errs, warned)
			}
			_, err := v.judge(ask(c.body))
			if got := said(err); !slices.Equal(got, []string{c.want}) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestResourceErrors(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		files      []string
		want       string
	}{
		{"no id", "{request: {schema: {}}, schemas: [{type: string}]}", nil, "validate.schemas[0]: it has no $id"},
		{"no id in a file", "{request: {schema: {}}, schemas: [a.json]}", []string{"a.json={}"}, "validate.schemas[0]: it has no $id"},
		{"no file", "{request: {schema: {}}, schemas: [a.json]}", nil, "validate.schemas[0]: there is no file a.json"},
		{"a way up", "{request: {schema: {}}, schemas: [../a.json]}", nil, "validate.schemas[0]: it is not below the document's folder"},
		{"a number", "{request: {schema: {}}, schemas: [1]}", nil, "validate.schemas[0]: write the name of a file"},
		{"an expression", "{request: {schema: {}}, schemas: ['${request.path}']}", nil, "validate.schemas[0]: write the name of a file"},
		{"twice", "{request: {schema: {}}, schemas: [{$id: 'urn:a'},\n {$id: 'urn:a'}]}", nil, "doc.yaml:2:8: validate.schemas[1].$id: this is the $id of another schema as well, at "},
		{"twice, in a file", "{request: {schema: {}}, schemas: [{$id: 'urn:a'}, a.json]}", []string{"a.json={\"type\": \"string\",\n \"$id\": \"urn:a\"}"}, "a.json:2:9: $id: this is the $id of another schema as well, at "},
		{"with a fragment", "{request: {schema: {$id: 'urn:b#c'}}, schemas: [{$id: 'urn:a#b'}]}", nil, "validate.schemas[0].$id: its $id is not one that a schema can have"},
		{"a mistake in it", "{request: {schema: {$ref: 'urn:a'}}, schemas: [{$id: 'urn:a',\n items: {type: strin}}]}", nil, "doc.yaml:2:16: validate.schemas[0].items.type: this is no JSON Schema"},
		{"a mistake within it", "{request: {schema: {$ref: 'urn:b'}}, schemas: [{$id: 'urn:a', $defs: {b: {$id: 'urn:b',\n items: {type: strin}}}}]}", nil, "doc.yaml:2:16: validate.schemas[0].$defs.b.items.type: this is no JSON Schema"},
		{"a mistake in its file", "{request: {schema: {$ref: 'urn:a'}}, schemas: [a.json]}", []string{"a.json={\"$id\": \"urn:a\",\n\"items\": {\"type\": \"strin\"}}"}, "a.json:2:19: items.type: this is no JSON Schema"},
		{"nowhere", "{request: {schema: {$ref: 'urn:a#/x'}}, schemas: [{$id: 'urn:a'}]}", nil, "validate.request.schema.$ref: urn:a#/x leads nowhere"},
		{"another id", "{request: {schema: {$ref: 'urn:b'}}, schemas: [{$id: 'urn:a'}]}", nil, "validate.request.schema.$ref: urn:b cannot be had: it is not read"},
		{"a circle", "{request: {schema: {$ref: 'urn:a'}}, schemas: [{$id: 'urn:a', $ref: 'urn:b'}, {$id: 'urn:b', $ref: 'urn:a'}]}", nil, "it refers to itself for the same value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errs, _ := made(t, c.yaml, c.files...)
			if !strings.Contains(errs.Error(), c.want) || len(errs) > 0 && errs[0].Pos.Line == 0 {
				t.Errorf("got %q, want %q", errs.Error(), c.want)
			}
		})
	}
}

// A schema is as large as it is, not as often as it is looked at.
func TestLargeSchemas(t *testing.T) {
	types := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"t%d":{"properties":{"a":{"$ref":"#/$defs/t%d"}}},`, i, (i+1)%n)
		}
		return "a.json={\"$id\":\"urn:a\",\"$defs\":{" + b.String() + "\"x\":{}},\"$ref\":\"#/$defs/t0\"}"
	}
	for n, want := range map[int]string{3000: "", 20_000: "together the schemas have more than"} {
		_, errs, _ := made(t, "{request: {file: a.json}, schemas: [a.json]}", types(n))
		if !strings.Contains(errs.Error(), want) || want == "" && len(errs) > 0 {
			t.Errorf("%d types: got %v, want %q", n, errs, want)
		}
	}
}

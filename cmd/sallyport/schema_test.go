package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/gateway"
	"sallyport/schema"
)

// TestSchemaAcceptsWhatCheckAccepts runs the examples and the documents of the scripts past both.
func TestSchemaAcceptsWhatCheckAccepts(t *testing.T) {
	s := compiled(t)
	documents := 0
	for name, text := range documentsOf(t) {
		r := gateway.CheckBytes(name, []byte(text), gateway.Options{Env: func(string) (string, bool) { return "x", true }})
		if len(r.Errors) > 0 {
			continue // what is wrong with it is another test's matter
		}
		documents++
		if err := validate(t, s, name, text); err != nil {
			t.Errorf("%s: check accepts what the schema refuses: %v\n%s", name, err, text)
		}
	}
	if documents < 20 {
		t.Errorf("only %d documents were looked at", documents)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		"lisners: []",
		"listeners: [{ addr: ':80' }]",
		"routes: [{ match: /, policies: [{ rate_limit: { rate: 10 } }], respond: {} }]",
		"routes: [{ match: /, policies: [{ rate_limt: { rate: 10/s } }], respond: {} }]",
		"routes: [{ match: /, policies: [{ rate_limit: 10/s, wen: 'true' }], respond: {} }]",
		"routes: [{ match: /, respnd: {} }]",
		"routes: [{ match: { pth: / }, respond: {} }]",
		"routes: [{ respond: {} }]",
		"upstreams: { a: { targets: [http://x], balance: consistent_hash } }",
		"upstreams: { a: { targets: [http://x], balance: { consistent_hash: {} } } }",
		"upstreams: { a: { targets: [http://x], sticky: { ttl: 1h } } }",
		"limits: { idle: 60 }",
	} {
		if validate(t, s, "f", text) == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var text bytes.Buffer
	if err := printJSON(&text, documentSchema()); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///sallyport.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///sallyport.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, name, text string) error {
	t.Helper()
	n, errs := schema.Parse(name, []byte(text))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(schema.AppendJSON(nil, n)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// documentsOf collects every document of the scripts, by file and number.
func documentsOf(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../policies/*/*.txtar", "../../backends/*/*.txtar", "../../test/scripts/*.txtar", "../../examples/*.yaml", "../../examples/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, ".yaml") {
				all[file] = string(text)
				continue
			}
			for rest, n := string(text), 0; ; n++ {
				doc := section(rest, "config")
				if doc == "" {
					break
				}
				all[file+"#"+string(rune('0'+n))] = doc
				_, rest, _ = strings.Cut(rest, doc)
			}
		}
	}
	return all
}

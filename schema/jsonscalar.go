package schema

// JSON Schema of scalars. What is not text anyway may also be an expression.

import (
	"bytes"
	"encoding/json"
)

const (
	durationPattern = `^(none|([0-9]+(\.[0-9]+)?(d|h|m|s|ms|us|µs))+)$`
	sizePattern     = `^(none|[0-9]+(\.[0-9]+)?(GiB|MiB|KiB|GB|MB|KB|kB|B)?)$`
	ratePattern     = `^[0-9]+/(s|min|hour|day)$`
	percentPattern  = `^[0-9]+(\.[0-9]+)?%$`
)

// draft describes a scalar.
func (t *Type) draft(r *rules) object {
	switch t.kind {
	case textKind, secretKind, parsesKind, regexpKind:
		return t.text(r)
	case boolKind:
		return orExpression(object{"type": "boolean"})
	case intKind, uintKind:
		if len(r.enum) > 0 {
			return orExpression(object{"enum": bare(r.enum)})
		}
		s := r.counted(object{"type": "integer"}, "minimum", "maximum")
		if t.kind == uintKind && !r.hasMin {
			s["minimum"] = 0
		}
		return orExpression(s)
	case floatKind:
		return orExpression(r.counted(object{"type": "number"}, "minimum", "maximum"))
	case durationKind:
		return orExpression(object{"type": "string", "pattern": durationPattern})
	case sizeKind:
		return object{"anyOf": []any{object{"type": "integer", "minimum": 0},
			object{"type": "string", "pattern": sizePattern}, expression()}}
	case rateKind:
		return orExpression(object{"type": "string", "pattern": ratePattern})
	case percentKind:
		return orExpression(object{"type": "string", "pattern": percentPattern})
	}
	return object{"type": "string"}
}

func (t *Type) text(r *rules) object {
	if len(r.enum) > 0 {
		values := bare(r.enum)
		for _, e := range r.enum {
			if n := (scalarNode(e)); n.Kind != String {
				values = append(values, e) // the same in quotes
			}
		}
		return orExpression(object{"enum": values})
	}
	s := r.counted(object{"type": []any{"string", "number", "boolean"}}, "minLength", "maxLength")
	switch t.kind {
	case secretKind:
		s["writeOnly"] = true
	case regexpKind:
		s["format"] = "regex"
	}
	if r.hasMin || r.hasMax {
		return orExpression(s)
	}
	return s
}

// bare lists the values as YAML reads them without quotes.
func bare(enum []string) []any {
	var values []any
	for _, e := range enum {
		values = append(values, plain(AppendJSON(nil, scalarNode(e))))
	}
	return values
}

func scalarNode(text string) *Node {
	if n, errs := Parse("", []byte(text)); len(errs) == 0 && n.Kind <= String {
		return n
	}
	return &Node{Kind: String, Text: text}
}

func expression() object { return object{"type": "string", "pattern": `\$\{`} }

func orExpression(s object) object { return object{"anyOf": []any{s, expression()}} }

// plain decodes JSON, numbers as they are written.
func plain(text []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return string(text)
	}
	return v
}

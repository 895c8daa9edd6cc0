package schema

// JSON Schema 2020-12 of config structs: what editors complete and the UI's forms show. It accepts whatever Decode
// accepts, and expressions besides, since those are folded before decoding.

import (
	"maps"
	"reflect"
	"strings"
)

// A Choice is one sort of thing that a node tagged kind:"…" may hold: a map whose one entry has the choice's Name and
// the Type's settings, or, with an empty Name, a value of the Type itself.
type Choice struct {
	Name    string
	Summary string
	Type    *Type
}

// JSONSchema describes the type.
func (t *Type) JSONSchema() map[string]any { return Document(t, nil) }

// Document describes t, with the choices for nodes by their tag kind. A *Node of a kind is one of the choices without a
// name, when there are such, otherwise of those with one; a struct with a rest of a kind takes the names among its
// settings.
func Document(t *Type, kinds map[string][]Choice) map[string]any {
	d := drafter{kinds: kinds, defs: object{}, uses: map[reflect.Type]int{}}
	d.count(t)
	for _, choices := range kinds {
		for _, c := range choices {
			d.count(c.Type)
		}
	}
	s := d.schema(t, &rules{}, "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	for name, choices := range kinds {
		d.choices(name, choices)
	}
	if len(d.defs) > 0 {
		s["$defs"] = d.defs
	}
	return s
}

type object = map[string]any

type drafter struct {
	kinds map[string][]Choice
	defs  object
	uses  map[reflect.Type]int // how often a struct with a name occurs; those with two get a definition
}

func (d *drafter) count(t *Type) {
	if t.elem != nil {
		d.count(t.elem)
	}
	if t.kind != structKind {
		return
	}
	if d.uses[t.gotype]++; d.uses[t.gotype] > 1 {
		return
	}
	for _, f := range t.fields {
		if f.later == "" {
			d.count(f.typ)
		}
	}
}

func (d *drafter) choices(kind string, choices []Choice) {
	var named, whole []any
	for _, c := range choices {
		s := d.schema(c.Type, &rules{}, kind)
		if c.Name == "" {
			whole = append(whole, s)
			continue
		}
		described := object{"description": c.Summary}
		maps.Copy(described, s)
		d.defs[kind+"."+c.Name] = described
		named = append(named, object{"type": "object", "properties": object{c.Name: ref(kind + "." + c.Name)},
			"required": []any{c.Name}, "additionalProperties": false})
	}
	switch {
	case len(whole) > 0:
		d.defs[kind] = object{"anyOf": whole}
	case len(named) > 0:
		d.defs[kind] = object{"oneOf": named}
	default:
		d.defs[kind] = object{}
	}
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// zero is a fresh value's address, for the methods that a type has.
func (t *Type) zero() any { return reflect.New(t.gotype).Interface() }

// schema describes values of a type under rules; holds is the tag kind of the nodes in it.
func (d *drafter) schema(t *Type, r *rules, holds string) object {
	switch t.kind {
	case pointerKind:
		return d.schema(t.elem, r, holds)
	case structKind:
		return d.structure(t)
	case listKind:
		s := object{"type": nullable("array", r), "items": d.schema(t.elem, &rules{enum: r.enum}, holds)}
		return r.counted(s, "minItems", "maxItems")
	case mapKind:
		s := object{"type": nullable("object", r), "additionalProperties": d.schema(t.elem, &rules{enum: r.enum}, holds)}
		return r.counted(s, "minProperties", "maxProperties")
	case nodeKind:
		if _, ok := d.kinds[holds]; ok {
			return ref(holds)
		}
		return object{}
	case ownKind:
		return d.own(t)
	}
	return t.draft(r)
}

// own asks a type that reads itself. What it took from Document belongs to the root of the schema.
func (d *drafter) own(t *Type) object {
	o, ok := t.zero().(interface{ JSONSchema() map[string]any })
	if !ok {
		return object{}
	}
	s := maps.Clone(o.JSONSchema())
	if defs, ok := s["$defs"].(object); ok {
		maps.Copy(d.defs, defs)
	}
	delete(s, "$defs")
	delete(s, "$schema")
	return s
}

// nullable is the type of something that may also be written as nothing, for none of it.
func nullable(name string, r *rules) any {
	if r.hasMin && r.min > 0 {
		return name
	}
	return []any{name, "null"}
}

func (r *rules) counted(s object, least, most string) object {
	if r.hasMin {
		s[least] = r.min
	}
	if r.hasMax {
		s[most] = r.max
	}
	return s
}

func (d *drafter) structure(t *Type) object {
	if t.gotype.Name() == "" || d.uses[t.gotype] < 2 {
		return d.expanded(t)
	}
	name := strings.NewReplacer("/", ".", "[", "-", "]", "", "*", "").Replace(t.gotype.PkgPath() + "." + t.gotype.Name())
	if d.defs[name] == nil {
		d.defs[name] = true // a struct that contains itself finds the name taken
		d.defs[name] = d.expanded(t)
	}
	return ref(name)
}

func (d *drafter) expanded(t *Type) object {
	properties, required := object{}, []any{}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if t.rest != nil {
		choices, known := d.kinds[t.rest.kind]
		s["additionalProperties"] = !known
		for _, c := range choices {
			if c.Name == "" {
				continue
			}
			properties[c.Name] = ref(t.rest.kind + "." + c.Name)
		}
	}
	for _, f := range t.fields {
		if f.later != "" {
			continue
		}
		properties[f.name] = d.property(f)
		if f.needed() {
			required = append(required, f.name)
		}
	}
	if len(required) > 0 {
		s["required"] = required
	} else {
		s["type"] = []any{"object", "null"}
	}
	if t.short != nil {
		return object{"anyOf": []any{s, d.setting(t.short)}}
	}
	return s
}

// needed says whether a document must give the setting, itself or something in it.
func (f *field) needed() bool {
	if f.later != "" || f.typ.kind != structKind || f.node != nil {
		return f.later == "" && !f.optional
	}
	for _, inner := range f.typ.fields {
		if inner.needed() {
			return true
		}
	}
	return !f.optional
}

func (d *drafter) setting(f *field) object {
	s := d.schema(f.typ, &f.rules, f.kind)
	if f.one {
		return object{"anyOf": []any{s, d.schema(f.typ.elem, &rules{enum: f.rules.enum}, f.kind)}}
	}
	return s
}

func (d *drafter) property(f *field) object {
	p := maps.Clone(d.setting(f))
	p["description"] = f.doc
	if f.node != nil {
		p["default"] = f.fallback()
	}
	return p
}

// fallback is the default as JSON has it.
func (f *field) fallback() any {
	if k := f.typ.base().kind; f.node.Kind == String && (k == boolKind || f.typ.base().numeric()) {
		return plain([]byte(f.text))
	}
	return plain(AppendJSON(nil, f.node))
}

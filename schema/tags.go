package schema

// The tags of one field.

import (
	"fmt"
	"reflect"
	"strings"
)

func (r reader) field(t *Type, f reflect.StructField) *field {
	tag, tagged := f.Tag.Lookup("json")
	name, option, _ := strings.Cut(tag, ",")
	fail := func(format string, args ...any) {
		panic(fmt.Sprintf("schema: %s.%s: ", t.gotype, f.Name) + fmt.Sprintf(format, args...))
	}
	later := f.Tag.Get("later")
	switch {
	case !tagged && !f.IsExported(), tag == "-" && f.Tag.Get("rest") == "":
		return nil
	case !tagged:
		fail("it has no json tag")
	case later == "" && !f.IsExported():
		fail("it has a json tag and is not exported")
	case f.Tag.Get("rest") != "":
		if f.Type != reflect.TypeFor[[]*Field]() {
			fail("the rest must be []*schema.Field")
		}
		t.rest = &field{index: f.Index, kind: f.Tag.Get("kind"), doc: f.Tag.Get("doc")}
		return nil
	case !snake(name) || option != "":
		fail("the name %q is not in snake_case", tag)
	}
	s := &field{name: name, doc: f.Tag.Get("doc"), index: f.Index, kind: f.Tag.Get("kind"), later: later, one: f.Tag.Get("one") != "", meant: f.Tag.Get("meant") != ""}
	if later != "" {
		return s
	}
	s.typ = r.read(f.Type)
	if !strings.HasSuffix(s.doc, ".") {
		fail("its doc must be a sentence that ends in a full stop")
	}
	if s.one && s.typ.kind != listKind {
		fail("one is for lists")
	}
	if err := s.rules.read(f.Tag, s.typ); err != nil {
		fail("%v", err)
	}
	if f.Tag.Get("short") != "" {
		t.short = s
	}
	if err := s.defaults(f.Tag); err != nil {
		fail("%v", err)
	}
	return s
}

// defaults decides whether the setting may be left out, and checks that its default is one.
func (f *field) defaults(tag reflect.StructTag) error {
	text, given := tag.Lookup("default")
	f.optional = given
	switch f.typ.kind {
	case listKind, mapKind, pointerKind, nodeKind, boolKind, regexpKind, urlKind, structKind:
		f.optional = true // a struct reports what it misses itself
	}
	if tag.Get("required") != "" {
		if given {
			return fmt.Errorf("it is required and has a default")
		}
		f.optional = false
	}
	if f.text = text; text == "" {
		return nil // the zero value
	}
	if f.typ.base().compound() {
		var errs Errors
		if f.node, errs = Parse("", []byte(text)); len(errs) > 0 {
			return fmt.Errorf("its default is no YAML: %w", errs)
		}
	} else {
		f.node = &Node{Kind: String, Text: text, Literal: f.typ.base().kind != ownKind}
	}
	if f.typ.base().kind == ownKind {
		return nil // only what it reads at run time can tell
	}
	d := decoder{}
	d.setting(f.node, reflect.New(f.typ.gotype).Elem(), f, "default")
	if len(d.errs) > 0 {
		return d.errs
	}
	return nil
}

// base is what a pointer points to.
func (t *Type) base() *Type {
	for t.kind == pointerKind {
		t = t.elem
	}
	return t
}

// compound says whether values of the type are written as lists or maps.
func (t *Type) compound() bool {
	return t.kind == listKind || t.kind == mapKind || t.kind == structKind || t.kind == nodeKind
}

func snake(name string) bool {
	for i, r := range name {
		if (r < 'a' || r > 'z') && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

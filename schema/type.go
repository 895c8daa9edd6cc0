package schema

// Config structs and their tags, read once at start. A wrong declaration is a bug of the program, so it panics.
//
// Tags of a field:
//
//	json:"name"     the setting's name; "-" leaves the field out. An embedded struct has none: its settings count as the outer's.
//	rest:"true"     on []*Field, with json:"-": the entries that no other setting takes; their owner checks them
//	doc:"…"         one sentence: what the setting does
//	default:"…"     what counts when it is not given, written as in a document; "" is the zero value
//	required:"true" it must be given, also where it could be left out by its type
//	min, max        bounds of a number, duration, size or percentage; of the length of text, a list or a map
//	enum:"a,b"      the values that are allowed; of a URL the schemes
//	short:"true"    anything but a map in place of the struct is this setting
//	meant:"true"    on a list that may be left out: what is no map in place of the struct was meant for it, and the error says how to write that
//	one:"true"      on a list: a single item may stand for a list of one
//	kind:"policy"   on *Node, lists and maps of it, and the rest: what it may hold, for the JSON Schema
//	later:"…"       in the contract but not built: what it is. Giving it is an error. The field's Go type is of no matter.
//
// A setting may be left out when it has a default, or is a list, map, pointer, boolean, Node, or a struct all of
// whose settings may be left out. All others must be given.

import (
	"fmt"
	"reflect"
)

// GoType is reflect.Type, for those who have to name it in a signature and do nothing else with it.
type GoType = reflect.Type

// A Type is what a config struct, or any type that a setting can have, says about itself.
type Type struct {
	kind   kind
	gotype reflect.Type
	elem   *Type // of a list, map or pointer
	fields []*field
	short  *field
	rest   *field
}

type kind uint8

const (
	textKind kind = iota
	boolKind
	intKind
	uintKind
	floatKind
	durationKind
	sizeKind
	rateKind
	percentKind
	secretKind
	regexpKind
	urlKind
	prefixKind
	addrKind
	parsesKind // encoding.TextUnmarshaler
	ownKind    // Unmarshaler
	nodeKind
	structKind
	pointerKind
	listKind
	mapKind
)

// A field is one setting of a struct.
type field struct {
	name     string
	doc      string
	index    []int // for reflect.Value.FieldByIndex
	typ      *Type
	node     *Node  // of the default, nil for none
	optional bool   // may be left out
	text     string // of the default, as declared
	rules    rules
	later    string
	kind     string // tag
	one      bool
	meant    bool
}

// Of reads the tags of T.
func Of[T any]() *Type {
	r := reader{}
	return r.read(reflect.TypeFor[T]())
}

// Unmarshaler is a type that reads its setting itself. It may have a JSONSchema() map[string]any for the schema, and
// for the reference a SchemaKind() string ("expression") and a SchemaType() *Type, the type of the maps that it takes.
type Unmarshaler interface {
	UnmarshalNode(n *Node, path string) Errors
}

// A reader keeps what it has read, so that a struct may contain itself.
type reader map[reflect.Type]*Type

func (r reader) read(g reflect.Type) *Type {
	if t := r[g]; t != nil {
		return t
	}
	t := &Type{gotype: g}
	r[g] = t
	if t.kind = special(g); t.kind != structKind {
		return t
	}
	switch g.Kind() {
	case reflect.Struct:
		r.structure(t)
	case reflect.Pointer:
		t.kind, t.elem = pointerKind, r.read(g.Elem())
	case reflect.Slice:
		t.kind, t.elem = listKind, r.read(g.Elem())
	case reflect.Map:
		if g.Key().Kind() != reflect.String {
			panic("schema: the keys of " + g.String() + " are no strings")
		}
		t.kind, t.elem = mapKind, r.read(g.Elem())
	case reflect.String:
		t.kind = textKind
	case reflect.Bool:
		t.kind = boolKind
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		t.kind = intKind
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		t.kind = uintKind
	case reflect.Float32, reflect.Float64:
		t.kind = floatKind
	default:
		panic("schema: no setting can be a " + g.String())
	}
	return t
}

func (r reader) structure(t *Type) {
	for _, f := range reflect.VisibleFields(t.gotype) {
		if f.Anonymous || len(f.Index) > 1 && !embedded(t.gotype, f.Index) {
			continue
		}
		if s := r.field(t, f); s != nil {
			t.add(s)
		}
	}
	if t.short != nil && (t.short.typ.kind == mapKind || t.short.typ.kind == structKind) {
		panic(fmt.Sprintf("schema: %s.%s cannot be short: a map in its place would be taken for the whole", t.gotype, t.short.name))
	}
}

// embedded says whether a promoted field comes from structs without a name of their own.
func embedded(g reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := g.Field(i)
		if f.Type.Kind() != reflect.Struct {
			panic("schema: " + g.String() + " embeds a " + f.Type.String() + "; embed structs only")
		}
		g = f.Type
	}
	return true
}

func (t *Type) add(f *field) {
	for _, other := range t.fields {
		if other.name == f.name {
			panic(fmt.Sprintf("schema: %s has two settings named %s", t.gotype, f.name))
		}
	}
	t.fields = append(t.fields, f)
}

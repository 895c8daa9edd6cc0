package schema

// Decoding: a document's node into a config struct, with every error at once.

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Decode fills into, a pointer to the type's T, from n, which stands at path in the document. A nil n means all
// defaults. Whatever is wrong is in the errors; into is complete only without any.
func (t *Type) Decode(n *Node, into any, path string) Errors {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Type().Elem() != t.gotype {
		panic(fmt.Sprintf("schema: decoding a %s into a %T", t.gotype, into))
	}
	d := decoder{}
	d.value(n, v.Elem(), t, &rules{}, path)
	return d.errs
}

// Join is the path of name within path.
func Join(path, name string) string {
	if !plainName(name) {
		return path + "[" + strconv.Quote(Clip(name)) + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// Index is the path of item i within path.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func plainName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 64
}

const dynamic = `an expression that depends on the request cannot stand here; only env.X, env("X", "default") and file("path") can`

type decoder struct{ errs Errors }

// setting decodes one setting of a struct that was given.
func (d *decoder) setting(n *Node, v reflect.Value, f *field, path string) {
	if f.one && n.Kind != List && n.Kind != Null {
		n = &Node{Kind: List, Items: []*Node{n}, Pos: n.Pos}
	}
	d.value(n, v, f.typ, &f.rules, path)
}

func (d *decoder) value(n *Node, v reflect.Value, t *Type, r *rules, path string) {
	if n != nil && n.Faulty {
		return
	}
	switch t.kind {
	case nodeKind:
		if n != nil {
			v.Set(reflect.ValueOf(n))
		}
	case ownKind:
		if n == nil {
			n = &Node{}
		}
		d.errs = append(d.errs, v.Addr().Interface().(Unmarshaler).UnmarshalNode(n, path)...)
	case pointerKind:
		if n != nil && n.Kind == Null && !n.Literal && t.base().kind == structKind {
			d.errs.Add(n, path, "nothing is given; write {} for its defaults, or leave the setting out")
			return
		}
		v.Set(reflect.New(t.elem.gotype))
		d.value(n, v.Elem(), t.elem, r, path)
	case structKind:
		d.structure(n, v, t, path)
	case listKind:
		d.list(n, v, t, r, path)
	case mapKind:
		d.entries(n, v, t, r, path)
	default:
		d.scalar(n, v, t, r, path)
	}
}

func (d *decoder) scalar(n *Node, v reflect.Value, t *Type, r *rules, path string) {
	if n == nil {
		return
	}
	if wrong := t.refuses(n); wrong != "" {
		d.errs.Add(n, path, "%s", wrong)
		return
	}
	n.Secret = n.Secret || t.kind == secretKind
	text := n.Text
	if n.Literal && t.kind != textKind && t.kind != secretKind {
		text = strings.TrimSpace(text) // a file ends with a line end
	}
	if err := t.scalar(text, v, r); err != nil {
		d.errs.Add(n, path, "%s: %v", t.shown(text), err)
		return
	}
	if wrong := r.check(v, t, text); wrong != "" {
		d.errs.Add(n, path, "%s: %s", t.shown(text), wrong)
	}
}

// refuses says why a node of its kind cannot be a value of the type; "" when it can.
func (t *Type) refuses(n *Node) string {
	switch {
	case n.Literal:
		return ""
	case n.Kind == Null:
		return fmt.Sprintf("nothing is given where %s is wanted; write it, or leave the setting out", t.words())
	case n.Kind == List || n.Kind == Map:
		return fmt.Sprintf("%s is given where %s is wanted", n.Kind, t.words())
	case strings.Contains(n.Text, "${"):
		return dynamic
	case t.numeric() && n.Quoted:
		return fmt.Sprintf("%q is in quotes; write %s without them", Clip(n.Text), t.words())
	case t.kind == boolKind && n.Kind != Bool:
		return fmt.Sprintf("%q is %s; write true or false", Clip(n.Text), n.Kind)
	}
	return ""
}

func (t *Type) numeric() bool { return t.kind == intKind || t.kind == uintKind || t.kind == floatKind }

// shown is text for a message, unless it may hold a secret.
func (t *Type) shown(text string) string {
	switch {
	case t.kind == secretKind:
		return masked
	case t.kind == urlKind && strings.Contains(text, "@"):
		return "the URL"
	}
	return strconv.Quote(Clip(text))
}

func (d *decoder) list(n *Node, v reflect.Value, t *Type, r *rules, path string) {
	if n == nil || n.Kind == Null && !n.Literal {
		n = &Node{Kind: List, Pos: n.pos()}
	}
	if n.Kind != List {
		d.errs.Add(n, path, "%s is given where %s is wanted; %s", n.Kind, t.words(), n.expanded("begin each item with a dash, or put them in [ ]"))
		return
	}
	list := reflect.MakeSlice(t.gotype, len(n.Items), len(n.Items))
	item := &rules{enum: r.enum}
	for i, c := range n.Items {
		d.value(c, list.Index(i), t.elem, item, Index(path, i))
		Yield(i)
	}
	v.Set(list)
	if wrong := r.check(v, t, ""); wrong != "" {
		d.errs.Add(n, path, "%d items: %s", len(n.Items), wrong)
	}
}

func (d *decoder) entries(n *Node, v reflect.Value, t *Type, r *rules, path string) {
	if n == nil || n.Kind == Null && !n.Literal {
		n = &Node{Kind: Map, Pos: n.pos()}
	}
	if n.Kind != Map {
		d.errs.Add(n, path, "%s is given where %s is wanted; %s", n.Kind, t.words(), n.expanded("write each entry as name: value"))
		return
	}
	entries := reflect.MakeMapWithSize(t.gotype, len(n.Fields))
	item := &rules{enum: r.enum}
	for _, f := range n.Fields {
		e := reflect.New(t.elem.gotype).Elem()
		d.value(f.Node, e, t.elem, item, Join(path, f.Name))
		entries.SetMapIndex(reflect.ValueOf(f.Name).Convert(t.gotype.Key()), e)
	}
	v.Set(entries)
	if wrong := r.check(v, t, ""); wrong != "" {
		d.errs.Add(n, path, "%d entries: %s", len(n.Fields), wrong)
	}
}

// expanded explains that an expression cannot make a list or map at load.
func (n *Node) expanded(otherwise string) string {
	if !n.Literal && n.Kind == String && strings.Contains(n.Text, "${") {
		return "an expression cannot stand for it"
	}
	return otherwise
}

func (n *Node) pos() Pos {
	if n == nil {
		return Pos{}
	}
	return n.Pos
}

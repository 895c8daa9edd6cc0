package schema

// Decoding of config structs: their settings, what is missing, and their own checks.

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

func (d *decoder) structure(n *Node, v reflect.Value, t *Type, path string) {
	if n != nil && n.Kind != Map && (n.Kind != Null || n.Literal) {
		d.shorthand(n, v, t, path)
		return
	}
	before := len(d.errs)
	given := d.given(n, v, t, path)
	d.absent(n, v, t, given, path)
	if len(d.errs) == before {
		d.check(n, v, path)
	}
}

// shorthand takes what is not a map for the one setting that is marked short.
func (d *decoder) shorthand(n *Node, v reflect.Value, t *Type, path string) {
	if t.short == nil {
		d.errs.Add(n, path, "%s is given where %s is wanted; %s", n.Kind, t.words(), n.expanded(t.instead(n)))
		return
	}
	before := len(d.errs)
	d.setting(n, v.FieldByIndex(t.short.index), t.short, path)
	given := make(marks, len(t.fields))
	_, i := t.field(t.short.name)
	given[i] = true
	d.absent(n, v, t, given, path)
	if len(d.errs) == before {
		d.check(n, v, path)
	}
}

// instead is how to write n, which is no map, as one: where a list is all that must be given, n or what it lists is meant for it.
func (t *Type) instead(n *Node) string {
	var must []*field
	for _, f := range t.fields {
		if (!f.optional || f.meant) && f.later == "" {
			must = append(must, f)
		}
	}
	if len(must) != 1 || must[0].typ.kind != listKind || n.Kind == Null {
		return "the settings here are " + strings.Join(t.Names(), ", ")
	}
	text := "…"
	if n.Kind != List && !n.Literal && !strings.ContainsAny(n.Text, "@,[]{}\"'#\n") { // may be a secret, or need quotes
		text = Clip(n.Text)
	}
	return fmt.Sprintf("write { %s: [%s] }", must[0].name, text)
}

// missing says that a setting must be given. Its type is told of unless the name says it: a match is a match.
func (f *field) missing() string {
	kind := f.typ.words()
	if strings.HasSuffix(kind, " "+f.name) {
		return fmt.Sprintf("%q is missing: %s", f.name, f.doc)
	}
	return fmt.Sprintf("%q is missing, %s: %s", f.name, kind, f.doc)
}

// marks says which fields of a struct were given, by index.
type marks []bool

// given decodes the settings that n has.
func (d *decoder) given(n *Node, v reflect.Value, t *Type, path string) marks {
	given := make(marks, len(t.fields))
	if n == nil {
		return given
	}
	var rest []*Field
	for _, entry := range n.Fields {
		f, i := t.field(entry.Name)
		switch {
		case f == nil && t.rest != nil:
			rest = append(rest, entry)
		case f == nil:
			d.errs.Unknown(entry, Join(path, entry.Name), t.Names(), t.later()...)
		case f.later != "":
			d.errs = append(d.errs, &Error{Pos: entry.Pos, Path: Join(path, entry.Name), Msg: "not yet: " + f.later})
		default:
			given[i] = true
			d.setting(entry.Node, v.FieldByIndex(f.index), f, Join(path, f.name))
		}
	}
	if t.rest != nil {
		v.FieldByIndex(t.rest.index).Set(reflect.ValueOf(rest))
	}
	return given
}

// absent fills in defaults and reports what must be given.
func (d *decoder) absent(n *Node, v reflect.Value, t *Type, given marks, path string) {
	for i, f := range t.fields {
		switch {
		case f.later != "" || given[i]:
		case !f.optional:
			d.errs.Add(n, path, "%s", f.missing())
		case f.node != nil:
			d.setting(f.node.moved(n.pos()), v.FieldByIndex(f.index), f, Join(path, f.name))
		case f.typ.kind == structKind:
			d.structure(n.empty(), v.FieldByIndex(f.index), f.typ, Join(path, f.name))
		}
	}
}

// moved is n as if it stood at pos.
func (n *Node) moved(pos Pos) *Node {
	c := *n
	c.Pos = pos
	return &c
}

// empty is a map without entries at n's place.
func (n *Node) empty() *Node {
	if n == nil {
		return nil
	}
	return &Node{Kind: Map, Pos: n.Pos}
}

func (t *Type) field(name string) (f *field, index int) {
	for i, f := range t.fields {
		if f.name == name {
			return f, i
		}
	}
	return nil, -1
}

// Names lists the settings of a struct, without those to come later.
func (t *Type) Names() []string {
	var names []string
	for _, f := range t.base().fields {
		if f.later == "" {
			names = append(names, f.name)
		}
	}
	return names
}

// later lists the settings to come.
func (t *Type) later() []string {
	var names []string
	for _, f := range t.fields {
		if f.later != "" {
			names = append(names, f.name)
		}
	}
	return names
}

// check asks the struct itself: one with Check() error judges its settings together once each is right.
func (d *decoder) check(n *Node, v reflect.Value, path string) {
	if c, ok := v.Addr().Interface().(interface{ Check() error }); ok {
		d.errs.Wrong(n, path, c.Check())
	}
}

// At says that err is about a setting ("rate", "calls.user", "limits[1]") of the struct whose Check returns it.
func At(setting string, err error) error { return &atError{setting, err} }

type atError struct {
	setting string
	err     error
}

func (e *atError) Error() string { return e.setting + ": " + e.err.Error() }
func (e *atError) Unwrap() error { return e.err }

// Wrong appends err, which a check of the settings at n returned: each of joined errors by itself, what At
// marked at its setting. A nil err adds nothing.
func (es *Errors) Wrong(n *Node, path string, err error) {
	switch err := err.(type) { //nolint:errorlint // what wraps one of these is text of its own
	case nil:
	case Errors:
		*es = append(*es, err...)
	case *Error:
		*es = append(*es, err)
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			es.Wrong(n, path, e)
		}
	case *atError:
		inner := n.find(err.setting)
		if path != "" && !strings.HasPrefix(err.setting, "[") {
			path += "."
		}
		es.Wrong(inner, path+err.setting, err.err)
	default:
		es.Add(n, path, "%v", err)
	}
}

// find follows a path such as "limits[1].rate" as far as n has it.
func (n *Node) find(path string) *Node {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := n.Field(step)
		if i, err := strconv.Atoi(step); err == nil && n != nil && n.Kind == List && i >= 0 && i < len(n.Items) {
			next = n.Items[i]
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

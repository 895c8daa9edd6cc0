package xmlmap

import (
	"errors"
	"slices"
	"strings"

	"sallyport/jsonspan"
)

// This file makes XML of JSON.

var (
	errOne     = errors.New("it is no object with one member, the element of the document")
	errObject  = errors.New("it is no object, and there is none but for elements")
	errMember  = errors.New("it has a name that is none of an element or attribute, or one with a prefix that is not under namespaces")
	errNested  = errors.New("it has an array in an array, for which XML has nothing")
	errText    = errors.New("it has a character that XML has no way to write")
	errComplex = errors.New("it has an attribute or text that is an object or array")
)

// XML makes XML of JSON.
func (m *Mapper) XML(b []byte) ([]byte, error) {
	v, err := jsonspan.Check(b)
	if err != nil {
		return nil, err
	}
	w := &xmlWriter{Mapper: m, out: append(make([]byte, 0, len(b)+len(b)/2+256), `<?xml version="1.0" encoding="UTF-8"?>`...)}
	if len(m.wrap) == 0 {
		if jsonspan.KindOf(v) != jsonspan.Object || jsonspan.Len(v) != 1 {
			return nil, errOne
		}
		members := jsonspan.Members(v)
		members.Next()
		if jsonspan.KindOf(members.Value) == jsonspan.List {
			return nil, errOne
		}
		err := w.element(jsonspan.TextOf(members.Name), members.Value, true)
		return w.out, err
	}
	last := len(m.wrap) - 1
	for i, name := range m.wrap[:last] {
		w.out = append(append(w.out, '<'), name...)
		if i == 0 {
			w.declare()
		}
		w.out = append(w.out, '>')
		w.at = append(w.at, name)
	}
	if k := jsonspan.KindOf(v); k == jsonspan.List {
		return nil, errObject
	}
	if err := w.element(m.wrap[last], v, last == 0); err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(m.wrap[:last]) {
		w.end(name)
	}
	return w.out, nil
}

type xmlWriter struct {
	*Mapper
	out   []byte
	at    []string
	count int
}

// declare writes all namespaces.
func (w *xmlWriter) declare() {
	for _, d := range w.declarations {
		w.out = append(append(append(w.out, ' '), d[0]...), '=', '"')
		w.out = escape(w.out, d[1], true)
		w.out = append(w.out, '"')
	}
}

func (w *xmlWriter) end(name string) { w.out = append(append(append(w.out, '<', '/'), name...), '>') }

// element writes v as an element.
func (w *xmlWriter) element(name string, v []byte, top bool) error {
	if !w.known(name) {
		return errMember
	}
	if w.count++; w.count > w.most {
		return errMany
	}
	if len(w.at) >= w.depth {
		return errDeep
	}
	if len(w.out) > w.large {
		return ErrLarge
	}
	w.at = append(w.at, name)
	w.out = append(append(w.out, '<'), name...)
	if top {
		w.declare()
	}
	var err error
	switch jsonspan.KindOf(v) {
	case jsonspan.Object:
		if err = w.attributes(v); err == nil {
			w.out = append(w.out, '>')
			err = w.members(v)
		}
	case jsonspan.Word:
		if string(v) == "null" {
			if w.xsi != "" {
				w.out = append(append(append(w.out, ' '), w.xsi...), `:nil="true"`...)
			}
			w.out = append(w.out, '/', '>')
			w.at = w.at[:len(w.at)-1]
			return nil
		}
		w.out = append(append(w.out, '>'), v...)
	default:
		w.out = append(w.out, '>')
		err = w.scalar(v, false)
	}
	w.end(name)
	if w.at = w.at[:len(w.at)-1]; err == nil && len(w.out) > w.large {
		err = ErrLarge
	}
	return err
}

// attributes writes those of an object.
func (w *xmlWriter) attributes(v []byte) error {
	for members := jsonspan.Members(v); members.Next(); {
		name, is := strings.CutPrefix(jsonspan.TextOf(members.Name), w.attribute)
		if !is || string(members.Value) == "null" {
			continue
		}
		if !w.known(name) || strings.HasPrefix(name, "xmlns") {
			return errMember
		}
		if w.count++; w.count > w.most {
			return errMany
		}
		w.out = append(append(append(w.out, ' '), name...), '=', '"')
		if err := w.scalar(members.Value, true); err != nil {
			return err
		}
		w.out = append(w.out, '"')
	}
	return nil
}

// members writes what is no attribute of an object.
func (w *xmlWriter) members(v []byte) error {
	if len(w.order) == 0 {
		for members := jsonspan.Members(v); members.Next(); {
			if err := w.member(jsonspan.TextOf(members.Name), members.Value); err != nil {
				return err
			}
		}
		return nil
	}
	type child struct {
		name  string
		value []byte
		rank  int
	}
	var children []child
	for members := jsonspan.Members(v); members.Next(); {
		name := jsonspan.TextOf(members.Name)
		rank := first(w.order, append(w.at, name))
		if rank < 0 {
			rank = len(w.order)
		}
		children = append(children, child{name, members.Value, rank})
	}
	slices.SortStableFunc(children, func(a, b child) int { return a.rank - b.rank })
	for _, c := range children {
		if err := w.member(c.name, c.value); err != nil {
			return err
		}
	}
	return nil
}

func (w *xmlWriter) member(name string, v []byte) error {
	switch {
	case strings.HasPrefix(name, w.attribute):
		return nil
	case name == w.textName:
		if string(v) == "null" {
			return nil
		}
		return w.scalar(v, false)
	case jsonspan.KindOf(v) != jsonspan.List:
		return w.element(name, v, false)
	}
	for items := jsonspan.Items(v); items.Next(); {
		if jsonspan.KindOf(items.Value) == jsonspan.List {
			return errNested
		}
		if err := w.element(name, items.Value, false); err != nil {
			return err
		}
	}
	return nil
}

// scalar writes text, a number or a boolean.
func (w *xmlWriter) scalar(v []byte, attribute bool) error {
	switch jsonspan.KindOf(v) {
	case jsonspan.Object, jsonspan.List:
		return errComplex
	case jsonspan.Text:
		s := jsonspan.TextOf(v)
		if !xmlText(s) {
			return errText
		}
		w.out = escape(w.out, s, attribute)
	default:
		w.out = append(w.out, v...)
	}
	return nil
}

// known says whether name is one of an element, with a prefix that is declared if it has one.
func (m *Mapper) known(name string) bool {
	prefix, local, prefixed := strings.Cut(name, ":")
	if !prefixed {
		return ncName(name)
	}
	return ncName(local) && prefix != "_" && m.declared[prefix]
}

// escape appends s so that it is text and nothing else, and comes out as it went in.
func escape(b []byte, s string, attribute bool) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '\r':
			b = append(b, "&#13;"...)
		case attribute && c == '"':
			b = append(b, "&#34;"...)
		case attribute && c == '\n':
			b = append(b, "&#10;"...)
		case attribute && c == '\t':
			b = append(b, "&#9;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

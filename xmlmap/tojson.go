package xmlmap

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/jsonspan"
)

// This file makes JSON of XML.

// ErrLarge is why what would be made is not.
var ErrLarge = errors.New("what it makes is larger than it may be")

var errTake = errors.New("it has none of the elements that take names")

// JSON makes JSON of XML, which is in charset if that is not "" and no mark in front says otherwise. What its error says may be shown to whoever sent it.
func (m *Mapper) JSON(b []byte, charset string) ([]byte, error) {
	text, err := toUTF8(b, charset)
	if err != nil {
		return nil, err
	}
	root, err := m.read(text)
	if err != nil {
		return nil, err
	}
	w := &jsonWriter{Mapper: m, out: make([]byte, 0, len(text))}
	if len(m.take) == 0 {
		w.out = append(w.name(append(w.out, '{'), root.name), ':')
		w.at = append(w.at, root.name)
		if m.list(w.at) {
			w.out = append(w.out, '[')
			w.element(root)
			w.out = append(w.out, ']')
		} else {
			w.element(root)
		}
		return append(w.out, '}'), w.err
	}
	for i := range m.take {
		if e, at := find(root, m.take[i].steps, nil); e != nil {
			w.at = at
			w.element(e)
			return w.out, w.err
		}
	}
	return nil, errTake
}

// find follows steps from e on, the first of which is e's.
func find(e *element, steps, above []string) (*element, []string) {
	if steps[0] != "*" && steps[0] != e.name {
		return nil, nil
	}
	at := append(above[:len(above):len(above)], e.name)
	if len(steps) == 1 {
		return e, at
	}
	for _, c := range e.children {
		if found, where := find(c, steps[1:], at); found != nil {
			return found, where
		}
	}
	return nil, nil
}

type jsonWriter struct {
	*Mapper
	out []byte
	at  []string
	err error
}

func (m *Mapper) list(at []string) bool { return first(m.arrays, at) >= 0 }

func (w *jsonWriter) name(b []byte, s string) []byte { return jsonspan.AppendText(b, s) }

// element writes what is in e.
func (w *jsonWriter) element(e *element) {
	switch {
	case w.err != nil:
		return
	case len(w.out) > w.large:
		w.err = ErrLarge
		return
	case e.null && len(e.attributes) == 0:
		w.out = append(w.out, "null"...)
		return
	case len(e.attributes) == 0 && len(e.children) == 0:
		w.text(string(e.text))
		return
	}
	w.out = append(w.out, '{')
	comma := false
	next := func(name string) {
		if comma {
			w.out = append(w.out, ',')
		}
		comma = true
		w.out = append(w.name(w.out, name), ':')
	}
	for _, a := range e.attributes {
		next(a.name)
		w.at = append(w.at, a.name)
		w.text(a.value)
		w.at = w.at[:len(w.at)-1]
	}
	if len(e.text) > 0 {
		next(w.textName)
		w.text(string(e.text))
	}
	for _, group := range groups(e.children) {
		next(group[0].name)
		w.at = append(w.at, group[0].name)
		if len(group) > 1 || w.list(w.at) {
			w.out = append(w.out, '[')
			for i, c := range group {
				if i > 0 {
					w.out = append(w.out, ',')
				}
				w.element(c)
			}
			w.out = append(w.out, ']')
		} else {
			w.element(group[0])
		}
		w.at = w.at[:len(w.at)-1]
	}
	w.out = append(w.out, '}')
}

// groups puts children of a name together, where the first of them stands.
func groups(children []*element) (out [][]*element) {
	where := make(map[string]int, min(len(children), 64))
	for _, c := range children {
		i, there := where[c.name]
		if !there {
			where[c.name] = len(out)
			out = append(out, []*element{c})
			continue
		}
		out[i] = append(out[i], c)
	}
	return out
}

// text writes text as what it is declared to be.
func (w *jsonWriter) text(s string) {
	switch {
	case first(w.numbers, w.at) >= 0:
		n := strings.Trim(s, " \t\r\n")
		v, err := jsonspan.Check([]byte(n))
		if err != nil || jsonspan.KindOf(v) != jsonspan.Number {
			w.fail("number")
			return
		}
		w.out = append(w.out, v...)
	case first(w.booleans, w.at) >= 0:
		switch strings.Trim(s, " \t\r\n") {
		case "true", "1":
			w.out = append(w.out, "true"...)
		case "false", "0":
			w.out = append(w.out, "false"...)
		default:
			w.fail("boolean")
		}
	default:
		w.out = jsonspan.AppendText(w.out, s)
	}
}

func (w *jsonWriter) fail(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("what stands at /%s is no %s", strings.Join(w.at, "/"), what)
	}
	w.out = append(w.out, "null"...)
}

package jsonspan

// Putting members into a value, at paths.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Fill puts values at paths such as user.id and items[].currency, the items of a list being all meant, as for a Shape.
type Fill struct{ root *place }

// A Put is one path of a Fill.
type Put struct {
	Path string
	Keep bool // what stands there already stays
}

// A place is a name in a path.
type place struct {
	below map[string]*place
	order []string // of the names, as they were given
	list  bool     // the path says that it is a list, which is not made where there is none
	value int      // which is put here, -1 for none
	keep  bool
	must  bool // something below has to be put
}

// ErrNoObject is what a value fails with that has something else where an object has to be for something to be put into it.
var ErrNoObject = errors.New("something stands where an object has to be")

// ErrLarge is what a value fails with that would get larger than it may be: what is put stands in every item of a list.
var ErrLarge = errors.New("it gets larger than it may be")

// NewFill makes a Fill. An error names the index of its path; Setting is "".
func NewFill(puts []Put) (*Fill, error) {
	f := &Fill{&place{value: -1}}
	var errs []error
	for i, p := range puts {
		if err := f.add(i, p); err != nil {
			errs = append(errs, &PathError{Index: i, Err: err})
		}
	}
	return f, errors.Join(errs...)
}

func (f *Fill) add(i int, p Put) error {
	at := f.root
	rest := strings.TrimPrefix(p.Path, "$.")
	for strings.HasPrefix(rest, "[]") {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "[]"), ".")
	}
	for first := true; first || rest != ""; first = false {
		name, more, err := cutName(rest)
		if err != nil {
			return err
		}
		if at.value >= 0 {
			return fmt.Errorf("what is put at %s has no room for it", strings.TrimSuffix(strings.TrimSuffix(p.Path, rest), "."))
		}
		next := at.below[name]
		if next == nil {
			if at.below == nil {
				at.below = map[string]*place{}
			}
			next = &place{value: -1}
			at.below[name], at.order = next, append(at.order, name)
		}
		at.must = at.must || !p.Keep
		next.list = next.list || strings.Contains(strings.TrimSuffix(rest, more), "[]")
		at, rest = next, more
	}
	if at.value >= 0 || len(at.below) > 0 || at.list {
		return errors.New("something is put there, or below, already; a list as a whole has no brackets")
	}
	at.value, at.keep = i, p.Keep
	return nil
}

// Append appends v with the values put in, in the order of the paths. It fails with ErrLarge when that makes more than most bytes.
func (f *Fill) Append(dst, v []byte, values [][]byte, most int) ([]byte, error) {
	most += len(dst)
	dst, err := f.root.append(dst, v, values, most)
	if err == nil && len(dst) > most {
		return nil, ErrLarge
	}
	return dst, err
}

func (p *place) append(dst, v []byte, values [][]byte, most int) (_ []byte, err error) {
	if len(dst) > most {
		return nil, ErrLarge
	}
	switch KindOf(v) {
	case Object:
		return p.object(dst, v, values, most)
	case List:
		dst = append(dst, '[')
		first := true
		for w := Items(v); w.Next(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			if dst, err = p.append(dst, w.Value, values, most); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	if p.must {
		return nil, ErrNoObject
	}
	return append(dst, v...), nil
}

func (p *place) object(dst, v []byte, values [][]byte, most int) (_ []byte, err error) {
	var seen []string
	dst = append(dst, '{')
	comma := false
	for m := Members(v); m.Next(); {
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = append(append(dst, m.Name...), ':')
		next := named(p.below, m.Name)
		if next != nil {
			seen = append(seen, TextOf(m.Name))
		}
		switch {
		case next == nil, next.value >= 0 && next.keep:
			dst = append(dst, m.Value...)
		case next.value >= 0:
			dst = append(dst, values[next.value]...)
		default:
			if dst, err = next.append(dst, m.Value, values, most); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range p.order {
		if next := p.below[name]; !slices.Contains(seen, name) && next.makes() {
			if comma {
				dst = append(dst, ',')
			}
			comma = true
			dst = next.made(append(AppendText(dst, name), ':'), values)
		}
	}
	return append(dst, '}'), nil
}

// makes says whether p is made where there is none: all but lists, of whose items nobody knows.
func (p *place) makes() bool {
	if p.value >= 0 {
		return true
	}
	return !p.list && slices.ContainsFunc(p.order, func(name string) bool { return p.below[name].makes() })
}

func (p *place) made(dst []byte, values [][]byte) []byte {
	if p.value >= 0 {
		return append(dst, values[p.value]...)
	}
	dst = append(dst, '{')
	comma := false
	for _, name := range p.order {
		if next := p.below[name]; next.makes() {
			if comma {
				dst = append(dst, ',')
			}
			comma = true
			dst = next.made(append(AppendText(dst, name), ':'), values)
		}
	}
	return append(dst, '}')
}

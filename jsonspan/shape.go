package jsonspan

// Leaving members out of a value, and giving them other names.

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Shape changes which members objects have and how they are called, at paths such as items[].secret. The items of a list are
// all meant, also where the path does not say that there is one: what is to be left out must not stay because it comes as a list.
type Shape struct {
	root    *step
	selects bool
}

// A step is a name in a path.
type step struct {
	below    map[string]*step
	selected bool // it and all below it stay
	leads    bool // something below is selected
	omitted  bool
	as       string // its new name, "" for its own
}

// ErrTaken is what a value fails with that has the name already that one of its members was to get.
var ErrTaken = errors.New("a member cannot get the name of another one")

// ErrBare is what a value fails with of which members are selected, and that cannot have any: it is a text, a number, true or false.
var ErrBare = errors.New("members are selected of a value that can have none")

// A PathError is what is wrong with one path of a Shape.
type PathError struct {
	Setting string // "select", "omit" or "rename"
	Index   int    // in the list; of rename in the order of the paths
	Err     error
}

func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *PathError) Unwrap() error { return e.Err }

// NewShape makes a Shape: only what select names stays, everything when it names nothing; then omit leaves out, and rename gives new names,
// a pair of path and name each. The errors are PathErrors.
func NewShape(sel, omit []string, rename [][2]string) (*Shape, error) {
	s := &Shape{root: &step{}, selects: len(sel) > 0}
	var errs []error
	mark := func(setting string, i int, path string, set func(trail []*step) error) {
		trail, err := s.root.walk(path)
		if err == nil {
			err = set(trail)
		}
		if err != nil {
			errs = append(errs, &PathError{setting, i, err})
		}
	}
	for i, path := range sel {
		mark("select", i, path, func(trail []*step) error {
			for _, t := range trail {
				t.leads = true
			}
			trail[len(trail)-1].selected = true
			return nil
		})
	}
	for i, path := range omit {
		mark("omit", i, path, func(trail []*step) error {
			trail[len(trail)-1].omitted = true
			return nil
		})
	}
	for i, pair := range rename {
		mark("rename", i, pair[0], func(trail []*step) error { return trail[len(trail)-2].rename(trail[len(trail)-1], pair[1]) })
	}
	return s, errors.Join(errs...)
}

func (s *step) rename(which *step, as string) error {
	if as == "" || strings.ContainsAny(as, ".[]") {
		return fmt.Errorf("write the new name alone, not %q", as)
	}
	for _, other := range s.below {
		if other != which && other.as == as {
			return fmt.Errorf("two members get the name %q", as)
		}
	}
	which.as = as
	return nil
}

// walk returns the steps of a path, the root first, and makes those that there are not yet.
func (s *step) walk(path string) (trail []*step, err error) {
	trail = append(trail, s)
	rest := strings.TrimPrefix(path, "$.")
	for strings.HasPrefix(rest, "[]") {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "[]"), ".")
	}
	for first := true; first || rest != ""; first = false {
		var name string
		if name, rest, err = cutName(rest); err != nil {
			return nil, err
		}
		next := s.below[name]
		if next == nil {
			if s.below == nil {
				s.below = map[string]*step{}
			}
			next = &step{}
			s.below[name] = next
		}
		s = next
		trail = append(trail, s)
	}
	return trail, nil
}

// cutName takes the first name off a path, with the brackets behind it.
func cutName(path string) (name, rest string, err error) {
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	if strings.HasPrefix(path, `"`) {
		quoted, err := strconv.QuotedPrefix(path)
		if err != nil {
			return "", "", errors.New("a name in quotes has no end")
		}
		end = len(quoted)
		name, _ = strconv.Unquote(quoted)
	} else {
		name = path[:end]
	}
	rest = path[end:]
	for strings.HasPrefix(rest, "[]") {
		rest = rest[2:]
	}
	more := strings.HasPrefix(rest, ".")
	rest = strings.TrimPrefix(rest, ".")
	switch {
	case name == "" || strings.ContainsAny(name, "]*") && path[0] != '"':
		return "", "", fmt.Errorf("%q is no path; write one as items[].secret", path)
	case strings.HasPrefix(path[end:], "[") && !strings.HasPrefix(path[end:], "[]"):
		return "", "", errors.New("[] stands for all items of a list; single ones cannot be named")
	case more != (rest != ""), !more && rest != "":
		return "", "", errors.New("a path is names with dots between them")
	}
	return name, rest, nil
}

// Append appends v in its new shape.
func (s *Shape) Append(dst, v []byte) ([]byte, error) { return s.root.append(dst, v, s.selects) }

// append writes v; picking says that only what is selected stays.
func (s *step) append(dst, v []byte, picking bool) ([]byte, error) {
	if len(s.below) == 0 && !picking {
		return append(dst, v...), nil
	}
	switch KindOf(v) {
	case Object:
		return s.object(dst, v, picking)
	case List:
		return s.list(dst, v, picking)
	}
	if picking && string(v) != "null" {
		return nil, ErrBare // what is not selected must not stay for having no name
	}
	return append(dst, v...), nil
}

func (s *step) list(dst, v []byte, picking bool) (_ []byte, err error) {
	dst = append(dst, '[')
	first := true
	for w := Items(v); w.Next(); {
		if kind := KindOf(w.Value); picking && kind != Object && kind != List {
			continue // nothing of it is selected
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if dst, err = s.append(dst, w.Value, picking); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (s *step) object(dst, v []byte, picking bool) (_ []byte, err error) {
	if s.collides(v, picking) {
		return nil, ErrTaken
	}
	dst = append(dst, '{')
	first := true
	for m := Members(v); m.Next(); {
		next := named(s.below, m.Name)
		if !next.stays(m.Value, picking) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if next == nil {
			dst = append(append(append(dst, m.Name...), ':'), m.Value...)
			continue
		}
		dst = append(next.name(dst, m.Name), ':')
		if dst, err = next.append(dst, m.Value, picking && !next.selected); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// named finds what a map has by a name as it is written, mostly without making a text of it.
func named[T any](m map[string]*T, written []byte) *T {
	inner := written[1 : len(written)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return m[string(inner)]
	}
	return m[TextOf(written)]
}

// stays says whether a member is in the shape; s is nil for one that no path names.
func (s *step) stays(v []byte, picking bool) bool {
	switch {
	case s == nil:
		return !picking
	case s.omitted:
		return false
	case !picking || s.selected:
		return true
	}
	kind := KindOf(v)
	return s.leads && (kind == Object || kind == List)
}

func (s *step) name(dst, written []byte) []byte {
	if s.as == "" {
		return append(dst, written...)
	}
	return AppendText(dst, s.as)
}

// collides says whether two members of v would get the same name.
func (s *step) collides(v []byte, picking bool) bool {
	if !s.renames() {
		return false
	}
	names := map[string]bool{}
	for m := Members(v); m.Next(); {
		name := TextOf(m.Name)
		next := s.below[name]
		if !next.stays(m.Value, picking) {
			continue
		}
		if next != nil && next.as != "" {
			name = next.as
		}
		if names[name] {
			return true
		}
		names[name] = true
	}
	return false
}

// renames says whether members get other names.
func (s *step) renames() bool {
	for _, b := range s.below {
		if b.as != "" {
			return true
		}
	}
	return false
}

// AppendText appends s, which is UTF-8, as a text of JSON.
func AppendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// Package jsonspan works on JSON as it was written: it checks a text once, and from then on hands out, cuts and joins pieces of it
// (spans) without decoding them. So numbers keep every digit, members keep their order, and what nobody looks at costs nothing.
//
// Check comes first. All other functions take what it returned, or spans of that, and must not be given anything else.
package jsonspan

import "bytes"

// A Kind is what a span is, by its first byte.
type Kind byte

// The kinds of spans.
const (
	None Kind = iota // an empty span
	Object
	List
	Text
	Number
	Word // true, false, null
)

// KindOf returns what v is.
func KindOf(v []byte) Kind {
	if len(v) == 0 {
		return None
	}
	switch v[0] {
	case '{':
		return Object
	case '[':
		return List
	case '"':
		return Text
	case 't', 'f', 'n':
		return Word
	}
	return Number
}

// Find follows names from object to object and returns what stands there. found is false when a name is missing, or when what
// should have it is no object.
func Find(v []byte, path ...string) (at []byte, found bool) {
	for _, name := range path {
		if v, found = member(v, name); !found {
			return nil, false
		}
	}
	return v, true
}

func member(v []byte, name string) ([]byte, bool) {
	if KindOf(v) != Object {
		return nil, false
	}
	for m := Members(v); m.Next(); {
		if m.Is(name) {
			return m.Value, true
		}
	}
	return nil, false
}

// Members walks an object.
func Members(v []byte) Walk { return Walk{rest: v[1:]} }

// Items walks a list.
func Items(v []byte) Walk { return Walk{rest: v[1:], list: true} }

// A Walk stands at one member of an object or one item of a list, once Next returned true.
type Walk struct {
	Name  []byte // as written, with its quotes; nil in a list
	Value []byte

	rest []byte
	list bool
}

// Next moves on and says whether there was anything left.
func (w *Walk) Next() bool {
	i := spaces(w.rest, 0)
	if w.rest[i] == ',' {
		i = spaces(w.rest, i+1)
	}
	if w.rest[i] == '}' || w.rest[i] == ']' {
		return false
	}
	if !w.list {
		end := skipText(w.rest, i)
		w.Name = w.rest[i:end:end]
		i = spaces(w.rest, spaces(w.rest, end)+1) // behind the colon
	}
	end := skip(w.rest, i)
	w.Value, w.rest = w.rest[i:end:end], w.rest[end:]
	return true
}

// Is says whether the member has that name, however it is written.
func (w *Walk) Is(name string) bool {
	n := w.Name[1 : len(w.Name)-1]
	if bytes.IndexByte(n, '\\') < 0 {
		return string(n) == name
	}
	return string(unescape(nil, n)) == name
}

// Len counts the members of an object or the items of a list.
func Len(v []byte) (n int) {
	w := Walk{rest: v[1:], list: v[0] == '['}
	for w.Next() {
		n++
	}
	return n
}

// TextOf returns what a text span says.
func TextOf(v []byte) string {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return string(unescape(nil, inner))
}

// skip returns the index behind the value that begins at b[i].
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	return i
}

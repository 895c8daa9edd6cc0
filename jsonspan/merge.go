package jsonspan

// Joining values, in the order in which they are given.

import (
	"bytes"
	"fmt"
	"hash/maphash"
)

// A Rule says what becomes of what two values both have.
type Rule struct {
	Objects Objects
	Lists   Lists
}

// Objects says how objects are joined.
type Objects uint8

// The ways to join objects.
const (
	Deep    Objects = iota // objects of one name are joined as well, of anything else the later counts
	Shallow                // of one name the later counts
	Strict                 // one name in two objects is an error
)

// Lists says how lists are joined.
type Lists uint8

// The ways to join lists.
const (
	Replace Lists = iota // the later counts
	Concat               // the items of the later come behind those of the earlier
)

// A Clash is a name that two objects have, where Rule is Strict.
type Clash struct {
	Name string
	Of   int // index of the later value
}

func (c *Clash) Error() string { return fmt.Sprintf("two objects have the name %q", c.Name) }

// A piece is a value on its way into another, and which of the values given to Merge it is of.
type piece struct {
	v  []byte
	of int
}

// Merge appends what values make together. Objects and lists are joined by the rule; of anything else the later counts. Names stand where
// they came first. Strict holds for the outermost objects.
func Merge(dst []byte, rule Rule, values ...[]byte) ([]byte, error) {
	var room [8]piece
	all := room[:0]
	for i, v := range values {
		all = append(all, piece{v, i})
	}
	return merge(dst, rule, all)
}

func merge(dst []byte, rule Rule, values []piece) ([]byte, error) {
	values = together(rule, values)
	switch {
	case len(values) == 0:
		return append(dst, "null"...), nil
	case len(values) == 1:
		return append(dst, values[0].v...), nil
	case KindOf(values[0].v) == List:
		return concat(dst, values), nil
	}
	return mergeObjects(dst, rule, values)
}

// together leaves those at the end that are joined with each other.
func together(rule Rule, values []piece) []piece {
	if len(values) == 0 {
		return values
	}
	first := len(values) - 1
	kind := KindOf(values[first].v)
	if kind != Object && (kind != List || rule.Lists == Replace) {
		return values[first:]
	}
	for first > 0 && KindOf(values[first-1].v) == kind {
		first--
	}
	return values[first:]
}

func concat(dst []byte, lists []piece) []byte {
	dst = append(dst, '[')
	for _, l := range lists {
		inner := bytes.TrimSpace(l.v[1 : len(l.v)-1])
		if len(inner) == 0 {
			continue
		}
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		dst = append(dst, inner...)
	}
	return append(dst, ']')
}

// A slot is a name of the merged object: the member that had it last, and those before it.
type slot struct {
	name   []byte // as written
	key    []byte // what it says
	last   piece
	before []piece
}

func mergeObjects(dst []byte, rule Rule, objects []piece) ([]byte, error) {
	var room [32]slot
	all := slots{list: room[:0]}
	for _, o := range objects {
		own := len(all.list) // names that came before this object: its own differ from each other
		for m := Members(o.v); m.Next(); {
			key := m.Name[1 : len(m.Name)-1]
			if bytes.IndexByte(key, '\\') >= 0 {
				key = unescape(nil, key)
			}
			i := all.find(own, key)
			if i < 0 {
				all.list = append(all.list, slot{name: m.Name, key: key, last: piece{m.Value, o.of}})
				continue
			}
			if rule.Objects == Strict {
				return nil, &Clash{string(key), o.of}
			}
			s := &all.list[i]
			if rule.Objects == Deep {
				s.before = append(s.before, s.last)
			}
			s.last = piece{m.Value, o.of}
		}
		all.index(own)
	}
	dst = append(dst, '{')
	for i := range all.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		s := &all.list[i]
		dst = append(append(dst, s.name...), ':')
		if s.before == nil {
			dst = append(dst, s.last.v...)
			continue
		}
		var err error
		if dst, err = merge(dst, rule, append(s.before, s.last)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// slots are the names of a merged object in order, and once there are many, a table of them with open addressing.
type slots struct {
	list  []slot
	table []int32 // indexes into list from 1, 0 for none
}

// find returns which of the first n has the name, -1 for none.
func (s *slots) find(n int, key []byte) int {
	if n > few {
		for at := maphash.Bytes(seed, key); ; at++ {
			i := int(s.table[at&uint64(len(s.table)-1)]) - 1 //nolint:gosec // a power of two
			if i < 0 || bytes.Equal(s.list[i].key, key) {
				return i
			}
		}
	}
	for i := range s.list[:n] {
		if bytes.Equal(s.list[i].key, key) {
			return i
		}
	}
	return -1
}

// index puts those from first on into the table.
func (s *slots) index(first int) {
	if len(s.list) <= few {
		return
	}
	if len(s.table) < 2*len(s.list) {
		size := 64
		for size < 4*len(s.list) {
			size *= 2
		}
		s.table, first = make([]int32, size), 0
	}
	for i := first; i < len(s.list); i++ {
		at := maphash.Bytes(seed, s.list[i].key)
		for s.table[at&uint64(len(s.table)-1)] != 0 { //nolint:gosec // a power of two
			at++
		}
		s.table[at&uint64(len(s.table)-1)] = int32(i + 1) //nolint:gosec // Check bounds the text
	}
}

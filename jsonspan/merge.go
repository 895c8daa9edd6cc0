package jsonspan

// Joining values, in the order in which they are given.

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"sync"
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

// An Outline is a value of which is noted, where that was done while it was checked, where the members of an outermost object are. So those
// who join it need not look for them again. It may be used again for another value.
type Outline struct {
	Value   []byte
	noted   bool
	members []mark
	b       []byte // what the marks are places in
}

// A mark is where a member is.
type mark struct{ name, nameEnd, value, end int32 }

// Check is the function of that name. An error leaves o without a value.
func (o *Outline) Check(b []byte) (err error) {
	o.Value, o.noted, o.members, o.b = nil, false, o.members[:0], b
	c := checkers.Get().(*checker)
	defer c.free()
	c.outline = o
	if o.Value, err = c.check(b, 0); err == nil {
		o.noted = KindOf(o.Value) == Object
	}
	return err
}

// Set makes v the value, which Check has let pass before, or which is a piece of such a value.
func (o *Outline) Set(v []byte) { o.Value, o.noted, o.b = v, false, nil }

// Forget leaves o without a value, and with little room.
func (o *Outline) Forget() {
	if o.Set(nil); cap(o.members) > maxKept/64 {
		o.members = nil
	}
}

func (o *Outline) note(name, nameEnd, value, end int) {
	o.members = append(o.members, mark{int32(name), int32(nameEnd), int32(value), int32(end)}) //nolint:gosec // Check bounds the text
}

// A piece is a value on its way into another, and which of the values given to Merge it is of.
type piece struct {
	v  []byte
	of int
	o  *Outline // of v, nil for none
}

// Merge appends what values make together. Objects and lists are joined by the rule; of anything else the later counts. Names stand where
// they came first. Strict holds for the outermost objects.
func Merge(dst []byte, rule Rule, values ...[]byte) ([]byte, error) {
	var room [8]piece
	all := room[:0]
	for i, v := range values {
		all = append(all, piece{v: v, of: i})
	}
	return merge(dst, rule, all)
}

// MergeOutlines is Merge of what has been outlined.
func MergeOutlines(dst []byte, rule Rule, values []*Outline) ([]byte, error) {
	var room [8]piece
	all := room[:0]
	for i, o := range values {
		all = append(all, piece{o.Value, i, o})
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

// slots are the names of a merged object in order, and once there are many, a table of them with open addressing.
type slots struct {
	list  []slot
	seen  sieve
	table []int32 // indexes into list from 1, 0 for none
	rule  Rule
}

var joining = sync.Pool{New: func() any { return new(slots) }}

// free forgets what s holds, and keeps its room unless that is much.
func (s *slots) free() {
	clear(s.list)
	clear(s.table)
	if *s = (slots{list: s.list[:0], table: s.table[:0]}); cap(s.list) <= maxKept/64 && cap(s.table) <= maxKept {
		joining.Put(s)
	}
}

func mergeObjects(dst []byte, rule Rule, objects []piece) (_ []byte, err error) {
	all := joining.Get().(*slots)
	defer all.free()
	all.rule = rule
	for _, o := range objects {
		own := len(all.list) // names that came before this object: its own differ from each other
		if o.o != nil && o.o.noted {
			for _, m := range o.o.members {
				if err := all.add(own, o.o.b[m.name:m.nameEnd:m.nameEnd], piece{v: o.o.b[m.value:m.end:m.end], of: o.of}); err != nil {
					return nil, err
				}
			}
		} else {
			for m := Members(o.v); m.Next(); {
				if err := all.add(own, m.Name, piece{v: m.Value, of: o.of}); err != nil {
					return nil, err
				}
			}
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
		if dst, err = merge(dst, rule, append(s.before, s.last)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// add takes a member, whose name is compared with the first n.
func (s *slots) add(n int, name []byte, value piece) error {
	key := name[1 : len(name)-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = unescape(nil, key)
	}
	at := -1
	if s.seen.add(sign(key, 0, len(key))) {
		at = s.find(n, key)
	}
	if at < 0 {
		s.list = append(s.list, slot{name: name, key: key, last: value})
		return nil
	}
	if s.rule.Objects == Strict {
		return &Clash{string(key), value.of}
	}
	had := &s.list[at]
	if s.rule.Objects == Deep {
		had.before = append(had.before, had.last)
	}
	had.last = value
	return nil
}

// find returns which of the first n has the name, -1 for none.
func (s *slots) find(n int, key []byte) int {
	if n > some {
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
	if len(s.list) <= some {
		return
	}
	if len(s.table) < 2*len(s.list) {
		size := 4 * some
		for size < 4*len(s.list) {
			size *= 2
		}
		if s.table, first = s.table[:min(size, cap(s.table))], 0; len(s.table) < size {
			s.table = make([]int32, size)
		}
		clear(s.table)
	}
	for i := first; i < len(s.list); i++ {
		at := maphash.Bytes(seed, s.list[i].key)
		for s.table[at&uint64(len(s.table)-1)] != 0 { //nolint:gosec // a power of two
			at++
		}
		s.table[at&uint64(len(s.table)-1)] = int32(i + 1) //nolint:gosec // Check bounds the text
	}
}

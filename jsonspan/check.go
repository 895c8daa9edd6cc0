package jsonspan

// The strict check (RFC 8259), which everything else relies on: one pass, and refusing what readers disagree on.

import (
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"
)

// MaxDepth bounds how deep lists and objects may nest.
const MaxDepth = 200

// maxText bounds what is checked, so that places in it fit into 31 bits.
const maxText = 1<<31 - 1

var (
	errEncoding = errors.New("it is not in UTF-8")
	errDeep     = errors.New("it nests too deep")
	errTwice    = errors.New("an object has a name twice")
	errHalf     = errors.New("a text holds half a character")
	errLarge    = errors.New("it is too large")
)

// Check returns the one value that b consists of, without the white space around it. It refuses what is no JSON, what nests too deep,
// an object that has a name twice, since readers do not agree on which of two counts, and text that is none. What it says of a mistake does
// not repeat b. It takes time in proportion to len(b).
func Check(b []byte) ([]byte, error) { return check(b, 0) }

// check is Check of a value that stands in so many lists and objects.
func check(b []byte, depth int) ([]byte, error) {
	c := checkers.Get().(*checker)
	defer c.free()
	return c.check(b, depth)
}

// A checker is one Check under way. Its methods return the index behind what they checked, or refused, with why in err.
type checker struct {
	b       []byte
	err     error
	bytes   uint64 // those of texts, eight at a time and one over the other: the highest bits say whether all are ASCII
	escapes int    // seen so far
	names   []name // of the objects around the place, the outermost first
	escaped []byte // names without their escapes
	table   []int32
	alike   [remembered][]known // the names of the last object, by depth
	outline *Outline            // takes the members of the outermost object, nil when nobody wants them
}

const refused = -1

var checkers = sync.Pool{New: func() any { return new(checker) }}

const maxKept = 64 << 10 // room that a checker keeps for the next text

func (c *checker) free() {
	if cap(c.names) > maxKept || cap(c.escaped) > maxKept || cap(c.table) > maxKept {
		return
	}
	for i := range c.alike {
		c.alike[i] = c.alike[i][:0]
	}
	*c = checker{names: c.names[:0], escaped: c.escaped[:0], table: c.table[:0], alike: c.alike}
	checkers.Put(c)
}

func (c *checker) check(b []byte, depth int) ([]byte, error) {
	if len(b) > maxText {
		return nil, errLarge
	}
	c.b = b
	start := spaces(b, 0)
	end := c.value(start, depth)
	if end >= 0 && spaces(b, end) < len(b) {
		end = c.mistake(spaces(b, end))
	}
	if (end < 0 || c.bytes&highs != 0) && !utf8.Valid(b) { // what is no text stands in one, or is a mistake anyway
		return nil, errEncoding
	}
	if end < 0 {
		return nil, c.err
	}
	return b[start:end:end], nil
}

func (c *checker) refuse(err error) int {
	c.err = err
	return refused
}

func (c *checker) mistake(i int) int {
	if i >= len(c.b) {
		return c.refuse(errors.New("it breaks off"))
	}
	return c.refuse(fmt.Errorf("there is a mistake at byte %d", i+1))
}

// value checks the value at i.
func (c *checker) value(i, depth int) int {
	if i >= len(c.b) {
		return c.mistake(i)
	}
	switch c.b[i] {
	case '"':
		return c.text(i)
	case '{':
		return c.object(i, depth+1)
	case '[':
		return c.list(i, depth+1)
	case 't':
		return c.word(i, "true")
	case 'f':
		return c.word(i, "false")
	case 'n':
		return c.word(i, "null")
	}
	return c.number(i)
}

func (c *checker) list(i, depth int) int {
	if depth > MaxDepth {
		return c.refuse(errDeep)
	}
	b := c.b
	i = spaces(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i < len(b) && b[i] == '"' {
			i = c.text(i)
		} else {
			i = c.value(i, depth)
		}
		if i < 0 {
			return refused
		}
		i = spaces(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = spaces(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return c.mistake(i)
		}
	}
}

func (c *checker) object(i, depth int) int {
	if depth > MaxDepth {
		return c.refuse(errDeep)
	}
	b := c.b
	i = spaces(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	o := siblings{first: len(c.names), firstEscaped: len(c.escaped)}
	if depth < remembered {
		o.alike, o.isAlike = c.alike[depth], true
	}
	for {
		at := i
		if o.isAlike {
			i = c.again(at, &o)
		}
		if !o.isAlike {
			i = c.name(at, &o)
		}
		if i < 0 {
			return refused
		}
		end := i
		if i = spaces(b, i); i >= len(b) || b[i] != ':' {
			return c.mistake(i)
		}
		start := spaces(b, i+1)
		switch {
		case start >= len(b):
			return c.mistake(start)
		case b[start] == '"':
			i = c.text(start)
		case b[start]-'0' <= 9:
			i = c.number(start)
		default:
			i = c.value(start, depth)
		}
		if i < 0 {
			return refused
		}
		if depth == 1 && c.outline != nil {
			c.outline.note(at, end, start, i)
		}
		i = spaces(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = spaces(b, i+1)
		case i < len(b) && b[i] == '}':
			if c.leave(&o, depth) {
				return c.refuse(errTwice)
			}
			return i + 1
		default:
			return c.mistake(i)
		}
	}
}

func (c *checker) word(i int, w string) int {
	if len(c.b)-i < len(w) || string(c.b[i:i+len(w)]) != w {
		return c.mistake(i)
	}
	return i + len(w)
}

func (c *checker) number(i int) int {
	b := c.b
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if end := digits(b, i); end > i {
		i = end
	} else {
		return c.mistake(i)
	}
	if i < len(b) && b[i] == '.' {
		end := digits(b, i+1)
		if end == i+1 {
			return c.mistake(end)
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digits(b, i)
		if end == i {
			return c.mistake(end)
		}
		i = end
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

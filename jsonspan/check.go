package jsonspan

// The strict check (RFC 8259), which everything else relies on: one pass, and refusing what readers disagree on.

import (
	"bytes"
	"encoding/binary"
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
func Check(b []byte) ([]byte, error) {
	switch {
	case len(b) > maxText:
		return nil, errLarge
	case !utf8.Valid(b):
		return nil, errEncoding
	}
	c := checkers.Get().(*checker)
	defer c.free()
	c.b = b
	start := spaces(b, 0)
	end, err := c.value(start, 0)
	if err != nil {
		return nil, err
	}
	if rest := spaces(b, end); rest < len(b) {
		return nil, c.mistake(rest)
	}
	return b[start:end:end], nil
}

// A checker is one Check under way.
type checker struct {
	b       []byte
	names   []name // of the objects around the place, the outermost first
	escaped []byte // names without their escapes
	table   []int32
}

// A name is where a name of an object stands: in the text, or in escaped.
type name struct {
	at, n   int32
	escaped bool
}

var checkers = sync.Pool{New: func() any { return new(checker) }}

const maxKept = 64 << 10 // room that a checker keeps for the next text

func (c *checker) free() {
	if cap(c.names) > maxKept || cap(c.escaped) > maxKept || cap(c.table) > maxKept {
		return
	}
	*c = checker{names: c.names[:0], escaped: c.escaped[:0], table: c.table[:0]}
	checkers.Put(c)
}

func (c *checker) mistake(i int) error {
	if i >= len(c.b) {
		return errors.New("it breaks off")
	}
	return fmt.Errorf("there is a mistake at byte %d", i+1)
}

// value checks the value at i and returns where it ends.
func (c *checker) value(i, depth int) (int, error) {
	if i >= len(c.b) {
		return 0, c.mistake(i)
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

func (c *checker) list(i, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, errDeep
	}
	i = spaces(c.b, i+1)
	if i < len(c.b) && c.b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := c.value(i, depth)
		if err != nil {
			return 0, err
		}
		i = spaces(c.b, end)
		switch {
		case i < len(c.b) && c.b[i] == ',':
			i = spaces(c.b, i+1)
		case i < len(c.b) && c.b[i] == ']':
			return i + 1, nil
		default:
			return 0, c.mistake(i)
		}
	}
}

func (c *checker) object(i, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, errDeep
	}
	i = spaces(c.b, i+1)
	if i < len(c.b) && c.b[i] == '}' {
		return i + 1, nil
	}
	first, firstEscaped := len(c.names), len(c.escaped)
	for {
		end, err := c.member(i, depth)
		if err != nil {
			return 0, err
		}
		i = spaces(c.b, end)
		switch {
		case i < len(c.b) && c.b[i] == ',':
			i = spaces(c.b, i+1)
		case i < len(c.b) && c.b[i] == '}':
			if c.twice(c.names[first:]) {
				return 0, errTwice
			}
			c.names, c.escaped = c.names[:first], c.escaped[:firstEscaped]
			return i + 1, nil
		default:
			return 0, c.mistake(i)
		}
	}
}

// member checks a name and its value.
func (c *checker) member(i, depth int) (int, error) {
	if i >= len(c.b) || c.b[i] != '"' {
		return 0, c.mistake(i)
	}
	end, err := c.text(i)
	if err != nil {
		return 0, err
	}
	written := c.b[i+1 : end-1]
	n := name{at: int32(i + 1), n: int32(len(written))} //nolint:gosec // Check bounds the text
	if bytes.IndexByte(written, '\\') >= 0 {
		at := len(c.escaped)
		c.escaped = unescape(c.escaped, written)
		n = name{int32(at), int32(len(c.escaped) - at), true} //nolint:gosec // no longer than the text
	}
	c.names = append(c.names, n)
	if i = spaces(c.b, end); i >= len(c.b) || c.b[i] != ':' {
		return 0, c.mistake(i)
	}
	return c.value(spaces(c.b, i+1), depth)
}

func (c *checker) word(i int, w string) (int, error) {
	if len(c.b)-i < len(w) || string(c.b[i:i+len(w)]) != w {
		return 0, c.mistake(i)
	}
	return i + len(w), nil
}

func (c *checker) number(i int) (int, error) {
	b := c.b
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if end := digits(b, i); end > i {
		i = end
	} else {
		return 0, c.mistake(i)
	}
	if i < len(b) && b[i] == '.' {
		end := digits(b, i+1)
		if end == i+1 {
			return 0, c.mistake(end)
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digits(b, i)
		if end == i {
			return 0, c.mistake(end)
		}
		i = end
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// text checks the text whose quote is b[i] and returns the index behind it.
func (c *checker) text(i int) (int, error) {
	b := c.b
	for i++; ; {
		i = plain(b, i)
		switch {
		case i >= len(b):
			return 0, c.mistake(i)
		case b[i] == '"':
			return i + 1, nil
		case b[i] != '\\':
			return 0, c.mistake(i) // a control character
		}
		n, _, err := escape(b[i:])
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, c.mistake(i)
		}
		i += n
	}
}

// plain returns the index of the first byte from i on that is a quote, a backslash or a control character, eight bytes at a time.
func plain(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if ((w-ones*0x20)&^w|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0 {
			break
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

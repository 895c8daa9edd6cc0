package jsonspan

// Names of objects: their escapes, and whether two are the same.

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// meant is what letters stand for behind a backslash.
var meant = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads the escape that b begins with: its length, 0 when it is none, and what it stands for.
func escape(b []byte) (n int, char rune, err error) {
	if len(b) < 2 {
		return 0, 0, nil
	}
	if b[1] != 'u' {
		if meant[b[1]] == 0 {
			return 0, 0, nil
		}
		return 2, rune(meant[b[1]]), nil
	}
	high := unit(b)
	if high < 0 {
		return 0, 0, nil
	}
	if !utf16.IsSurrogate(high) {
		return 6, high, nil
	}
	if both := utf16.DecodeRune(high, unit(b[6:])); both != utf8.RuneError {
		return 12, both, nil
	}
	return 0, 0, errHalf
}

// unit reads \uXXXX; -1 is none.
func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	return rune(digit[b[2]])<<12 | rune(digit[b[3]])<<8 | rune(digit[b[4]])<<4 | rune(digit[b[5]]) // below zero when one of them is
}

// digit is what hexadecimal digits are worth, -1 for all other bytes.
var digit = func() (d [256]int8) {
	for i := range d {
		d[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		d[c] = int8(i)
	}
	for i, c := range "ABCDEF" {
		d[c] = int8(10 + i)
	}
	return d
}()

// unescape appends what a text says of which the escapes are good.
func unescape(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return append(dst, b...)
		}
		n, char, _ := escape(b[i:])
		dst = utf8.AppendRune(append(dst, b[:i]...), char)
		b = b[i+n:]
	}
}

// A name is where a name of an object stands: in the text, or in escaped.
type name struct {
	at, n   int32
	escaped bool
}

func (c *checker) of(n name) []byte {
	if n.escaped {
		return c.escaped[n.at : n.at+n.n]
	}
	return c.b[n.at : n.at+n.n]
}

// siblings are the names of one object that have been read.
type siblings struct {
	seen         sieve
	first        int // in checker.names
	firstEscaped int // in checker.escaped
	alike        []known
	same         int  // those of alike that were the same so far
	isAlike      bool // all were; they are in alike then and nowhere else
}

const some = 64 // names of which one is compared with all others

// name checks the name at i and takes it among its siblings. It may overlook one that comes twice when there are more than some.
func (c *checker) name(i int, o *siblings) int {
	if i >= len(c.b) || c.b[i] != '"' {
		return c.mistake(i)
	}
	if b := c.b; len(b)-i > 8 { // the most of them are short
		w := wordAt(b, i+1)
		if n := lowest(ends(w)); n < 8 && b[i+1+n] == '"' {
			c.bytes |= w
			return c.take(i+n+2, o, name{at: int32(i + 1), n: int32(n)}, signed(w, n)) //nolint:gosec // Check bounds the text
		}
	}
	escapes := c.escapes
	end := c.text(i)
	if end < 0 {
		return refused
	}
	if c.escapes == escapes {
		n := end - i - 2
		return c.take(end, o, name{at: int32(i + 1), n: int32(n)}, sign(c.b, i+1, n)) //nolint:gosec // Check bounds the text
	}
	at := len(c.escaped)
	c.escaped = unescape(c.escaped, c.b[i+1:end-1])
	n := len(c.escaped) - at
	return c.take(end, o, name{int32(at), int32(n), true}, sign(c.escaped, at, n)) //nolint:gosec // no longer than the text
}

// take takes a name that ends at end among its siblings.
func (c *checker) take(end int, o *siblings, n name, sign uint64) int {
	if o.seen.add(sign) && len(c.names)-o.first <= some && c.has(c.names[o.first:], n) {
		return c.refuse(errTwice)
	}
	c.names = append(c.names, n)
	return end
}

func (c *checker) has(names []name, n name) bool {
	text := c.of(n)
	for _, other := range names {
		if other.n == n.n && bytes.Equal(c.of(other), text) {
			return true
		}
	}
	return false
}

// leave ends an object and says whether one of its names was overlooked.
func (c *checker) leave(o *siblings, depth int) (twice bool) {
	if o.isAlike {
		return false
	}
	if twice = len(c.names)-o.first > some && c.twice(c.names[o.first:]); !twice {
		c.remember(o, depth)
	}
	c.names, c.escaped = c.names[:o.first], c.escaped[:o.firstEscaped]
	return twice
}

// A sieve tells apart most names that differ.
type sieve [4]uint64

// add says whether a name with the same sign, or by chance another one, may have been added before.
func (s *sieve) add(sign uint64) bool {
	word, bit := &s[sign>>62], uint64(1)<<(sign>>56&63)
	before := *word&bit != 0
	*word |= bit
	return before
}

// sign makes a number of the name b[at:at+n], mostly another one of another name. Whoever wants names with the same sign can make them.
func sign(b []byte, at, n int) uint64 {
	var w uint64
	switch {
	case n >= 8:
		return signed(wordAt(b, at)^bits.RotateLeft64(wordAt(b, at+n-8), 29), 8) + uint64(n) //nolint:gosec // a length
	case len(b)-at >= 8:
		w = wordAt(b, at)
	default:
		for i := n; i > 0; i-- { // as the word has them
			w = w<<8 | uint64(b[at+i-1])
		}
	}
	return signed(w, n)
}

// signed is the sign of a name of less than eight bytes that w begins with, or of what n is 8 for.
func signed(w uint64, n int) uint64 {
	const odd = 0x9E3779B97F4A7C15
	return (w&(1<<(8*n)-1) ^ uint64(n)) * odd //nolint:gosec // a length
}

// seed makes the order of a table nobody's to foresee, so that no text can be made that fills one place of it.
var seed = maphash.MakeSeed()

// twice says whether two of the names are the same. It puts them into a table with open addressing.
func (c *checker) twice(names []name) bool {
	size := 32
	for size < 2*len(names) {
		size *= 2
	}
	if cap(c.table) < size {
		c.table = make([]int32, size)
	}
	table := c.table[:size]
	clear(table)
	for i, n := range names {
		text := c.of(n)
		at := maphash.Bytes(seed, text)
		for ; ; at++ {
			slot := &table[at&uint64(size-1)] //nolint:gosec // a power of two
			if *slot == 0 {
				*slot = int32(i + 1) //nolint:gosec // Check bounds the text
				break
			}
			if bytes.Equal(c.of(names[*slot-1]), text) {
				return true
			}
		}
	}
	return false
}

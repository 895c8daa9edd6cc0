package jsonspan

// Names of objects: their escapes, and whether two are the same.

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// escape reads the escape that b begins with: its length, 0 when it is none, and what it stands for.
func escape(b []byte) (n int, char rune, err error) {
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(b) < 2 {
		return 0, 0, nil
	}
	if at := bytes.IndexByte([]byte(letters), b[1]); at >= 0 {
		return 2, rune(meant[at]), nil
	}
	high, ok := unit(b)
	if !ok {
		return 0, 0, nil
	}
	if !utf16.IsSurrogate(high) {
		return 6, high, nil
	}
	low, ok := unit(b[6:])
	if both := utf16.DecodeRune(high, low); ok && both != utf8.RuneError {
		return 12, both, nil
	}
	return 0, 0, errHalf
}

// unit reads \uXXXX.
func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil //nolint:gosec // 16 bits
}

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

func (c *checker) of(n name) []byte {
	if n.escaped {
		return c.escaped[n.at : n.at+n.n]
	}
	return c.b[n.at : n.at+n.n]
}

const few = 12 // names that are compared with each other

// seed makes the order of a table nobody's to foresee, so that no text can be made that fills one place of it.
var seed = maphash.MakeSeed()

// twice says whether two of the names are the same.
func (c *checker) twice(names []name) bool {
	if len(names) > few {
		return c.twiceInMany(names)
	}
	for i := 1; i < len(names); i++ {
		for j := range i {
			if names[i].n == names[j].n && bytes.Equal(c.of(names[i]), c.of(names[j])) {
				return true
			}
		}
	}
	return false
}

// twiceInMany puts the names into a table with open addressing.
func (c *checker) twiceInMany(names []name) bool {
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

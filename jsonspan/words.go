package jsonspan

// Looking at eight bytes at a time. A byte is found by making it zero, and then by the bit that a subtraction of one sets in it: of several bits
// the lowest is right, those above it may be wrong.

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func wordAt(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// lowest is the index of the byte that the lowest bit of found is in.
func lowest(found uint64) int { return bits.TrailingZeros64(found) / 8 }

// plain returns the index of the first byte from i on that is a quote, a backslash or a control character.
func (c *checker) plain(i int) int {
	b, all := c.b, uint64(0)
	for len(b)-i >= 8 {
		w := wordAt(b, i)
		all |= w
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if found := ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs; found != 0 {
			c.bytes |= all
			return i + lowest(found)
		}
		i += 8
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		all |= uint64(b[i])
		i++
	}
	c.bytes |= all
	return i
}

// skipText returns the index behind the text whose quote is b[i].
func skipText(b []byte, i int) int {
	for i++; ; {
		for len(b)-i >= 8 {
			w := wordAt(b, i)
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			if found := ((quote-ones)&^quote | (slash-ones)&^slash) & highs; found != 0 {
				i += lowest(found)
				break
			}
			i += 8
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
}

// skipNested returns the index behind the object or list that begins at b[i].
func skipNested(b []byte, i int) int {
	for depth := 0; ; {
		for len(b)-i >= 8 {
			w := wordAt(b, i)
			folded := w | ones*0x20 // makes braces of brackets
			quote, open, end := folded^(ones*'"'), folded^(ones*'{'), folded^(ones*'}')
			if found := ((quote-ones)&^quote | (open-ones)&^open | (end-ones)&^end) & highs; found != 0 {
				i += lowest(found)
				break
			}
			i += 8
		}
		switch b[i] {
		case '"':
			i = skipText(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

// spaces returns the index of the first byte from i on that is no white space.
func spaces(b []byte, i int) int {
	if i < len(b) && b[i] <= ' ' {
		return manySpaces(b, i)
	}
	return i
}

func manySpaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
		for len(b)-i >= 8 && wordAt(b, i) == ones*' ' {
			i += 8
		}
	}
	return i
}

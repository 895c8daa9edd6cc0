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

// ends finds what cannot stand in a text as it is: quotes, backslashes and control characters. Of seven bits each, which no sum leaves, it finds
// those that are well; what has the eighth is.
func ends(w uint64) uint64 {
	const sevens = ones * 0x7f
	low := w & sevens
	quote, slash, control := (low^ones*'"')+sevens, (low^ones*'\\')+sevens, low+ones*0x60
	return ^(quote&slash&control | w) & highs
}

// text checks the text whose quote is b[i].
func (c *checker) text(i int) int {
	b, all := c.b, uint64(0)
	for i++; len(b)-i >= 8; {
		w := wordAt(b, i)
		all |= w
		found := ends(w)
		if found == 0 {
			i += 8
			continue
		}
		i += lowest(found)
		if b[i] == '"' {
			c.bytes |= all
			return i + 1
		}
		if i = c.escape(i); i < 0 {
			return refused
		}
	}
	c.bytes |= all
	for i < len(b) && b[i] != '"' {
		if b[i] == '\\' || b[i] < 0x20 {
			if i = c.escape(i); i < 0 {
				return refused
			}
			continue
		}
		c.bytes |= uint64(b[i])
		i++
	}
	if i >= len(b) {
		return c.mistake(i)
	}
	return i + 1
}

// escape checks the escape at i, where a control character may stand in its place.
func (c *checker) escape(i int) int {
	if c.b[i] != '\\' {
		return c.mistake(i)
	}
	n, _, err := escape(c.b[i:])
	if err != nil {
		return c.refuse(err)
	}
	if n == 0 {
		return c.mistake(i)
	}
	c.escapes++
	return i + n
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

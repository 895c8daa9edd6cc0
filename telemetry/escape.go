package telemetry

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// appendText appends s as the inside of a JSON string, in at most limit bytes and "…" if something
// was cut off. What comes out is valid and harmless whatever s is: controls, line ends, characters
// that turn the direction of writing, and bytes that are no UTF-8 are escaped, so that a line is one line in every
// reader, a terminal among them.
func appendText(b []byte, s string, limit int) []byte {
	if n := len(b); len(s) <= limit && len(s) <= cap(b)-n && copyPlain(b[n:n+len(s)], s) {
		return b[:n+len(s)]
	}
	end := len(b) + limit
	for s != "" {
		if c := s[0]; special(uint64(c)|0x2020<<8|padding) == 0 {
			if len(b) >= end {
				return append(b, "…"...)
			}
			b, s = append(b, c), s[1:]
			continue
		}
		if len(b)+maxEscape > end {
			return append(b, "…"...)
		}
		r, size := utf8.DecodeRuneInString(s)
		if !hidden(r) && (r != utf8.RuneError || size > 1) {
			b = append(b, s[:size]...)
		} else {
			b = appendEscape(b, r)
		}
		s = s[size:]
	}
	return b
}

// copyPlain copies s to dst, which is as long, and says whether all of it stands in a JSON string as
// it is; if not, what is in dst is of no use. Almost every value is plain and short, so it does both at once, eight
// bytes at a time (the last ones overlap those before), and does not stop early.
func copyPlain(dst []byte, s string) bool {
	n := len(s)
	switch {
	case n >= 8:
		last := word(s[n-8:])
		found := special(last)
		for i := 0; i+8 < n; i += 8 {
			x := word(s[i:])
			found |= special(x)
			binary.LittleEndian.PutUint64(dst[i:], x)
		}
		binary.LittleEndian.PutUint64(dst[n-8:], last)
		return found == 0
	case n >= 4:
		first, last := half(s), half(s[n-4:])
		binary.LittleEndian.PutUint32(dst, first)
		binary.LittleEndian.PutUint32(dst[n-4:], last)
		return special(uint64(first)|uint64(last)<<32) == 0
	case n > 0:
		dst[0], dst[n/2], dst[n-1] = s[0], s[n/2], s[n-1]
		return special(uint64(s[0])|uint64(s[n/2])<<8|uint64(s[n-1])<<16|padding) == 0
	}
	return true
}

// special is not 0 when one of eight bytes is not plain: a control, a quote, a backslash, or beyond
// ASCII. Each of these sets the high bit of its byte in one of the terms; no plain byte does, unless it
// borrows from one that is not plain.
func special(x uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return ((x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones) | (x + ones) | x) & high
}

// padding is three bytes of nothing and five spaces.
const padding = 0x2020202020 << 24

func word(s string) uint64 {
	_ = s[7] // one check for all; the compiler makes one load of them
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func half(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// hidden says whether r is to be escaped: it does something, or cannot be seen.
func hidden(r rune) bool {
	if r < 0x80 {
		return true // not plain, or it would not be here
	}
	return r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\ufeff' || unicode.Is(unicode.Cf, r)
}

// maxEscape is the longest escape, a pair of surrogates.
const maxEscape = 12

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if r > 0xffff {
		r -= 0x10000
		return appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}

package wire

import "unsafe"

// tokenChars are the bytes of a token (RFC 9110 §5.6.2).
var tokenChars = chars("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

func chars(set string) (t [256]bool) {
	for i := range len(set) {
		t[set[i]] = true
	}
	return t
}

// IsTokenChar says whether c may stand in a token.
func IsTokenChar(c byte) bool { return tokenChars[c] }

// ValidToken says whether s is a token: a method, a header name.
func ValidToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return true
}

// ValidValue says whether s may be a field value: no controls but HTAB (RFC 9110 §5.5). Bytes
// from 0x80 on are allowed there (obs-text) and passed on as they are.
func ValidValue[T string | []byte](s T) bool {
	if len(s) < 8 {
		return validBytes(s)
	}
	last := s[len(s)-8:] // some of it twice, in place of byte by byte
	for ; len(s) > 8; s = s[8:] {
		if doubtful(word(s)) && !validBytes(s[:8]) {
			return false
		}
	}
	return !doubtful(word(last)) || validBytes(last)
}

// word returns the first eight bytes of s.
func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// doubtful says whether one of eight bytes may be a control. It may be a false alarm, for HTAB and behind a true one: look at each byte then.
func doubtful(x uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	del := x ^ ones*0x7f
	return ((x-ones*0x20)&^x|(del-ones)&^del)&high != 0
}

func validBytes[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < 0x20 && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Text gives bytes that nobody will change again as a string, without a copy.
func Text(b []byte) string { return text(b) }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

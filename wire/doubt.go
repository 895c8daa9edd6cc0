package wire

import "unicode/utf8"

// This file tells paths that every server reads alike from those that some server reads otherwise: one that
// decodes twice, takes "\" for a separator, cuts at ";" or folds look-alike characters.

// levels is how often a reader may decode a path. What is encoded more often than that is refused.
const levels = 3

// doubt looks at a canonical path. It refuses hidden dot segments and overlong UTF-8, and says whether
// Readings has anything to tell.
func doubt(path string) (doubtful bool, fault *Fault) {
	for i := 0; i < len(path); {
		if path[i] != '%' {
			doubtful = doubtful || path[i] == ';'
			i++
			continue
		}
		v, _ := Unescape(path[i:])
		if v < utf8.RuneSelf {
			doubtful = doubtful || pathClass[v] != pathEncode && (v != ' ' || atBorder(path, i))
			i += 3
			continue
		}
		r, n := escapedRune(path[i:])
		if n == 0 {
			return false, faultPathUTF8
		}
		if r != utf8.RuneError && !doubtful {
			_, doubtful = fold(r)
		}
		i += 3 * n
	}
	if doubtful {
		fault = hiddenDots(path)
	}
	return doubtful, fault
}

// atBorder says whether the escape at i is the first or last of its segment.
func atBorder(path string, i int) bool {
	return path[i-1] == '/' || i+3 == len(path) || path[i+3] == '/'
}

// escapedRune decodes the character whose UTF-8 bytes are the escapes at the start of s, and
// counts them. A byte that is not UTF-8 is one RuneError; 0 bytes stand for an overlong form.
func escapedRune(s string) (rune, int) {
	var b [utf8.UTFMax + 2]byte
	n := 0
	for n < len(b) {
		v, ok := Unescape(s[3*n:])
		if !ok || n > 0 && utf8.RuneStart(v) {
			break
		}
		b[n] = v
		n++
	}
	r, size := utf8.DecodeRune(b[:n])
	if r == utf8.RuneError && size == 1 && overlong(b[:n]) {
		return r, 0
	}
	return r, size
}

// overlong says whether b begins with more bytes than its character needs, as readers that decode carelessly take
// it (RFC 3629 §3). The leads 0xC0 and 0xC1 have no other use.
func overlong(b []byte) bool {
	switch lead := b[0]; {
	case lead == 0xc0 || lead == 0xc1:
		return true
	case len(b) < 2:
		return false
	default:
		return lead == 0xe0 && b[1] < 0xa0 || lead == 0xf0 && b[1] < 0x90 || lead >= 0xf8
	}
}

// hiddenDots refuses a path in which the most eager reader finds a dot segment: one that decodes as long as there is
// something to decode, folds look-alikes, and cuts at every separator. What a less eager reader
// finds, this one finds too: "." and the separators are left alone by each step.
func hiddenDots(path string) *Fault {
	var room [512]byte
	b := append(room[:0], path...)
	for range levels {
		n, decoded := decodePath(b, b, false)
		m, folded := foldPath(b, b[:n])
		b = b[:m]
		if !decoded && !folded {
			break
		}
	}
	if _, more := decodePath(nil, b, false); more {
		return faultPathLevels
	}
	start := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '/' && b[i] != '\\' {
			continue
		}
		if isDots(b[start:i]) {
			return faultPathDots
		}
		start = i + 1
	}
	return nil
}

// isDots says whether a segment is "." or ".." once cut at what ends a path for someone, and trimmed.
func isDots(seg []byte) bool {
	for i, c := range seg {
		if c == ';' || c == '#' || c == '?' || c == 0 {
			seg = seg[:i]
			break
		}
	}
	for len(seg) > 0 && seg[0] <= ' ' {
		seg = seg[1:]
	}
	for len(seg) > 0 && seg[len(seg)-1] <= ' ' {
		seg = seg[:len(seg)-1]
	}
	return string(seg) == "." || string(seg) == ".."
}

// heldSlash stands for a "%2F" that a reader decoded and did not take for a separator.
const heldSlash = 1

// decodePath decodes every escape in src once and writes the result to dst, which may be src; nil dst only asks.
func decodePath(dst, src []byte, holdSlash bool) (n int, changed bool) {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if v, ok := Unescape(src[i:]); ok {
			c, changed = v, true
			if v == '/' && holdSlash {
				c = heldSlash
			}
			i += 2
		}
		if dst != nil {
			dst[n] = c
		}
		n++
	}
	return n, changed
}

package wire

import (
	"slices"
	"strings"
)

// Bounds of Readings: how many states of a path are looked at, and how many bytes they have together.
const (
	maxReadings     = 64
	maxReadingBytes = 64 << 10
)

// A reading is a path as some server has it in memory.
type reading struct {
	text  string
	level int // how often it was decoded; at 0 text is canonical and its escapes stand
}

// Readings yields the other paths that common servers could make of a canonical path, each in canonical form:
// decoded once or more, as a whole or segment by segment; without path parameters; with "\" for "/"; with
// look-alikes and overlong forms folded to ASCII; cut at ";", "#", "?" or NUL; trimmed; and each of these after each
// other. It returns false when there are more than it is willing to try; then the path must not be trusted.
//
// A path that is not doubtful has no other readings.
func Readings(text string, yield func(string) bool) (all bool) {
	states := []reading{{text: text}}
	seen := []string{text}
	bytesLeft := maxReadingBytes
	for i := 0; i < len(states); i++ {
		s := states[i]
		if c := s.canonical(); !slices.Contains(seen, c) {
			seen = append(seen, c)
			if !yield(c) {
				return true
			}
		}
		for _, step := range steps {
			next, ok := step(s)
			if !ok || slices.Contains(states, next) {
				continue
			}
			bytesLeft -= len(next.text)
			if len(states) == maxReadings || bytesLeft < 0 {
				return false
			}
			states = append(states, next)
		}
	}
	return true
}

// steps are what a server may do to a path. Each is false when it changes nothing.
var steps = [...]func(reading) (reading, bool){
	func(s reading) (reading, bool) { return s.decode(false) },
	func(s reading) (reading, bool) { return s.decode(true) },
	reading.dropParams,
	func(s reading) (reading, bool) { return s.cut(';') },
	func(s reading) (reading, bool) { return s.cut('#') },
	func(s reading) (reading, bool) { return s.cut('?') },
	func(s reading) (reading, bool) { return s.cut(0) },
	reading.backslash,
	reading.foldASCII,
	reading.trim,
}

func (s reading) decode(holdSlash bool) (reading, bool) {
	if s.level == levels || strings.IndexByte(s.text, '%') < 0 {
		return s, false
	}
	if holdSlash && !strings.Contains(s.text, "%2F") && !strings.Contains(s.text, "%2f") {
		return s, false
	}
	b := []byte(s.text)
	n, changed := decodePath(b, b, holdSlash)
	return reading{text(b[:n]), s.level + 1}, changed
}

// dropParams takes ";…" out of every segment, as servlet containers do.
func (s reading) dropParams() (reading, bool) {
	if strings.IndexByte(s.text, ';') < 0 {
		return s, false
	}
	b := make([]byte, 0, len(s.text))
	inside := false
	for i := range len(s.text) {
		c := s.text[i]
		inside = c == ';' || inside && c != '/'
		if !inside {
			b = append(b, c)
		}
	}
	return reading{text(b), s.level}, true
}

func (s reading) cut(at byte) (reading, bool) {
	i := strings.IndexByte(s.text, at)
	if i < 0 {
		return s, false
	}
	return reading{s.text[:i], s.level}, true
}

func (s reading) backslash() (reading, bool) {
	if strings.IndexByte(s.text, '\\') < 0 {
		return s, false
	}
	return reading{strings.ReplaceAll(s.text, `\`, "/"), s.level}, true
}

func (s reading) foldASCII() (reading, bool) {
	if s.level == 0 || !holds(s.text, func(c byte) bool { return c >= 0x80 || c == '%' }) {
		return s, false
	}
	b := []byte(s.text)
	n, changed := foldPath(b, b)
	return reading{text(b[:n]), s.level}, changed
}

// trim takes the white space off the ends of every segment, as file systems do.
func (s reading) trim() (reading, bool) {
	if !holds(s.text, blank) {
		return s, false
	}
	segs := strings.Split(s.text, "/")
	for i := range segs {
		segs[i] = strings.TrimFunc(segs[i], func(r rune) bool { return r < 0x80 && blank(byte(r)) })
	}
	t := strings.Join(segs, "/")
	return reading{t, s.level}, t != s.text
}

func blank(c byte) bool { return c <= ' ' && c != 0 && c != heldSlash }

func holds(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if is(s[i]) {
			return true
		}
	}
	return false
}

// canonical writes s the way routes are written: slashes merged, dot segments resolved (those above the root
// dropped), escaped where a path needs it.
func (s reading) canonical() string {
	out := make([]byte, 1, len(s.text)+16)
	out[0] = '/'
	for i := range len(s.text) {
		switch c := s.text[i]; {
		case c == '/':
			if out = endOfSegment(out); out[len(out)-1] != '/' {
				out = append(out, '/')
			}
		case s.level == 0 || pathClass[c] <= pathParam:
			out = append(out, c)
		case c == heldSlash:
			out = append(out, "%2F"...)
		default:
			out = appendEscape(out, c)
		}
	}
	return text(endOfSegment(out))
}

func endOfSegment(out []byte) []byte {
	out, ok := endSegment(out)
	if !ok {
		out = out[:1]
	}
	return out
}

package expr

// This file finds where expressions begin and end, without understanding them: "${ … }" in text, and in an
// expression the calls of in(…), which is a keyword of CEL and has to be spelt otherwise for its parser.

import (
	"errors"
	"strings"
)

var errOpen = errors.New(`"${" has no "}" to end it; write "$${" where "${" itself is meant`)

// skipQuoted returns the index behind the string literal that begins at s[i] (a quote), and false when it never
// ends. CEL has single and triple quotes, and raw strings after r or R, in which a backslash is itself.
func skipQuoted(s string, i int) (int, bool) {
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R') || i > 1 && (s[i-1] == 'b' || s[i-1] == 'B') && (s[i-2] == 'r' || s[i-2] == 'R')
	if raw && inWord(s, i) {
		raw = false
	}
	quote := s[i : i+1]
	if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
		quote = s[i : i+3]
	}
	for i += len(quote); i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote), true
		case s[i] == '\\' && !raw:
			i++
		}
	}
	return len(s), false
}

// inWord says whether the letters in front of s[i] are the end of a longer word, and not the prefix of a literal.
func inWord(s string, i int) bool {
	n := 0
	for i > n && isLetter(s[i-n-1]) {
		n++
	}
	return n > 2
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// walk calls at for every byte of s from i on that stands outside string literals and comments, until it returns
// false. It returns the index where it stopped; len(s) at the end.
func walk(s string, i int, at func(i int) bool) int {
	for i < len(s) {
		switch {
		case s[i] == '"' || s[i] == '\'':
			i, _ = skipQuoted(s, i)
			continue
		case strings.HasPrefix(s[i:], "//"):
			if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			return len(s)
		}
		if !at(i) {
			return i
		}
		i++
	}
	return len(s)
}

// closing returns the index of the "}" that ends the expression beginning at s[i].
func closing(s string, i int) (int, bool) {
	depth := 0
	end := walk(s, i, func(i int) bool {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		return depth >= 0
	})
	return end, end < len(s)
}

// inName is how the function in is spelt for the parser. It is as long as the keyword, so that places stay right.
const inName = "iN"

// respell makes calls of in(…) parse: "in" behind a dot and in front of a parenthesis.
func respell(src string) string {
	if !strings.Contains(src, "in") {
		return src
	}
	out := []byte(nil)
	walk(src, 0, func(i int) bool {
		if !strings.HasPrefix(src[i:], "in") || !afterDot(src[:i]) {
			return true
		}
		if !strings.HasPrefix(strings.TrimLeft(src[i+2:], " \t\r\n\f"), "(") {
			return true
		}
		if out == nil {
			out = []byte(src)
		}
		copy(out[i:], inName)
		return true
	})
	if out == nil {
		return src
	}
	return string(out)
}

func afterDot(s string) bool { return strings.HasSuffix(strings.TrimRight(s, " \t\r\n\f"), ".") }

// A part is a piece of a template: text, or an expression.
type part struct {
	text string
	hole bool
	at   int // where text begins in the source
}

// split cuts a template into parts. "$${" is the text "${".
func split(s string) ([]part, error) {
	var parts []part
	var plain strings.Builder
	start := 0
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "$${"):
			plain.WriteString("${")
			i += 3
		case strings.HasPrefix(s[i:], "${"):
			end, ok := closing(s, i+2)
			if !ok {
				return nil, &Error{At: i, Msg: errOpen.Error()}
			}
			if plain.Len() > 0 {
				parts = append(parts, part{text: plain.String(), at: start})
				plain.Reset()
			}
			parts = append(parts, part{text: s[i+2 : end], hole: true, at: i + 2})
			i = end + 1
			start = i
		default:
			plain.WriteByte(s[i])
			i++
		}
	}
	if plain.Len() > 0 || len(parts) == 0 {
		parts = append(parts, part{text: plain.String(), at: start})
	}
	return parts, nil
}

package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sallyport/wire"
)

// A segment is what stands between two slashes of a template: literal text and parameters by turns. There is one
// literal more than there are names; the outer ones may be empty, the inner ones not.
type segment struct {
	kind  segmentKind
	lits  []string
	names []string
}

// A segmentKind tells how specific a segment is, the most specific first.
type segmentKind uint8

const (
	literal segmentKind = iota // text
	mixed                      // text and parameters
	regex                      // where the regular expression of a Pattern takes over
	param                      // one parameter and nothing else
	rest                       // "{name...}": one name and no literals (neither in the zero Pattern)
)

func (s *segment) setKind() {
	switch {
	case len(s.names) == 0:
		s.kind = literal
	case len(s.names) == 1 && s.lits[0] == "" && s.lits[1] == "":
		s.kind = param
	default:
		s.kind = mixed
	}
}

func parseSegment(text string) (s segment, err error) {
	if len(text) > 1 && text[0] == ':' {
		return s, fmt.Errorf("%q stands for itself; write {%s} for a parameter", text, text[1:])
	}
	for left := text; ; {
		lit, after, open := strings.Cut(left, "{")
		if strings.Contains(lit, "}") {
			return s, fmt.Errorf("%q has a } without {", text)
		}
		if open && lit == "" && len(s.names) > 0 {
			return s, fmt.Errorf("%q has two parameters with nothing between them", text)
		}
		if lit, err = canonicalLiteral(lit); err != nil {
			return s, err
		}
		s.lits = append(s.lits, lit)
		if !open {
			s.setKind()
			return s, nil
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return s, fmt.Errorf("%q has a { without }", text)
		}
		if strings.HasSuffix(name, "...") {
			name = strings.TrimSuffix(name, "...")
			if len(s.names) > 0 || lit != "" || tail != "" {
				return s, fmt.Errorf("{%s...} must be a segment of its own", name)
			}
			s = segment{kind: rest}
		}
		if !validName(name) {
			return s, fmt.Errorf("{%s} is not a name; use letters, digits and _", name)
		}
		s.names = append(s.names, name)
		if s.kind == rest {
			return s, nil
		}
		left = tail
	}
}

func validName(s string) bool {
	for i := range len(s) {
		c := wire.Lower(s[i])
		if (c < 'a' || c > 'z') && c != '_' && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// canonicalLiteral writes literal text as it stands in canonical paths, so that /café and /caf%c3%a9 are one.
func canonicalLiteral(lit string) (string, error) {
	var b strings.Builder
	b.WriteString("/x")
	for i := range len(lit) {
		if c := lit[i]; c == ' ' || c >= 0x80 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('x')
	text, _, fault := wire.Canonical(b.String(), func(b []byte) string { return string(b) })
	if fault != nil {
		return "", fmt.Errorf("%q: %s", lit, strings.TrimSuffix(fault.Reason, "."))
	}
	return text[2 : len(text)-1], nil
}

// fits says whether text, one segment of a path and not empty, is an instance of s, a segment with parameters.
func (s *segment) fits(text string) bool {
	_, ok := s.split(text, nil)
	return ok
}

// split appends what the parameters of s stand for in text. Each is one character at least; where text can be divided
// in more than one way, the first parameters get as much as they can.
func (s *segment) split(text string, into []string) ([]string, bool) {
	last := len(s.names)
	prefix, suffix := s.lits[0], s.lits[last]
	if len(text) < len(prefix)+len(suffix)+1 || !strings.HasPrefix(text, prefix) || !strings.HasSuffix(text, suffix) {
		return into, false
	}
	text = text[len(prefix) : len(text)-len(suffix)]
	from := len(into)
	for i := last - 1; i > 0; i-- {
		at := strings.LastIndex(text[:len(text)-1], s.lits[i])
		if at < 1 {
			return into[:from], false
		}
		if into != nil {
			into = append(into, text[at+len(s.lits[i]):])
		}
		text = text[:at]
	}
	if into != nil {
		into = append(into, text)
		slices.Reverse(into[from:])
	}
	return into, true
}

// compareMixed orders segments that have both text and parameters, the more specific first: the one that begins with
// more text, then the one with more text, then the one with fewer parameters. What is 0 is a tie if
// both fit one text.
func compareMixed(a, b *segment) int {
	return cmp.Or(
		len(b.lits[0])-len(a.lits[0]),
		b.size()-a.size(),
		len(a.names)-len(b.names),
	)
}

func (s *segment) size() (n int) {
	for _, l := range s.lits {
		n += len(l)
	}
	return n
}

// common returns a text that both a and b fit, which are segments without rest.
func common(a, b *segment) (string, bool) {
	if p, q := a.lits[0], b.lits[0]; !strings.HasPrefix(p, q) && !strings.HasPrefix(q, p) {
		return "", false
	}
	type state struct{ i, j int }
	ta, tb := a.tokens(), b.tokens()
	start := state{}
	from := map[state]state{start: start}
	char := map[state]byte{}
	for queue := []state{start}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if s.i == len(ta) && s.j == len(tb) {
			var text []byte
			for ; s != start; s = from[s] {
				text = append(text, char[s])
			}
			slices.Reverse(text)
			return string(text), true
		}
		if s.i == len(ta) || s.j == len(tb) {
			continue
		}
		c, ok := both(ta[s.i], tb[s.j])
		if !ok {
			continue
		}
		// A literal is used up by its character; a parameter may take more.
		for _, next := range []state{{s.i + 1, s.j + 1}, {s.i, s.j + 1}, {s.i + 1, s.j}} {
			if next.i == s.i && ta[s.i] != anything || next.j == s.j && tb[s.j] != anything {
				continue
			}
			if _, seen := from[next]; !seen {
				from[next], char[next] = s, c
				queue = append(queue, next)
			}
		}
	}
	return "", false
}

// anything is the token of a parameter; no literal holds a slash.
const anything = '/'

func (s *segment) tokens() []byte { return []byte(strings.Join(s.lits, string(anything))) }

// both returns a character that a and b may stand for.
func both(a, b byte) (byte, bool) {
	switch {
	case a == b && a == anything:
		return 'x', true
	case a == anything:
		return b, true
	case b == anything, a == b:
		return a, true
	}
	return 0, false
}

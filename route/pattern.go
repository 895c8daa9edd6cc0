package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sallyport/wire"
)

// A Pattern is the path of a match: a template such as /users/{id}/files/{path...}, or a regular expression. The zero
// value is every path.
type Pattern struct {
	text     string
	segments []segment
	names    []string // of the parameters, in order

	regex *regexp.Regexp // nil: a template
	base  string         // what precedes the part of the path that regex is for
}

// String returns the pattern as it was written.
func (p Pattern) String() string {
	switch {
	case p.regex != nil:
		return p.base + "~" + p.regex.String()
	case p.text == "":
		return "/{...}"
	}
	return p.text
}

// Names returns the names of the parameters, in order.
func (p Pattern) Names() []string { return p.names }

// everyPath is what the zero Pattern means.
var everyPath = []segment{{kind: rest}}

func (p *Pattern) parts() []segment {
	if p.text == "" {
		return everyPath
	}
	return p.segments
}

// Under returns the pattern with base, a path without parameters and final slash, before it.
func (p Pattern) Under(base string) (Pattern, error) {
	switch {
	case base == "":
		return p, nil
	case p.regex != nil:
		under, err := ParsePattern(base + p.base + "/")
		if err != nil {
			return p, err
		}
		if len(under.names) > 0 {
			return p, fmt.Errorf("%q must not have parameters", base)
		}
		p.base = strings.TrimSuffix(under.canonical(), "/")
		return p, nil
	case p.text == "":
		return ParsePattern(base + "/{path...}")
	}
	return ParsePattern(base + p.text)
}

// canonical is the path of a template without parameters.
func (p *Pattern) canonical() string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteString("/" + s.lits[0])
	}
	return b.String()
}

// maxPattern is how many bytes a template may have; targets are no longer either.
const maxPattern = 16 << 10

// ParsePattern reads a template. {name} is one segment or a part of one, {name...} the rest of the path, which may
// be empty; everything else stands for itself.
func ParsePattern(s string) (Pattern, error) {
	p := Pattern{text: s}
	if !strings.HasPrefix(s, "/") {
		return p, fmt.Errorf("the path %q must begin with a slash", s)
	}
	if len(s) > maxPattern {
		return p, fmt.Errorf("the path %.40q… is longer than any request's", s)
	}
	if i := strings.IndexAny(s, "?#*"); i >= 0 {
		return p, fmt.Errorf("the path %q holds %q; %s", s, s[i], map[byte]string{
			'?': "the query is matched with `query:`", '#': "no request has a fragment",
			'*': "write {name} for one segment and {name...} for the rest",
		}[s[i]])
	}
	texts := strings.Split(s[1:], "/")
	for i, text := range texts {
		seg, err := parseSegment(text)
		if err != nil {
			return p, fmt.Errorf("the path %q: %w", s, err)
		}
		if seg.kind == rest && i < len(texts)-1 {
			return p, fmt.Errorf("the path %q: {%s...} takes the rest, so nothing can follow it", s, seg.names[0])
		}
		for _, name := range seg.names {
			if slices.Contains(p.names, name) {
				return p, fmt.Errorf("the path %q has two parameters named %s", s, name)
			}
			p.names = append(p.names, name)
		}
		p.segments = append(p.segments, seg)
	}
	return p, p.possible()
}

// possible refuses a template that no canonical path fits.
func (p *Pattern) possible() error {
	like := sample(p.segments, "x")
	text, _, fault := wire.Canonical(like, func(b []byte) string { return string(b) })
	if fault != nil {
		return fmt.Errorf("the path %q matches no request: %s", p.text, strings.TrimSuffix(fault.Reason, "."))
	}
	if text != like {
		return fmt.Errorf("the path %q matches no request: %q reaches routes as %q", p.text, like, text)
	}
	return nil
}

// sample returns a path that fits the segments, with fill for every parameter.
func sample(segments []segment, fill string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		if s.kind == rest {
			b.WriteString(fill)
			break
		}
		b.WriteString(strings.Join(s.lits, fill))
	}
	return b.String()
}

// slashed says whether the template ends in a slash that is not all of it.
func (p *Pattern) slashed() bool {
	n := len(p.segments)
	return n > 1 && p.segments[n-1].kind == literal && p.segments[n-1].lits[0] == ""
}

// order is what patterns are compared by, segment by segment.
func (p *Pattern) order() []segment {
	if p.regex == nil {
		return p.parts()
	}
	var out []segment
	for _, text := range p.branch() {
		out = append(out, segment{lits: []string{text}})
	}
	return append(out, segment{kind: regex, lits: []string{p.String()}})
}

// overlap returns a path that both templates match, if there is one.
func overlap(p, q *Pattern) (string, bool) {
	a, b := p.parts(), q.parts()
	path := ""
	for ; len(a) > 0 && len(b) > 0; a, b = a[1:], b[1:] {
		switch {
		case a[0].kind == rest:
			return path + sample(b, "x"), true
		case b[0].kind == rest:
			return path + sample(a, "x"), true
		}
		text, ok := common(&a[0], &b[0])
		if !ok {
			return "", false
		}
		path += "/" + text
	}
	left := append(a, b...)
	return path, len(left) == 0 || left[0].kind == rest
}

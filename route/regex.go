package route

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// ParseRegex makes a pattern of a regular expression, which is matched against the canonical path. It must say where
// the path begins and ends, with ^ and $: an open end of a rule that guards, or of one that does not, is how
// paths slip through. Named groups are parameters.
func ParseRegex(s string) (Pattern, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return Pattern{}, err
	}
	tree = tree.Simplify()
	if !edged(tree, syntax.OpBeginText, 0) || !edged(tree, syntax.OpEndText, -1) {
		return Pattern{}, fmt.Errorf("the regular expression %q must begin with ^ and end with $; write ^%s$ for exactly this, .* for what may follow", s, strings.Trim(s, "^$"))
	}
	p := Pattern{text: s, regex: re}
	for _, name := range re.SubexpNames() {
		if name != "" {
			p.names = append(p.names, name)
		}
	}
	if _, some := (&product{a: compile(s), b: compile(`^/.*$`)}).example(); !some {
		return p, fmt.Errorf("the regular expression %q matches no path; paths begin with a slash", s)
	}
	return p, nil
}

// edged says whether every match of re begins (edge 0) or ends (edge -1) with the assertion op.
func edged(re *syntax.Regexp, op syntax.Op, edge int) bool {
	switch re.Op {
	case op:
		return true
	case syntax.OpCapture:
		return edged(re.Sub[0], op, edge)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !edged(sub, op, edge) {
				return false
			}
		}
		return true
	case syntax.OpConcat:
		if edge < 0 {
			edge = len(re.Sub) - 1
			return edged(re.Sub[edge], op, -1)
		}
		return edged(re.Sub[0], op, 0)
	}
	return false
}

// branch returns the literal segments that every path of a regular expression begins with: where it hangs in the tree.
func (p *Pattern) branch() []string {
	prefix := p.base + literalPrefix(p.regex.String())
	i := strings.LastIndexByte(prefix, '/')
	if i <= 0 {
		return nil
	}
	return strings.Split(prefix[1:i], "/")
}

// literalPrefix is regexp.LiteralPrefix that sees past "^".
func literalPrefix(s string) string {
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return ""
	}
	tree = tree.Simplify()
	if tree.Op != syntax.OpConcat {
		return ""
	}
	var b strings.Builder
	for _, sub := range tree.Sub {
		switch {
		case sub.Op == syntax.OpBeginText:
		case sub.Op == syntax.OpLiteral && sub.Flags&syntax.FoldCase == 0:
			b.WriteString(string(sub.Rune))
		default:
			return b.String()
		}
	}
	return b.String()
}

// matches says whether a path fits the regular expression.
func (p *Pattern) matches(path string) bool {
	left, ok := strings.CutPrefix(path, p.base)
	return ok && p.regex.MatchString(left)
}

func compile(s string) *syntax.Prog {
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		panic("route: a regular expression that was compiled before is refused: " + s)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		panic("route: a regular expression that was parsed cannot be compiled: " + s)
	}
	return prog
}

// A product runs two regular expressions side by side to find a path that both match.
type product struct {
	a, b  *syntax.Prog
	tried bool // it gave up: there may be a path
}

// maxProduct bounds how many pairs of states are looked at.
const maxProduct = 4000

// pathBytes are the bytes that canonical paths are made of, the ones that read best first.
const pathBytes = "/xa1-_.%bcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ023456789~!$&'()*+,;=:@"

type pair struct {
	a, b []uint32 // instructions before empty-width assertions are looked at
	last rune     // the character read before, -1 at the start
	text string
}

// example returns a path that both expressions match. With product.tried set there may be one that was not found.
func (p *product) example() (string, bool) {
	alphabet := p.alphabet()
	queue := []pair{{a: []uint32{uint32(p.a.Start)}, b: []uint32{uint32(p.b.Start)}, last: -1}}
	seen := map[string]bool{}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		end := syntax.EmptyOpContext(at.last, -1)
		if ends(p.a, at.a, end) && ends(p.b, at.b, end) {
			return at.text, true
		}
		for _, c := range alphabet {
			if at.last < 0 && c != '/' {
				continue
			}
			flags := syntax.EmptyOpContext(at.last, c)
			next := pair{a: step(p.a, at.a, flags, c), b: step(p.b, at.b, flags, c), last: c}
			if len(next.a) == 0 || len(next.b) == 0 {
				continue
			}
			key := fmt.Sprint(next.a, next.b, syntax.IsWordChar(c))
			if seen[key] {
				continue
			}
			seen[key] = true
			if len(seen) > maxProduct {
				p.tried = true
				return "", false
			}
			next.text = at.text + string(c)
			queue = append(queue, next)
		}
	}
	return "", false
}

// alphabet picks one of each group of characters that neither expression tells apart.
func (p *product) alphabet() (out []rune) {
	groups := map[string]bool{}
	for _, c := range pathBytes {
		sign := []byte{0}
		if syntax.IsWordChar(c) {
			sign[0] = 1
		}
		for _, prog := range []*syntax.Prog{p.a, p.b} {
			for i := range prog.Inst {
				if eats(&prog.Inst[i], c) {
					sign = append(sign, 1)
				} else {
					sign = append(sign, 0)
				}
			}
		}
		if c == '/' || !groups[string(sign)] {
			out = append(out, c)
		}
		groups[string(sign)] = true
	}
	return out
}

func eats(i *syntax.Inst, c rune) bool {
	switch i.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return i.MatchRune(c)
	}
	return false
}

// closure follows everything that eats no character and holds in this place.
func closure(p *syntax.Prog, from []uint32, flags syntax.EmptyOp) []uint32 {
	seen := map[uint32]bool{}
	var out []uint32
	for stack := append([]uint32(nil), from...); len(stack) > 0; {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch i := &p.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, i.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(i.Arg)&^flags == 0 {
				stack = append(stack, i.Out)
			}
		default:
			out = append(out, pc)
		}
	}
	return out
}

func step(p *syntax.Prog, from []uint32, flags syntax.EmptyOp, c rune) (out []uint32) {
	seen := map[uint32]bool{}
	for _, pc := range closure(p, from, flags) {
		if i := &p.Inst[pc]; eats(i, c) && !seen[i.Out] {
			seen[i.Out] = true
			out = append(out, i.Out)
		}
	}
	slices.Sort(out)
	return out
}

func ends(p *syntax.Prog, from []uint32, flags syntax.EmptyOp) bool {
	for _, pc := range closure(p, from, flags) {
		if p.Inst[pc].Op == syntax.InstMatch {
			return true
		}
	}
	return false
}

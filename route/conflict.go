package route

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// This file finds rules that tie and rules that nothing can reach.

// A label is what a message says about a rule.
type label struct {
	name string
	pos  schema.Pos
	at   string
}

func (l label) String() string {
	where := l.pos.String()
	if where == "" {
		where = l.at
	}
	return fmt.Sprintf("%q (%s)", l.name, where)
}

// A judge looks at the leaves one by one.
type judge struct {
	*builder
	errs schema.Errors
	told map[int]bool // rules that have an error already

	// How many method lists each rule is in, in how many of them it comes too late, and after which rule.
	lists, late []int
	after       []int
}

// conflicts returns what is wrong with the rules, in the order of the document.
func (b *builder) conflicts() schema.Errors {
	n := len(b.labels)
	j := judge{builder: b, told: map[int]bool{}, lists: make([]int, n), late: make([]int, n), after: make([]int, n)}
	for _, l := range b.leaves {
		for _, named := range l.named {
			j.list(l.host, named.method, named.entries)
		}
		j.list(l.host, "", l.others)
	}
	for host, n := range b.trees.sorted() {
		n.each(func(n *node) { j.mixed(host, n.mixed) })
	}
	for i := range n {
		if j.lists[i] > 0 && j.lists[i] == j.late[i] && !j.told[i] {
			j.report(i, "no request reaches the route %q: %s takes all of them", b.labels[i].name, b.labels[j.after[i]])
		}
	}
	j.errs.Sort()
	return j.errs
}

func (j *judge) report(rule int, format string, args ...any) {
	j.told[rule] = true
	j.errs = append(j.errs, &schema.Error{Pos: j.labels[rule].pos, Path: j.labels[rule].at, Msg: fmt.Sprintf(format, args...)})
}

// list judges the entries that are tried for one method.
func (j *judge) list(host, method string, list []*entry) {
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) && compareEntries(list[start], list[end], method) == 0 {
			end++
		}
		j.tie(host, method, list[start:end])
		start = end
	}
	j.shadow(list)
}

// tie reports those of equally specific entries that some request fits both of.
func (j *judge) tie(host, method string, group []*entry) {
	if len(group) < 2 {
		return
	}
	for _, part := range split(group) {
		for i, b := range part {
			for _, a := range part[:i] {
				if path, ok := meet(a.match, b.match); ok {
					j.tied(a, b, example(method, host, path), "give one of them a priority or another condition")
					break
				}
			}
		}
	}
}

func (j *judge) tied(a, b *entry, what, way string) {
	first, second := a.rule, b.rule
	if before(j.labels[second], j.labels[first]) {
		first, second = second, first
	}
	if !j.told[second] {
		j.report(second, "the routes %s and %q both match %s and neither is more specific; %s", j.labels[first], j.labels[second].name, what, way)
	}
}

// before says whether a stands before b in the document.
func before(a, b label) bool {
	if a.pos.File != b.pos.File {
		return a.pos.File < b.pos.File
	}
	return a.pos.Line < b.pos.Line || a.pos.Line == b.pos.Line && a.pos.Col < b.pos.Col
}

// example writes a request that two rules match; no method is one that no rule names.
func example(method, host, path string) string {
	if strings.HasPrefix(host, "*") {
		host = "x" + host[1:]
	}
	return strings.TrimPrefix(method+" "+host+path, " ")
}

// split parts entries that ask for different values of one thing, so that not every pair has to be looked at.
func split(group []*entry) [][]*entry {
	for _, list := range lists {
		for _, c := range list.of(group[0].match) {
			parts := map[string][]*entry{}
			for _, e := range group {
				d := list.find(e.match, c.Name)
				if d == nil || d.Test != Equals {
					parts = nil
					break
				}
				parts[d.Value] = append(parts[d.Value], e)
			}
			if len(parts) < 2 {
				continue
			}
			var out [][]*entry
			for _, part := range parts {
				out = append(out, split(part)...)
			}
			return out
		}
	}
	return [][]*entry{group}
}

// lists are the lists of conditions that a match has, and how their names compare.
var lists = []conditionList{
	{func(m *Match) Conditions { return m.Headers }, wire.EqualFold},
	{func(m *Match) Conditions { return m.Query }, equal},
	{func(m *Match) Conditions { return m.Cookies }, equal},
}

func equal(a, b string) bool { return a == b }

type conditionList struct {
	of   func(*Match) Conditions
	same func(a, b string) bool
}

func (l conditionList) find(m *Match, name string) *Condition {
	list := l.of(m)
	for i := range list {
		if l.same(list[i].Name, name) {
			return &list[i]
		}
	}
	return nil
}

// meet says whether some request fits both a and b, which are in one leaf, and returns a path of one.
func meet(a, b *Match) (path string, ok bool) {
	if a.Version.excludes(&b.Version) {
		return "", false
	}
	for _, list := range lists {
		own := list.of(a)
		for i := range own {
			if d := list.find(b, own[i].Name); d != nil && own[i].excludes(d) {
				return "", false
			}
		}
	}
	if a.Path.regex == nil {
		return sample(a.Path.parts(), "x"), true
	}
	return meetRegex(&a.Path, &b.Path)
}

func meetRegex(a, b *Pattern) (path string, ok bool) {
	if p, q := a.base+literalPrefix(a.regex.String()), b.base+literalPrefix(b.regex.String()); !strings.HasPrefix(p, q) && !strings.HasPrefix(q, p) {
		return "", false
	}
	if a.base != b.base {
		return a.base + "/…", true // one is below the other: cannot be told apart here
	}
	p := product{a: compile(a.regex.String()), b: compile(b.regex.String())}
	path, ok = p.example()
	if p.tried {
		return a.base + "/…", true
	}
	return a.base + path, ok
}

// maxPairs is up to how many entries every pair is looked at for one that covers the other.
const maxPairs = 100

// shadow counts the entries that come after one that takes all of their requests.
func (j *judge) shadow(list []*entry) {
	first := map[string]*entry{}
	for i, e := range list {
		j.lists[e.rule]++
		key := e.match.key()
		by := first[""]
		if by == nil {
			by = first[key]
		}
		if by == nil && len(list) <= maxPairs {
			if k := slices.IndexFunc(list[:i], func(d *entry) bool { return covers(d.match, e.match) }); k >= 0 {
				by = list[k]
			}
		}
		if by != nil {
			j.late[e.rule]++
			j.after[e.rule] = by.rule
		} else {
			first[key] = e
		}
	}
}

// key is the same for matches that ask for the same beyond host, template and method; "" is nothing.
func (m *Match) key() string {
	if m.conditions() == 0 && m.Path.regex == nil {
		return ""
	}
	var parts []string
	for i, list := range lists {
		for _, c := range list.of(m) {
			if i == 0 {
				c.Name = strings.ToLower(c.Name)
			}
			parts = append(parts, fmt.Sprint(i)+c.String())
		}
	}
	if !m.When.IsZero() {
		parts = append(parts, "w"+m.When.String())
	}
	if m.Path.regex != nil {
		parts = append(parts, "p"+m.Path.String())
	}
	if v := m.Version; v.Of != nil {
		parts = append(parts, fmt.Sprintf("v%p %s", v.Of, v.Name))
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x00")
}

// covers says whether every request of m fits d as well, as far as that can be told.
func covers(d, m *Match) bool {
	if !d.When.IsZero() && d.When.String() != m.When.String() {
		return false
	}
	if d.Path.regex != nil && d.Path.String() != m.Path.String() {
		return false
	}
	if d.Version.Of != nil && d.Version != m.Version {
		return false
	}
	for _, list := range lists {
		own := list.of(d)
		for i := range own {
			if c := list.find(m, own[i].Name); c == nil || !own[i].implied(c) {
				return false
			}
		}
	}
	return true
}

// mixed reports templates that part at segments of which neither is more specific. What follows, conditions and
// priority decide nothing there: the walk has chosen one of the two by then.
func (j *judge) mixed(host string, list []mixedChild) {
	for i := range list {
		for k := i + 1; k < len(list) && compareMixed(&list[i].segment, &list[k].segment) == 0; k++ {
			if _, ok := common(&list[i].segment, &list[k].segment); !ok {
				continue
			}
			for _, a := range list[i].node.entries() {
				for _, b := range list[k].node.entries() {
					if a.match.Version.excludes(&b.match.Version) {
						continue
					}
					if path, ok := overlap(&a.match.Path, &b.match.Path); ok {
						if method, ok := commonMethod(a.match, b.match); ok {
							j.tied(a, b, example(method, host, path), "change one of the paths")
						}
					}
				}
			}
		}
	}
}

// commonMethod returns a method that both take.
func commonMethod(a, b *Match) (string, bool) {
	for _, m := range append(slices.Concat(a.Methods, b.Methods), "POST", "HEAD") {
		if a.names(m) < notMethod && b.names(m) < notMethod {
			return m, true
		}
	}
	return "", false
}

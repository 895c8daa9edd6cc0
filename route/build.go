package route

import (
	"cmp"
	"slices"

	"sallyport/schema"
)

// Build makes a table of rules. Rules that tie for some request, and rules that no request can reach, are errors; all of
// them are reported.
//
// The function stricter says whether the rule of other asks something of a request that the rule of found does not, such as
// a credential. Find refuses a path that some server could read as one of a stricter rule. Without the function every other
// rule counts as stricter.
func Build[T any](rules []*Rule[T], stricter func(found, other T) bool) (*Table[T], schema.Errors) {
	if stricter == nil {
		stricter = func(_, _ T) bool { return true }
	}
	t := &Table[T]{stricter: stricter, rules: inOrder(rules)}
	b := builder{trees: trees{}, known: map[*leaf]bool{}}
	for i, r := range t.rules {
		m := &r.Match
		b.add(label{r.Name, r.Pos, r.At}, &entry{rule: i, match: m, priority: r.Priority, bare: m.conditions() == 0 && m.Path.regex == nil})
		t.slashed = t.slashed || r.Match.Path.slashed()
		schema.Yield(i)
	}
	b.seal()
	t.hosts = newHosts(b.trees)
	t.plans = newPlans(t.rules)
	t.allow = Allow(b.allow.String())
	return t, b.conflicts()
}

// inOrder sorts rules the way they are tried.
func inOrder[T any](rules []*Rule[T]) []*Rule[T] {
	type keyed struct {
		rule *Rule[T]
		key  orderKey
	}
	list := make([]keyed, len(rules))
	for i, r := range rules {
		list[i] = keyed{r, keyOf(&r.Match, r.Priority)}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return a.key.compare(&b.key) })
	out := make([]*Rule[T], len(rules))
	for i := range list {
		out[i] = list[i].rule
	}
	return out
}

// An orderKey is what rules are sorted by.
type orderKey struct {
	host       string
	path       []segment
	named      bool // methods
	conditions int
	priority   int
}

func keyOf(m *Match, priority int) orderKey {
	k := orderKey{path: m.Path.order(), named: len(m.Methods) > 0, conditions: m.conditions(), priority: priority}
	if len(m.Hosts) > 0 {
		k.host = slices.MinFunc(m.Hosts, compareHosts)
	}
	return k
}

func (k *orderKey) compare(l *orderKey) int {
	if c := compareHosts(k.host, l.host); c != 0 {
		return c
	}
	if c := slices.CompareFunc(k.path, l.path, compareSegments); c != 0 {
		return c
	}
	if k.named != l.named {
		if k.named {
			return -1
		}
		return 1
	}
	return cmp.Or(l.conditions-k.conditions, l.priority-k.priority)
}

// compareHosts puts exact hosts first, then wildcards, the longer ones before, then none.
func compareHosts(a, b string) int {
	class := func(s string) int {
		switch {
		case s == "":
			return 2
		case s[0] == '*':
			return 1
		}
		return 0
	}
	c := class(a)
	if d := c - class(b); d != 0 {
		return d
	}
	if c == 1 && len(a) != len(b) {
		return len(b) - len(a)
	}
	return cmp.Compare(a, b)
}

func compareSegments(a, b segment) int {
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	if a.kind == mixed {
		if c := compareMixed(&a, &b); c != 0 {
			return c
		}
	}
	return slices.Compare(a.lits, b.lits)
}

// A builder fills the trees.
type builder struct {
	trees  trees
	allow  allowed
	labels []label // by rule
	leaves []hostLeaf
	known  map[*leaf]bool
}

// A hostLeaf is a leaf and the host whose tree it is in.
type hostLeaf struct {
	host string
	*leaf
}

func (b *builder) add(l label, e *entry) {
	b.labels = append(b.labels, l)
	b.allow.add(e.match)
	if len(e.match.Hosts) == 0 {
		b.put("", e)
	}
	for _, host := range e.match.Hosts {
		b.put(host, e)
	}
}

func (b *builder) put(host string, e *entry) {
	leaf := b.trees.of(host).add(&e.match.Path)
	if n := len(leaf.entries); n > 0 && leaf.entries[n-1] == e {
		return // the host stands there twice
	}
	leaf.entries = append(leaf.entries, e)
	if !b.known[leaf] {
		b.known[leaf] = true
		b.leaves = append(b.leaves, hostLeaf{host, leaf})
	}
}

// seal puts everything into the order in which it is tried.
func (b *builder) seal() {
	for i, l := range b.leaves {
		l.seal()
		schema.Yield(i)
	}
	for _, tree := range b.trees.sorted() {
		tree.each(func(n *node) {
			slices.SortFunc(n.mixed, func(x, y mixedChild) int { return compareSegments(x.segment, y.segment) })
		})
	}
}

package route

import (
	"cmp"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// This file says why a rule takes a request and another does not. Find decides; nothing here does.

// An Explanation is what Find makes of a request, and why.
type Explanation[T any] struct {
	Winner     *Rule[T] // nil with an error
	Err        error    // of Find
	Candidates []Candidate[T]
	Others     int // rules that are none, since host or path are not theirs
	// With a path that Find refuses because a server could read it otherwise: how, and whose path that is.
	Reading string
	Reads   *Rule[T]
}

// A Candidate is a rule whose host and path fit the request, or, when there is none, one that is close.
type Candidate[T any] struct {
	Rule *Rule[T]
	// Lacks is what keeps the request from fitting, such as "method" or "header x-env=prod"; "" when it fits.
	Lacks string
	// Behind is in what the winner is more specific, for a rule that fits: "host", "path", "method", "conditions" or
	// "priority"; "" for the winner.
	Behind string
}

// maxClose is how many rules are told of that are close when no rule fits in host and path.
const maxClose = 5

// Explain says what Find makes of the request of x, and why. It sets x.Params like Find.
func (t *Table[T]) Explain(x *policy.Exchange) (e Explanation[T]) {
	var fits []Candidate[T]
	for _, r := range t.rules {
		switch lacks := r.Match.Lacks(x); lacks {
		case "host", "path":
			e.Others++
		case "":
			fits = append(fits, Candidate[T]{Rule: r})
		default:
			e.Candidates = append(e.Candidates, Candidate[T]{Rule: r, Lacks: lacks})
		}
	}
	slices.SortStableFunc(fits, func(a, b Candidate[T]) int {
		c, _ := prefer(x, a.Rule, b.Rule)
		return c
	})
	for i := range fits[min(1, len(fits)):] {
		_, fits[i+1].Behind = prefer(x, fits[0].Rule, fits[i+1].Rule)
	}
	e.Candidates = append(fits, e.Candidates...)
	if e.Winner, e.Err = t.Find(x); e.Err != nil {
		if p := &x.Request.Path; len(fits) > 0 {
			e.Reading, e.Reads = t.reading(x, x.Request.Method, p.Text, p.Doubtful, fits[0].Rule)
		}
	}
	if len(e.Candidates) == 0 {
		e.Candidates = t.close(x)
		e.Others -= len(e.Candidates)
	}
	return e
}

// prefer compares two rules that the request of x fits, the one that Find takes first, and says in what they differ.
func prefer[T any](x *policy.Exchange, a, b *Rule[T]) (c int, in string) {
	host := x.Request.Host
	if c := compareHosts(a.Match.hostFor(host), b.Match.hostFor(host)); c != 0 {
		return c, "host"
	}
	if c := slices.CompareFunc(a.Match.Path.order(), b.Match.Path.order(), compareSegments); c != 0 && !sameLeaf(&a.Match.Path, &b.Match.Path) {
		return c, "path"
	}
	method := x.Request.Method
	if c := a.Match.names(method) - b.Match.names(method); c != 0 {
		return c, "method"
	}
	if c := b.Match.conditions() - a.Match.conditions(); c != 0 {
		return c, "conditions"
	}
	return cmp.Compare(b.Priority, a.Priority), "priority"
}

// sameLeaf says whether two patterns that both fit a path are tried side by side: of regular expressions neither is more
// specific than another.
func sameLeaf(a, b *Pattern) bool {
	return a.regex != nil && b.regex != nil && slices.Equal(a.branch(), b.branch())
}

// hostFor returns the host of m that host fits best, "" when m names none.
func (m *Match) hostFor(host string) (best string) {
	for _, h := range m.Hosts {
		tail, wild := strings.CutPrefix(h, "*")
		fits := h == host || wild && len(host) > len(tail) && strings.HasSuffix(host, tail)
		if fits && (best == "" || compareHosts(h, best) < 0) {
			best = h
		}
	}
	return best
}

// close returns the rules that come closest to a request which fits none in host and path: those of its path on other hosts, and
// those whose paths begin like its own.
func (t *Table[T]) close(x *policy.Exchange) (list []Candidate[T]) {
	type near struct {
		Candidate[T]
		score int
	}
	var all []near
	for _, r := range t.rules {
		path := r.Match.Path.String()
		switch {
		case r.Match.Path.fits(x.Request.Path.Text):
			all = append(all, near{Candidate[T]{Rule: r, Lacks: "host"}, 1 << 20})
		case r.Match.fitsHost(x.Request.Host):
			if score := alike(path, x.Request.Path.Text); score > 0 {
				all = append(all, near{Candidate[T]{Rule: r, Lacks: "path"}, score})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return b.score - a.score })
	for _, n := range all[:min(len(all), maxClose)] {
		list = append(list, n.Candidate)
	}
	return list
}

// alike tells how much the first segments of a template and a path have in common, 0 for nothing to speak of.
func alike(template, path string) (score int) {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	for i := 1; i < min(len(a), len(b)); i++ {
		switch {
		case a[i] == b[i] && a[i] != "":
			score += 10
		case strings.HasPrefix(a[i], "{"):
			score++
		default:
			return score + 8*prefixed(a[i], b[i])/max(1, len(a[i]))
		}
	}
	return score
}

// prefixed returns the length of the beginning that a and b share.
func prefixed(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// reading returns the path that some server could make of path and that belongs to a stricter rule than r, and that rule.
func (t *Table[T]) reading(x *policy.Exchange, method, path string, doubtful bool, r *Rule[T]) (text string, other *Rule[T]) {
	if other = t.leads(x, method, path, r); other != nil || !doubtful {
		return path, other
	}
	wire.Readings(path, func(s string) bool {
		text, other = s, t.leads(x, method, s, r)
		return other == nil
	})
	return text, other
}

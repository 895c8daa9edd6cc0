package route

import (
	"strings"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is the defence against paths that the gateway reads in one way and a server behind it in another: a request
// for /%2fadmin/x takes the open rule of /{path...}, and a server that decodes %2F serves /admin/x. No list of
// bad characters can tell; the table can, since it knows which rules guard what.

// ambiguous refuses a request that found r if some reading of its path leads to a stricter rule.
func (t *Table[T]) ambiguous(q *lookup, r *Rule[T]) error {
	p := &q.x.Request.Path
	if !p.Doubtful && !t.slashed && (len(p.Text) == 1 || p.Text[len(p.Text)-1] != '/') {
		return nil
	}
	if t.Reads(q.x, q.method, p.Text, p.Doubtful, r) {
		return problem.BadRequest.New("The path can be read in more than one way.")
	}
	return nil
}

// Reads says whether a server could read path as one that belongs to a stricter rule than r. Find asks it about the
// request's own path. Whoever changes the path before it goes upstream may ask about the new one.
func (t *Table[T]) Reads(x *policy.Exchange, method, path string, doubtful bool, r *Rule[T]) bool {
	if t.leads(x, method, path, r) != nil {
		return true
	}
	if !doubtful {
		return false
	}
	found := false
	all := wire.Readings(path, func(s string) bool {
		found = t.leads(x, method, s, r) != nil
		return !found
	})
	return found || !all
}

// leads returns the stricter rule than r whose path is path, with or without a slash at its end, nil when there is none. When nobody
// can tell, that is r itself.
func (t *Table[T]) leads(x *policy.Exchange, method, path string, r *Rule[T]) *Rule[T] {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	q := newLookup(x, method, path)
	q.loose = true
	t.hosts.walk(x.Request.Host, &q)
	if q.err != nil {
		return r
	}
	if q.found < 0 {
		return nil
	}
	if other := t.rules[q.found]; other != r && t.stricter(r.Value, other.Value) {
		return other
	}
	return nil
}

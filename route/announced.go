package route

import (
	"sallyport/policy"
	"sallyport/wire"
)

// This file is for browsers that ask whether a page may send a request (Fetch, CORS preflight), and for pages that are to read
// the gateway's own errors: what is looked for then is the rule of another request, or of a path.

// FindAnnounced is FindMethod for a preflight x, which announces a request: fields that it names are taken to be as a rule
// wants them, and so are cookies, since it can tell neither.
func (t *Table[T]) FindAnnounced(x *policy.Exchange, method string) (*Rule[T], error) {
	return t.find(x, method, true)
}

// mayHold is holds for a request that x announces.
func (m *Match) mayHold(x *policy.Exchange, path string) (bool, error) {
	for i := range m.Headers {
		c := &m.Headers[i]
		if !announces(x.Request, c.Name) {
			if !c.holds(header(x.Request, c.Name)) {
				return false, nil
			}
		} else if c.Test == Absent {
			return false, nil
		}
	}
	return m.holdsBeside(x, path, nil)
}

// announces says whether the preflight r says that the request will have a field.
func announces(r *wire.Request, name string) bool {
	list, found := r.Header.Lookup("Access-Control-Request-Headers")
	return found && wire.ListHas(list, name)
}

// At returns the first rule for host and path of x, whatever its methods and conditions, whose value is wanted; nil when there
// is none.
func (t *Table[T]) At(x *policy.Exchange, wanted func(T) bool) *Rule[T] {
	path := x.Request.Path.Text
	if path == "" || path[0] != '/' {
		return nil
	}
	q := newLookup(x, "", path)
	q.wanted = func(rule int) bool { return wanted(t.rules[rule].Value) }
	t.hosts.walk(x.Request.Host, &q)
	if q.found < 0 {
		return nil
	}
	return t.rules[q.found]
}

// pick is visit for At.
func (q *lookup) pick(f *flat, ref leafRef) bool {
	if ref.methods != complex {
		if q.wanted(int(ref.index)) {
			q.found = int(ref.index)
		}
		return q.found >= 0
	}
	for _, e := range f.leaves[ref.index].entries {
		if (e.match.Path.regex == nil || e.match.Path.matches(q.path)) && q.speaks(e.match) && q.wanted(e.rule) {
			q.found = e.rule
			return true
		}
	}
	return false
}

// Methods lists the methods of all rules for host and path of the preflight x, as in an Allow field.
func (t *Table[T]) Methods(x *policy.Exchange) string {
	path := x.Request.Path.Text
	if path == "" || path[0] != '/' {
		return ""
	}
	q := newLookup(x, "", path)
	q.collect, q.announced = true, true
	t.hosts.walk(x.Request.Host, &q)
	return q.allow.String()
}

package route

import (
	"errors"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// A Table finds rules. It never changes, so any number of goroutines may use it.
type Table[T any] struct {
	rules    []*Rule[T] // in the order of Rules
	hosts    hosts
	plans    plans
	allow    Allow // of the whole table, for "OPTIONS *"
	slashed  bool  // some template ends in a slash
	stricter func(found, other T) bool
}

// Rules returns the rules in match order: of two that take one request, the one that is found comes first, unless methods
// decide otherwise. It must not be changed.
func (t *Table[T]) Rules() []*Rule[T] { return t.rules }

// Find returns the rule that takes the request of x, and sets x.Params. Its errors are problems: no_route,
// method_not_allowed, or bad_request for a path that some server could take for that of a stricter rule. For OPTIONS
// the error may be an Allow.
func (t *Table[T]) Find(x *policy.Exchange) (*Rule[T], error) {
	return t.FindMethod(x, x.Request.Method)
}

// FindMethod is Find for another method than that of x, such as the one that a CORS preflight asks for.
func (t *Table[T]) FindMethod(x *policy.Exchange, method string) (*Rule[T], error) {
	return t.find(x, method, false)
}

func (t *Table[T]) find(x *policy.Exchange, method string, announced bool) (*Rule[T], error) {
	x.Params = x.Params[:0]
	path := x.Request.Path.Text
	switch {
	case path == "*" && method == "OPTIONS":
		return nil, t.allow
	case path == "" || path[0] != '/':
		return nil, problem.BadRequest.New("")
	}
	q := newLookup(x, method, path)
	q.announced = announced
	t.hosts.walk(x.Request.Host, &q)
	switch {
	case q.err != nil:
		return nil, q.err
	case q.found < 0:
		return nil, t.missed(&q)
	}
	r := t.rules[q.found]
	if err := t.ambiguous(&q, r); err != nil {
		return nil, err
	}
	if p := t.plans.of(q.found); p.pattern {
		r.Match.Path.bind(x, path)
	} else if p.count > 0 {
		t.plans.bind(p, x, path)
	}
	return r, nil
}

// A lookup is one search. It stops at the first entry that takes the request, or collects the methods of all.
type lookup struct {
	x      *policy.Exchange
	method string
	bit    uint32 // of method
	path   string
	loose  bool // a path with and without a slash at its end is the same

	announced bool                // the request of x only announces the one that is looked for
	wanted    func(rule int) bool // for a search by host and path alone: the rules that count

	// The version that the request is for, of the api that was asked last; unversioned is why there is none.
	versions    *Versions
	version     string
	unversioned error

	found int // the rule, -1 for none
	err   error

	collect bool
	allow   allowed
	takes   bool // some rule has the method, so conditions are what failed
}

func newLookup(x *policy.Exchange, method, path string) lookup {
	return lookup{x: x, method: method, bit: methodBit(method), path: path, found: -1}
}

// visit is shown the leaves, and says whether the search is over.
func (q *lookup) visit(f *flat, ref leafRef) bool {
	switch {
	case q.collect:
		q.gather(f, ref)
		return false
	case q.wanted != nil:
		return q.pick(f, ref)
	case ref.methods != complex:
		if ref.methods&q.bit != 0 {
			q.found = int(ref.index)
			return true
		}
		return false
	}
	for _, e := range f.leaves[ref.index].list(q.method) {
		if !q.speaks(e.match) {
			if q.err != nil {
				return true
			}
			continue
		}
		if !e.bare {
			ok, err := e.match.holds(q.x, q.path, q.announced)
			if err != nil {
				q.err = problem.BadRequest.New("A condition of the route cannot be evaluated for this request.").Because(err)
				return true
			}
			if !ok {
				continue
			}
		}
		q.found = e.rule
		return true
	}
	return false
}

func (q *lookup) gather(f *flat, ref leafRef) {
	if ref.methods != complex {
		q.allow.usual |= ref.methods
		q.takes = q.takes || ref.methods&q.bit != 0
		return
	}
	for _, e := range f.leaves[ref.index].entries {
		if e.match.Path.regex != nil && !e.match.Path.matches(q.path) || !q.speaks(e.match) {
			continue
		}
		q.allow.add(e.match)
		q.takes = q.takes || e.match.names(q.method) < notMethod && !refused(q.method)
	}
}

// holds says whether everything about a request that is not in the tree is as m wants it, or may be in the one that x announces.
func (m *Match) holds(x *policy.Exchange, path string, announced bool) (bool, error) {
	if m.Path.regex != nil && !m.Path.matches(path) {
		return false, nil
	}
	if announced {
		return m.mayHold(x, path)
	}
	for i := range m.Headers {
		if c := &m.Headers[i]; !c.holds(header(x.Request, c.Name)) {
			return false, nil
		}
	}
	return m.holdsBeside(x, path, m.Cookies)
}

// holdsBeside is holds for what does not depend on header fields other than cookies.
func (m *Match) holdsBeside(x *policy.Exchange, path string, cookies Conditions) (bool, error) {
	for i := range m.Query {
		c := &m.Query[i]
		value, found, valid := wire.Param(x.Request.Query, c.Name)
		if !valid {
			return false, errQuery
		}
		if !c.holds(value, found) {
			return false, nil
		}
	}
	for i := range cookies {
		if c := &cookies[i]; !c.holds(x.Request.Header.Cookie(c.Name)) {
			return false, nil
		}
	}
	if m.When.IsZero() {
		return true, nil
	}
	return m.asks(x, path)
}

var errQuery = errors.New("the query holds a percent sign that begins no escape")

// asks evaluates the expression of m. A request that lacks what it speaks of is not one that it wants.
func (m *Match) asks(x *policy.Exchange, path string) (bool, error) {
	m.Path.bind(x, path)
	ok, err := m.When.Bool(x)
	x.Params = x.Params[:0]
	if missing := (*expr.Missing)(nil); errors.As(err, &missing) {
		return false, nil
	}
	return ok, err
}

// missed says why there is no rule.
func (t *Table[T]) missed(q *lookup) error {
	q.collect = true
	t.hosts.walk(q.x.Request.Host, q)
	switch {
	case q.err != nil:
		return q.err
	case q.allow.usual == 0 && len(q.allow.more) == 0:
		return NoRoute.New("")
	case q.method == "OPTIONS":
		return Allow(q.allow.String())
	case q.takes:
		return NoRoute.New("")
	}
	return MethodNotAllowed.New("").With("Allow", q.allow.String())
}

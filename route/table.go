package route

import (
	"errors"
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// A Table finds rules. It never changes, so any number of goroutines may use it.
type Table[T any] struct {
	rules    []*Rule[T] // in the order of Rules
	hosts    hosts
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
	clear(x.Params)
	x.Params = x.Params[:0]
	path := x.Request.Path.Text
	switch {
	case path == "*" && method == "OPTIONS":
		return nil, t.allow
	case path == "" || path[0] != '/':
		return nil, problem.BadRequest.New("")
	}
	q := lookup{x: x, method: method, path: path}
	t.hosts.walk(x.Request.Host, &q)
	switch {
	case q.err != nil:
		return nil, q.err
	case q.found == nil:
		return nil, t.missed(&q)
	}
	r := t.rules[q.found.rule]
	if err := t.ambiguous(&q, r); err != nil {
		return nil, err
	}
	r.Match.Path.bind(x, path)
	return r, nil
}

// A lookup is one search. It stops at the first entry that takes the request, or collects the methods of all.
type lookup struct {
	x      *policy.Exchange
	method string
	path   string
	loose  bool // a path with and without a slash at its end is the same

	found *entry
	err   error

	collect bool
	allow   allowed
	takes   bool // some rule has the method, so conditions are what failed
}

// visit is shown the leaves, and says whether the search is over.
func (q *lookup) visit(l *leaf) bool {
	if q.collect {
		q.gather(l)
		return false
	}
	for _, e := range l.list(q.method) {
		ok, err := e.match.holds(q.x, q.path)
		if err != nil {
			q.err = problem.BadRequest.New("A condition of the route cannot be evaluated for this request.").Because(err)
			return true
		}
		if ok {
			q.found = e
			return true
		}
	}
	return false
}

func (q *lookup) gather(l *leaf) {
	for _, e := range l.entries {
		if e.match.Path.regex != nil && !e.match.Path.matches(q.path) {
			continue
		}
		q.allow.add(e.match)
		q.takes = q.takes || e.match.names(q.method) < notMethod && !refused(q.method)
	}
}

// holds says whether everything about a request that is not in the tree is as m wants it.
func (m *Match) holds(x *policy.Exchange, path string) (bool, error) {
	if m.Path.regex != nil && !m.Path.matches(path) {
		return false, nil
	}
	for i := range m.Headers {
		if c := &m.Headers[i]; !c.holds(header(x.Request, c.Name)) {
			return false, nil
		}
	}
	for i := range m.Query {
		if c := &m.Query[i]; !c.holds(query(x.Request, c.Name)) {
			return false, nil
		}
	}
	for i := range m.Cookies {
		if c := &m.Cookies[i]; !c.holds(cookie(x.Request, c.Name)) {
			return false, nil
		}
	}
	if m.When.IsZero() {
		return true, nil
	}
	return m.asks(x, path)
}

// asks evaluates the expression of m. A request that lacks what it speaks of is not one that it wants.
func (m *Match) asks(x *policy.Exchange, path string) (bool, error) {
	m.Path.bind(x, path)
	ok, err := m.When.Bool(vars(x))
	if missing := (*expr.Missing)(nil); errors.As(err, &missing) {
		return false, nil
	}
	return ok, err
}

func vars(x *policy.Exchange) expr.Vars { v, _ := any(x).(expr.Vars); return v }

// missed says why there is no rule.
func (t *Table[T]) missed(q *lookup) error {
	q.collect, q.allow = true, allowed{}
	t.hosts.walk(q.x.Request.Host, q)
	switch {
	case len(q.allow) == 0:
		return NoRoute.New("")
	case q.method == "OPTIONS":
		return Allow(q.allow.String())
	case q.takes:
		return NoRoute.New("")
	}
	return MethodNotAllowed.New("").With("Allow", q.allow.String())
}

// bind sets x.Params to what the parameters of p stand for in path.
func (p *Pattern) bind(x *policy.Exchange, path string) {
	x.Params = x.Params[:0]
	if len(p.names) == 0 {
		return
	}
	if p.regex != nil {
		p.bindRegex(x, path)
		return
	}
	left := path[1:]
	for i := range p.segments {
		s := &p.segments[i]
		if s.kind == rest {
			x.Params = append(x.Params, policy.Param{Name: s.names[0], Value: decode(x.Request, left, true)})
			return
		}
		var seg string
		seg, left, _ = strings.Cut(left, "/")
		switch s.kind {
		case literal:
		case param:
			x.Params = append(x.Params, policy.Param{Name: s.names[0], Value: decode(x.Request, seg, false)})
		default:
			var room [8]string
			values, _ := s.split(seg, room[:0])
			for j, v := range values {
				x.Params = append(x.Params, policy.Param{Name: s.names[j], Value: decode(x.Request, v, false)})
			}
		}
	}
}

func (p *Pattern) bindRegex(x *policy.Exchange, path string) {
	values := p.regex.FindStringSubmatch(path[len(p.base):])
	for i, name := range p.regex.SubexpNames() {
		if name != "" {
			x.Params = append(x.Params, policy.Param{Name: name, Value: decode(x.Request, values[i], true)})
		}
	}
}

// decode undoes the escapes of a parameter. In one that may span segments an encoded slash stays encoded, or it
// would look like one that separates.
func decode(r *wire.Request, s string, spans bool) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var room [256]byte
	b := room[:0]
	for i := 0; i < len(s); i++ {
		c, ok := wire.Unescape(s[i:])
		if !ok || spans && c == '/' {
			b = append(b, s[i])
			continue
		}
		b = append(b, c)
		i += 2
	}
	return r.Keep(b)
}

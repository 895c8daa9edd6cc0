package gateway

import (
	"errors"
	"slices"

	"sallyport/config"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is for web pages. A browser that asks whether a page may send a request (a preflight) shows no credentials, so it is
// answered before any policy that wants some: by the cors policy of the route which would take that request. And a page has to be
// able to read errors that arise before a route was found.

// preflightGuards are the kinds of policies that preflights pass as well, wherever they stand: they go by the address and by how
// busy the gateway is, and whom they keep out learns nothing. Limits do not count preflights, which cost less than counting them.
var preflightGuards = []string{"ip_filter", "geo_filter", "load_shed"}

// errUnasked says that no cors policy answers a preflight, so that it is a request as any other.
var errUnasked = errors.New("the preflight is left to the routes")

// corsFirst moves cors policies to the front of a chain: they change nothing on the way in, and what any other policy answers is for
// pages to read. Those of a route take the place of those of its api.
func corsFirst(steps []step) []step {
	own := slices.ContainsFunc(steps, func(s step) bool { return s.kind == "cors" && !s.api })
	var first, rest []step
	for _, s := range steps {
		switch {
		case s.kind != "cors":
			rest = append(rest, s)
		case !s.api || !own:
			first = append(first, s)
		}
	}
	return append(first, rest...)
}

// shares says whether pages of other origins are told about a route.
func shares(v *served) bool { return len(v.steps) > 0 && v.steps[0].kind == "cors" }

// sharesItself is shares by policies of the route's own.
func sharesItself(v *served) bool { return shares(v) && !v.steps[0].api }

// corsOf returns the cors policy among steps, which begin with all there are, that is for x; nil when there is none. Of several
// the first whose condition holds counts.
func corsOf(steps []step, x *policy.Exchange) (policy.Policy, error) {
	for _, s := range steps {
		if s.kind != "cors" {
			break
		}
		p, holds, err := unconditional(s.policy, x)
		if err != nil || holds {
			return p, err
		}
	}
	return nil, nil //nolint:nilnil // none is no error
}

// unconditional takes the conditions off a policy, and says whether they hold.
func unconditional(p policy.Policy, x *policy.Exchange) (policy.Policy, bool, error) {
	for {
		c, is := p.(*conditional)
		if !is {
			return p, true, nil
		}
		if holds, err := c.when.Bool(x); err != nil || !holds {
			return nil, false, err
		}
		p = c.policy
	}
}

// A permission is what answers a preflight.
type permission struct {
	rule   *rule  // nil for a path that no route has
	steps  []step // which begin with cors
	guards []policy.Policy
}

// asked returns what answers a preflight for method, which is that of x for now; nil when it is a request as any other. An error is the
// answer.
//
// A route that names OPTIONS takes preflights itself, unless it has cors or would take the request as well.
func (s *snapshot) asked(x *policy.Exchange, method string) (*permission, error) {
	own, err := s.table.FindMethod(x, "OPTIONS")
	named := err == nil && slices.Contains(own.Match.Methods, "OPTIONS")
	if named && sharesItself(own.Value) {
		return own.Value.permission(own), nil
	}
	found, err := s.table.FindAnnounced(x, method)
	switch {
	case err == nil && (named && own != found || !shares(found.Value)):
		return nil, nil //nolint:nilnil // left to the routes
	case err == nil:
		return found.Value.permission(found), nil
	case problem.From(err).Status == 400:
		return nil, err
	case named:
		return nil, nil //nolint:nilnil // left to the routes
	}
	// Nobody takes that method: the browser is told which there are, and tells the page.
	if near := s.table.At(x, func(*served) bool { return true }); near != nil {
		if near = s.table.At(x, shares); near == nil {
			return nil, nil //nolint:nilnil // left to the routes
		}
		return near.Value.permission(near), nil
	}
	// Nobody has that path: the page is to read the 404.
	if a := s.apiOf(x.Request); a != nil {
		return &permission{steps: a.steps, guards: a.guards}, nil
	}
	return nil, nil //nolint:nilnil // left to the routes
}

func (v *served) permission(r *rule) *permission {
	return &permission{rule: r, steps: v.steps, guards: v.guardsOfPreflights}
}

// preflight answers a browser that asks whether a page may send a request of method. The error errUnasked leaves it to the routes.
func (f *flow) preflight(method string) (*wire.Response, error) {
	x := &f.x
	r := x.Request
	r.Method = method // routes and conditions are asked about the request that is to come
	defer func() { r.Method = "OPTIONS" }()
	p, err := f.snapshot.asked(x, method)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errUnasked
	}
	if p.rule != nil {
		f.take(p.rule)
		f.guessed()
	}
	return policy.Chain(p.guards, func(x *policy.Exchange) (*wire.Response, error) { return f.permit(x, p) })(x)
}

// take makes found the route of f.
func (f *flow) take(found *rule) {
	f.rule, f.matched = found, f.x.Request.Path.Text
	f.x.API, f.x.Route = found.Value.api, found.Value.name
	if v := found.Value.version; v != nil {
		f.version, f.of, f.x.Version = v, v.versioned, v.name
	}
}

// leave forgets the route again.
func (f *flow) leave() {
	f.rule, f.matched = nil, ""
	f.x.API, f.x.Route = "", ""
	f.version, f.of, f.x.Version = nil, nil, ""
}

// permit is what a preflight ends in.
func (f *flow) permit(x *policy.Exchange, p *permission) (*wire.Response, error) {
	c, err := corsOf(p.steps, x)
	if err != nil {
		return nil, err
	}
	answerer, can := c.(policy.Preflighter)
	if !can {
		return nil, errUnasked
	}
	resp, err := answerer.Preflight(x, func() string { return f.snapshot.methods(x, p) })
	if resp != nil || err != nil {
		return resp, err
	}
	if p.rule == nil {
		return nil, errUnasked
	}
	x.Request.Method = "OPTIONS"
	if p.rule.Value.raw {
		x.Request.Path.Text = x.Request.Path.Raw
	}
	return p.rule.Value.handler(x)
}

// methods lists what pages may use at the path of x: the methods of its routes, and one that only a route for all takes. At a path that
// nobody has it is what they ask for.
func (s *snapshot) methods(x *policy.Exchange, p *permission) string {
	method := x.Request.Method
	if p.rule == nil {
		return method
	}
	list := s.table.Methods(x)
	if !wire.ListHas(list, method) && len(p.rule.Match.Methods) == 0 {
		list += ", " + method
	}
	return list
}

// outside makes what the gateway answers before a route was found readable for pages that the routes of that path, or of that api, are
// for.
func (s *snapshot) outside(x *policy.Exchange, resp *wire.Response, err error) (*wire.Response, error) {
	if !s.sharing {
		return resp, err
	}
	var steps []step
	if near := s.table.At(x, shares); near != nil {
		steps = near.Value.steps
	} else if a := s.apiOf(x.Request); a != nil {
		steps = a.steps
	}
	return forPages(x, steps, resp, err)
}

// outside is the same for an error in place of the route of v.
func (v *served) outside(x *policy.Exchange, err error) (*wire.Response, error) {
	return forPages(x, v.steps, nil, err)
}

// forPages has the cors policy among steps say who may read an answer.
func forPages(x *policy.Exchange, steps []step, resp *wire.Response, err error) (*wire.Response, error) {
	p, wrong := corsOf(steps, x)
	if p == nil || wrong != nil {
		return resp, err
	}
	return p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return resp, err })
}

// A sharedAPI is an api with cors.
type sharedAPI struct {
	place
	steps  []step
	guards []policy.Policy
}

// sharing keeps the cors policies of an api for what the gateway answers before a route was found.
func (b *builder) sharing(a *config.API, steps []step) {
	first := corsFirst(steps)
	if len(first) == 0 || first[0].kind != "cors" {
		return
	}
	b.snapshot.sharing = true
	b.snapshot.apis = append(b.snapshot.apis, sharedAPI{placeOfAPI(a), first, guardsOfPreflights(first)})
}

// guardsOfPreflights are those of steps that preflights pass.
func guardsOfPreflights(steps []step) (guards []policy.Policy) {
	for _, s := range steps {
		if slices.Contains(preflightGuards, s.kind) {
			guards = append(guards, s.policy)
		}
	}
	return guards
}

// apiOf returns the api with cors that r is for, by host and path; nil when there is none.
func (s *snapshot) apiOf(r *wire.Request) (best *sharedAPI) {
	for i := range s.apis {
		if a := &s.apis[i]; a.holds(r) && (best == nil || a.before(&best.place)) {
			best = a
		}
	}
	return best
}

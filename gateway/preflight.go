package gateway

import (
	"errors"
	"slices"
	"strings"

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

// asked returns the route whose cors policy answers a preflight for method, which is that of x for now; nil when it is a request as any
// other. An error is the answer.
//
// A route that names OPTIONS takes preflights itself, unless it has cors or would take the request as well.
func (s *snapshot) asked(x *policy.Exchange, method string) (*rule, error) {
	own, err := s.table.FindMethod(x, "OPTIONS")
	named := err == nil && slices.Contains(own.Match.Methods, "OPTIONS")
	if named && sharesItself(own.Value) {
		return own, nil
	}
	found, err := s.table.FindAnnounced(x, method)
	if err == nil {
		if named && own != found || !shares(found.Value) {
			return nil, nil //nolint:nilnil // left to the routes
		}
		return found, nil
	}
	if p := problem.From(err); p.Status == 400 {
		return nil, err
	}
	if named {
		return nil, nil //nolint:nilnil // left to the routes
	}
	// Nobody takes that method: the browser is told which there are, and tells the page.
	return s.table.At(x, shares), nil
}

// preflight answers a browser that asks whether a page may send a request of method. The error errUnasked leaves it to the routes.
func (f *flow) preflight(method string) (*wire.Response, error) {
	s, x := f.snapshot, &f.x
	r := x.Request
	r.Method = method // routes and conditions are asked about the request that is to come
	defer func() { r.Method = "OPTIONS" }()
	found, err := s.asked(x, method)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errUnasked
	}
	v := found.Value
	f.take(found)
	return policy.Chain(v.guardsOfPreflights, f.permit)(x)
}

// take makes found the route of f.
func (f *flow) take(found *rule) {
	f.rule, f.matched = found, f.x.Request.Path.Text
	f.x.API, f.x.Route = found.Value.api, found.Value.name
}

// leave forgets the route again.
func (f *flow) leave() {
	f.rule, f.matched = nil, ""
	f.x.API, f.x.Route = "", ""
}

// permit is what a preflight ends in.
func (f *flow) permit(x *policy.Exchange) (*wire.Response, error) {
	v := f.rule.Value
	p, err := corsOf(v.steps, x)
	if err != nil {
		return nil, err
	}
	answerer, can := p.(policy.Preflighter)
	if !can {
		return nil, errUnasked
	}
	resp, err := answerer.Preflight(x, func() string { return f.snapshot.methods(x, f.rule) })
	if resp != nil || err != nil {
		return resp, err
	}
	x.Request.Method = "OPTIONS"
	if v.raw {
		x.Request.Path.Text = x.Request.Path.Raw
	}
	return v.handler(x)
}

// methods lists what pages may use at the path of x, and the method of the request that found takes.
func (s *snapshot) methods(x *policy.Exchange, found *rule) string {
	list := s.table.Methods(x)
	method := x.Request.Method
	if !wire.ListHas(list, method) && len(found.Match.Methods) == 0 && strings.ToUpper(method) == method {
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
	} else {
		steps = s.apiOf(x.Request)
	}
	p, wrong := corsOf(steps, x)
	if p == nil || wrong != nil {
		return resp, err
	}
	return p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return resp, err })
}

// A sharedAPI is an api with cors.
type sharedAPI struct {
	hosts *hostSet // nil for every host
	base  string   // without a slash at its end
	steps []step
}

// sharing keeps the cors policies of an api for what the gateway answers before a route was found.
func (b *builder) sharing(a *config.API, steps []step) {
	first := corsFirst(steps)
	if len(first) == 0 || first[0].kind != "cors" {
		return
	}
	b.snapshot.sharing = true
	b.snapshot.apis = append(b.snapshot.apis, sharedAPI{newHostSet(a.Hosts), strings.TrimSuffix(a.BasePath, "/"), first})
}

// apiOf returns the cors policies of the api that r is for, by host and path.
func (s *snapshot) apiOf(r *wire.Request) []step {
	var best *sharedAPI
	for i := range s.apis {
		a := &s.apis[i]
		rest, in := strings.CutPrefix(r.Path.Text, a.base)
		if !in || rest != "" && rest[0] != '/' || a.hosts != nil && !a.hosts.has(r.Host) {
			continue
		}
		if best == nil || best.hosts == nil && a.hosts != nil || (best.hosts == nil) == (a.hosts == nil) && len(a.base) > len(best.base) {
			best = a
		}
	}
	if best == nil {
		return nil
	}
	return best.steps
}

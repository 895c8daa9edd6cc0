// Package forwardauth asks a service whether a request may pass.
package forwardauth

import (
	"errors"
	"slices"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

const name = "forward_auth"

var unavailable = problem.Define("auth_unavailable", 503, "Authorization unavailable", "The service that decides about requests, see the policy forward_auth, gives no decision right now.")

// Kind declares the policy forward_auth.
var Kind = plug.Define(name, "Asks a service whether a request may pass, and what to tell the upstream of who sent it.", build)

// A gate asks about requests. All requests of a route share it.
type gate struct {
	Config
	to     policy.Upstream
	book   *identity.Book
	all    bool   // all fields are in the question
	judges bool   // Authorization is in the question
	cache  *cache // nil for none

	withBody []string // the fields of a question that has a body

	denied, redirected, failed, unread, twice, stranger func(*policy.Exchange)
	countOpen, countKept                                func()
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	to, err := env.To(c.Upstream)
	if err != nil {
		return nil, schema.At("upstream", err)
	}
	g := &gate{
		Config: c, to: to, book: env.Identity,
		denied: env.Denier(name, "denied"), redirected: env.Denier(name, "redirected"), failed: env.Denier(name, "unavailable"),
	}
	g.unread, g.twice = env.Denier(name, "body"), env.Denier(name, "ambiguous")
	if g.RequestHeaders == nil {
		g.RequestHeaders = []string{"Authorization", "Cookie"}
	}
	g.withBody = append(slices.Clone(g.RequestHeaders), policy.OfBody[:]...)
	g.all = slices.Equal(g.RequestHeaders, []string{"*"})
	g.judges = g.all || slices.ContainsFunc(g.RequestHeaders, func(n string) bool { return wire.NameOf(n) == wire.Authorization })
	if c.FailOpen {
		g.countOpen = env.Acted(name, "fail_open")
	}
	if c.Consumer != "" {
		g.stranger = env.Denier(name, "unknown_consumer")
	}
	if c.Cache != nil {
		g.countKept = env.Acted(name, "cached")
		g.cache = store.Shared(env.State, name+" "+env.Where+" "+g.told(), func() *cache { return newCache(c.Cache.Max) })
	}
	return g, nil
}

// Asserts names what the upstream is told of a client.
func (g *gate) Asserts() []string { return g.ResponseHeaders }

// Handle asks, unless the answer is known, and does as it is told.
func (g *gate) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if err := ambiguous(x.Request); err != nil {
		g.twice(x)
		return nil, err
	}
	a, err := g.answer(x)
	if err != nil {
		switch {
		case errors.Is(err, wire.ErrClientGone):
		case problem.From(err).Status >= 500:
			g.failed(x)
		default:
			g.unread(x)
		}
		return nil, err
	}
	g.strip(x)
	switch a.how {
	case allowed:
		if err := g.admit(x, a); err != nil {
			return nil, err
		}
		resp, err := next(x)
		return tell(a, resp, err)
	case unclear:
		if g.FailOpen && a.open && !late(x) {
			g.countOpen()
			return next(x)
		}
		g.failed(x)
		return nil, unavailable.Wrap(a.err).With("Retry-After", "1")
	}
	if a.how == redirected {
		g.redirected(x)
	} else {
		g.denied(x)
	}
	x.Denied.Foreign = a.how == redirected || a.status == 401 // perhaps another policy knows who it is
	return a.response(), nil
}

// late says whether the time of x is used up. Its client may have set that, so that the service had no time to answer.
func late(x *policy.Exchange) bool { return !x.Deadline.IsZero() && !time.Now().Before(x.Deadline) }

// ambiguous is the problem of a request with two Authorization fields: who decides might read the one, and the upstream the other.
func ambiguous(r *wire.Request) error {
	_, _, err := identity.Authorization(r, "")
	return err
}

// strip takes out what only the answer may say, and the credentials that the service has judged.
func (g *gate) strip(x *policy.Exchange) {
	if !g.Keep && g.judges {
		x.Request.Header.DelKnown(wire.Authorization)
	}
	for _, field := range g.ResponseHeaders {
		x.Request.Header.DelAlike(field)
	}
}

// admit has the request go on as the answer says.
func (g *gate) admit(x *policy.Exchange, a *answer) error {
	for _, f := range a.onward {
		x.Request.Header.Add(f[0], f[1])
	}
	if g.Subject != "" || x.Auth.Type == "" {
		x.Auth = policy.Auth{Type: name, Subject: a.subject}
	}
	if g.Consumer == "" {
		return nil
	}
	if x.Consumer = nil; a.consumer == "" {
		return nil
	}
	if x.Consumer = g.book.Consumer(a.consumer); x.Consumer == nil {
		g.stranger(x)
		return problem.Forbidden.Wrap(errStranger)
	}
	return nil
}

var errStranger = errors.New("the service names a consumer that there is not")

// tell adds what the client is to get of the answer.
func tell(a *answer, resp *wire.Response, err error) (*wire.Response, error) {
	switch {
	case len(a.back) == 0:
		return resp, err
	case err != nil:
		p := *problem.From(err) // one problem may be the answer to many requests
		p.Header = slices.Concat(p.Header, a.back)
		return nil, &p
	}
	for i, f := range a.back {
		if wire.NameOf(f[0]) != wire.SetCookie && (i == 0 || a.back[i-1][0] != f[0]) {
			resp.Header.Del(f[0])
		}
		resp.Header.Add(f[0], f[1])
	}
	return resp, nil
}

// Takes says where credentials stand.
func (g *gate) Takes() []string {
	if !g.judges {
		return nil
	}
	return []string{"header:Authorization"}
}

// Clear takes out what the service was to judge.
func (g *gate) Clear(r *wire.Request) {
	if g.judges {
		r.Header.DelKnown(wire.Authorization)
	}
}

// Keeps says whether that goes on to the upstream.
func (g *gate) Keeps() bool { return g.Keep }

// Tells lists the fields that the service decides by.
func (g *gate) Tells() []string { return g.RequestHeaders }

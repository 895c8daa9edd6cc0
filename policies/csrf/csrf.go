// Package csrf keeps pages of other sites from acting for whoever visits them: a browser sends the cookies of a site along with
// requests of any page.
package csrf

import (
	"errors"
	"fmt"

	"sallyport/origin"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "csrf"

// Kind declares the policy csrf.
var Kind = plug.Define(name, "Refuses requests that pages of other sites make a browser send, by what browsers tell of the page; what is no browser passes.", build)

// Config is what the document says.
type Config struct {
	TrustedOrigins []origin.Pattern `json:"trusted_origins" one:"true" doc:"Pages beside one's own that may send such requests, by their origin: https://app.example.com, https://*.example.com for all names below one, or {regex} for the whole of an origin."`
}

// Check refuses to trust everybody.
func (c *Config) Check() error {
	for i := range c.TrustedOrigins {
		if c.TrustedOrigins[i].Any() {
			return schema.At(fmt.Sprintf("trusted_origins[%d]", i), errors.New("* is every page, and csrf would keep nothing out; name the origins, or remove csrf"))
		}
	}
	return nil
}

type guard struct {
	trusted *origin.List

	isCross, isForeign, isUnclear func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	return &guard{
		trusted: origin.NewList(c.TrustedOrigins),
		isCross: env.Denier(name, "cross_site"), isForeign: env.Denier(name, "foreign_origin"), isUnclear: env.Denier(name, "unclear_origin"),
	}, nil
}

// Handle refuses requests that change something and come from a page of another site.
func (g *guard) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	v := g.judge(x.Request)
	switch v {
	case crossSite:
		g.isCross(x)
	case foreign:
		g.isForeign(x)
	case unclear:
		g.isUnclear(x)
	default:
		return next(x)
	}
	return nil, problem.Forbidden.New("%s", details[v])
}

// A verdict is what is thought of a request.
type verdict uint8

const (
	safe       verdict = iota // it changes nothing
	sameOrigin                // the browser says so, or that no page sent it
	trusted
	sameHost
	noBrowser
	crossSite
	foreign
	unclear
)

// details are what clients are told.
var details = map[verdict]string{
	crossSite: "A page of another site sent this request.",
	foreign:   "A page of another origin sent this request.",
	unclear:   "The request does not tell in one way which page sent it.",
}

const secFetchSite = "Sec-Fetch-Site"

// judge decides as http.CrossOriginProtection of Go does, and more strictly where the gateway can tell more: WebSockets, which browsers
// open for any page and with cookies, are as unsafe as POST.
func (g *guard) judge(r *wire.Request) verdict {
	if isSafe(r) {
		return safe
	}
	site, told, once := r.Header.Single(secFetchSite)
	from, named, one := r.Header.Single("Origin")
	switch {
	case !once || !one:
		return unclear
	case site == "same-origin" || site == "none":
		return sameOrigin
	case named && g.trusted.Match(from):
		return trusted
	case told && site != "":
		return crossSite
	case !named:
		return noBrowser
	case origin.SameHost(from, r.Host, r.Port, r.Scheme == "https"):
		return sameHost
	}
	return foreign
}

// isSafe says whether r changes nothing (RFC 9110 §9.2.1) and opens no connection that could.
func isSafe(r *wire.Request) bool {
	return (r.Method == "GET" || r.Method == "HEAD" || r.Method == "OPTIONS") && r.Upgrade == ""
}

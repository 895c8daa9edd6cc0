package csrf

import (
	"fmt"

	"sallyport/policy"
	"sallyport/problem"
)

// Explain says what the request tells of the page that sent it.
func (g *guard) Explain(x *policy.Exchange) (said policy.Verdict) {
	v := g.judge(x.Request)
	if text := details[v]; text != "" {
		said.Err = problem.Forbidden.New("%s", text)
	}
	site, from := x.Request.Header.Get(secFetchSite), x.Request.Header.Get("Origin")
	switch v {
	case safe:
		said.Why = x.Request.Method + " changes nothing"
	case sameOrigin:
		said.Why = "the browser says that it is of the same origin, or of no page: " + site
	case trusted:
		pattern, _ := g.trusted.Which(from)
		said.Why = fmt.Sprintf("%s trusts %s", pattern, from)
	case sameHost:
		said.Why = "the page is of the same host"
	case noBrowser:
		said.Why = "nothing says that a browser sent it"
	case crossSite:
		said.Why = fmt.Sprintf("the browser says that it is of another origin: %.40q", site)
	case foreign:
		said.Why = fmt.Sprintf("the page is of %.100q, and the request is for another host", from)
	case unclear:
		said.Why = "the request says several times where it is from"
	}
	return said
}

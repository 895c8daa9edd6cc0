package forwardauth

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// Explain says what would be asked. What the answer would be, nobody can tell without asking.
func (g *gate) Explain(x *policy.Exchange) policy.Verdict {
	if err := ambiguous(x.Request); err != nil {
		return policy.Verdict{Why: "the request has two Authorization fields", Err: err}
	}
	why := fmt.Sprintf("%s is asked by %s %s, and its answer decides", g.to.Name(), g.method(x), g.Path)
	if g.FailOpen {
		why += "; without one, requests pass"
	}
	v := policy.Verdict{Why: why, Asks: true}
	var sent []string
	for _, n := range g.RequestHeaders {
		if n == "*" || x.Request.Header.Has(n) {
			sent = append(sent, n)
		}
	}
	if len(sent) > 0 {
		v.Facts = append(v.Facts, policy.Fact{Name: "sends", Value: strings.Join(sent, ", ")})
	}
	if g.judges && !g.Keep && x.Request.Header.HasKnown(wire.Authorization) && !slices.ContainsFunc(g.ResponseHeaders, func(n string) bool { return wire.NameOf(n) == wire.Authorization }) {
		v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "remove", Name: "Authorization"})
	}
	for _, n := range g.ResponseHeaders {
		if x.Request.Header.Has(n) {
			v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "remove", Name: n})
		}
	}
	for _, n := range g.ResponseHeaders {
		v.Facts = append(v.Facts, policy.Fact{Name: "takes over", Value: n})
	}
	g.strip(x)
	if x.Auth.Type == "" {
		x.Auth.Type = name
	}
	return v
}

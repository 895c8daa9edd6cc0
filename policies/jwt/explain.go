package jwt

import (
	"errors"
	"strings"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

// Explain checks the token against the keys that are known now; it fetches none. The token itself is not shown.
func (g *gate) Explain(x *policy.Exchange) (v policy.Verdict) {
	before := x.Request.Header.Clone()
	why, err := g.admit(x, time.Now(), none)
	for i := range g.forward {
		f := &g.forward[i]
		switch value, set := x.Request.Header.Lookup(f.name); {
		case set:
			v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "set", Name: f.name, Value: value})
		case before.Has(f.name):
			v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "remove", Name: f.name})
		}
	}
	for _, p := range g.from {
		if p.In() == "header" && before.Has(p.Name()) && !x.Request.Header.Has(p.Name()) {
			v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "remove", Name: p.Name()})
		}
	}
	v.Err = err
	switch {
	case why != good:
		x.Denied = policy.Denial{Policy: name, Reason: string(why), Foreign: foreign(why)}
		v.Why = words[why]
		var p *problem.Problem
		if why == scopeNo && errors.As(err, &p) {
			v.Facts = []policy.Fact{{Name: "needs", Value: g.needs()}}
		}
	case x.Auth.Type == "":
		v.Why = "there is no token, and none is needed"
	default:
		v.Why = "the token is good"
		v.Facts = g.facts(x)
	}
	return v
}

// words say of each reason what it means.
var words = map[reason]string{
	missing:     "there is no token",
	malformed:   "the token cannot be read",
	algorithmNo: "the token is signed in a way that is not allowed",
	typeNo:      "the token is of another type",
	issuerNo:    "the token's issuer is not trusted",
	audienceNo:  "the token is for somebody else",
	expired:     "the token has expired",
	early:       "the token is not valid yet",
	old:         "the token was issued too long ago",
	lacking:     "the token lacks a claim that is required",
	keyNo:       "the issuer has no key that the token could be signed by, as far as is known without asking it again",
	signatureNo: "the token's signature is wrong",
	revoked:     "the token was revoked",
	noKeys:      "the issuer's keys are not known, so that no token can be checked",
	scopeNo:     "the token lacks a scope",
	claimNo:     "a claim of the token is not what is wanted",
}

// needs spells the scopes that are wanted.
func (g *gate) needs() string {
	var parts []string
	if len(g.scopes.All) > 0 {
		parts = append(parts, strings.Join(g.scopes.All, " and "))
	}
	if len(g.scopes.Any) > 0 {
		parts = append(parts, strings.Join(g.scopes.Any, " or "))
	}
	return strings.Join(parts, ", and ")
}

// facts are what the token says of who sent it.
func (g *gate) facts(x *policy.Exchange) []policy.Fact {
	var facts []policy.Fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, policy.Fact{Name: name, Value: value})
		}
	}
	add("issuer", x.Auth.Issuer)
	add("subject", x.Auth.Subject)
	add("scopes", strings.Join(x.Auth.Scopes, " "))
	if x.Consumer != nil {
		add("consumer", x.Consumer.Name)
	}
	return facts
}

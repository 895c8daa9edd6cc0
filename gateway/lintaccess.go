package gateway

import (
	"net/netip"
	"net/url"
	"slices"

	"sallyport/expr"
	"sallyport/lint"
	"sallyport/policy"
	"sallyport/schema"
)

// This file finds what is unwise about who may come in: rules about nobody, guards that guard nothing, decisions that are taken in clear.

var (
	aboutNobody = lint.Define(lint.Rule{Code: "SP111", Title: "A rule about somebody whom nobody knows",
		Why:     "authorize looks at auth or consumer, and no policy before it finds out who sent the request. The rule refuses everybody, or is met by everybody.",
		Do:      "Put authentication before it, on the route or on its api.",
		Example: "policies:\n  - authorize: '\"admin\" in auth.scopes'\n  - api_key: {}"})
	oneWay = lint.Define(lint.Rule{Code: "SP112", Severity: lint.Note, Title: "An any_of of one policy",
		Why:     "There is one way in, so that the policy could stand by itself. A second one may have been forgotten.",
		Do:      "Write the policy without any_of, or add the other ways.",
		Example: "any_of: [{ api_key: {} }]"})
	anybodyElse = lint.Define(lint.Rule{Code: "SP113", Title: "An any_of that lets in whoever shows nothing",
		Why:     "One of its policies is optional, so that a request that nobody knows passes. Of all the others, none keeps anybody out.",
		Do:      "Leave optional out. If anybody may come in, say so with a rule behind it that tells what nobody may do.",
		Example: "any_of: [{ api_key: {} }, { jwt: { issuer: https://idp.example.com, audience: shop, optional: true } }]"})
	passesOver = lint.Define(lint.Rule{Code: "SP114", Severity: lint.Note, Title: "Wrong credentials that end nothing",
		Why:     "With on_invalid next, a client whose key was revoked or whose token has expired may pass by another policy, perhaps as nobody in particular, and never hears of it.",
		Do:      "Leave on_invalid out, unless clients send credentials that are for somebody else and look as if they were for the gateway.",
		Example: "any_of: { policies: [{ api_key: {} }, { ip_filter: { allow: 10.0.0.0/8 } }], on_invalid: next }"})
	everybodyIn = lint.Define(lint.Rule{Code: "SP115", Title: "An address filter that lets everybody in",
		Why:     "The network in allow holds every address, so that the filter keeps out nobody but those in deny.",
		Do:      "Name the networks that are meant, or leave allow out.",
		Example: "ip_filter: { allow: [0.0.0.0/0, \"::/0\"] }"})

	authOpen = lint.Define(lint.Rule{Code: "SP306", Title: "Authorization that fails open",
		Why:     "While the service of forward_auth does not answer, everybody passes. Who can make it fail, by load for one, comes in.",
		Do:      "Leave fail_open out; cache keeps decisions while the service is away for a moment.",
		Example: "forward_auth: { upstream: auth, fail_open: true }"})
	listOpen = lint.Define(lint.Rule{Code: "SP307", Severity: lint.Note, Title: "A list that keeps nobody out until it is there",
		Why:     "With until_fetched pass a feed that cannot be fetched at the start keeps nobody out.",
		Do:      "Leave until_fetched out if requests had better wait than pass.",
		Example: "ip_filter: { feeds: [{ url: https://example.com/drop.txt, until_fetched: pass }] }"})
	clearDecisions = lint.Define(lint.Rule{Code: "SP413", Severity: lint.Note, Title: "Decisions in clear",
		Why:     "forward_auth sends credentials to its service and believes what comes back, by http to another machine. Whoever is on the way reads the ones and makes up the other.",
		Do:      "Write https, unless the network is one that nobody else is on.",
		Example: "upstreams:\n  auth: { targets: [http://10.0.0.5:8080] }\nroutes: [{ match: /, policies: [{ forward_auth: auth }], upstream: shop }]"})
	clearFeed = lint.Define(lint.Rule{Code: "SP414", Title: "A list of addresses that is fetched in clear",
		Why:     "Whoever is on the way can put addresses in it or take them out, and decides who is let in.",
		Do:      "Write https.",
		Example: "ip_filter: { feeds: http://lists.example.com/drop.txt }"})
)

// access looks at the guards of all routes.
func (b *builder) access(rules []*rule) {
	for _, r := range rules {
		b.guards(r.Value.steps, false)
	}
}

// guards looks at a list of steps; known says that somebody finds out before them who sent the request.
func (b *builder) guards(steps []step, known bool) {
	for _, s := range steps {
		switch s.kind {
		case "authorize":
			b.rulesOf(s, known)
		case "any_of":
			b.waysOf(s)
			for _, list := range s.inner {
				b.guards(list, known)
			}
		case "forward_auth":
			b.decisionsOf(s)
		case "ip_filter":
			b.listsOf(s)
		}
		known = known || s.identifies()
	}
}

// bare is a policy without its conditions.
func bare(p policy.Policy) policy.Policy {
	for {
		switch c := p.(type) {
		case *conditional:
			p = c.policy
		case *must:
			p = c.policy
		default:
			return p
		}
	}
}

func (b *builder) rulesOf(s step, known bool) {
	ruled, ok := bare(s.policy).(interface{ Rules() []expr.Expr })
	if !ok {
		return
	}
	for _, e := range ruled.Rules() {
		if holds, constant := constantly(e); constant {
			b.once(constantCondition, s, "the rule %v is always %v", e, holds)
		}
		about := slices.ContainsFunc(e.Uses(), func(r expr.Ref) bool { return r.Root == "auth" || r.Root == "consumer" })
		if about && !known {
			b.once(aboutNobody, s, "nothing before it finds out who sent the request, and %v is about that", e)
		}
	}
}

func (b *builder) waysOf(s step) {
	if len(s.inner) == 1 {
		b.once(oneWay, s, "there is one way in")
	}
	if fieldText(s.node, "on_invalid") == "next" {
		b.once(passesOver, s, "wrong credentials go on to the next policy")
	}
	for _, list := range s.inner {
		for _, t := range list {
			if fieldText(t.node, "optional") == "true" && len(list) == 1 {
				b.once(anybodyElse, t, "it is optional, so whoever shows nothing comes in by it")
			}
		}
	}
}

func (b *builder) decisionsOf(s step) {
	if fieldText(s.node, "fail_open") == "true" {
		b.once(authOpen, s, "while its service does not answer, everybody passes")
	}
	name := fieldText(s.node, "upstream")
	if s.node.Kind == schema.String {
		name = s.node.Text
	}
	c := b.doc.Upstreams[name]
	if c == nil {
		return
	}
	for _, t := range c.Targets {
		if t.URL != nil && t.URL.Scheme != "https" && !here(t.URL) {
			b.once(clearDecisions, s, "%s is asked in clear", t.URL.Host)
			return
		}
	}
}

// here says whether a URL leads to this machine.
func here(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func (b *builder) listsOf(s step) {
	for _, n := range s.node.Field("allow").List() {
		if p, err := schema.ParsePrefix(n.Text); err == nil && p.Bits() == 0 {
			b.once(everybodyIn, s, "%v is every address", p)
		}
	}
	for _, n := range s.node.Field("feeds").List() {
		text := n.Text
		if n.Kind == schema.Map {
			text = fieldText(n, "url")
			if fieldText(n, "until_fetched") == "pass" {
				b.once(listOpen, s, "nobody is kept out by a feed until it could be fetched")
			}
		}
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && !here(u) {
			b.once(clearFeed, s, "the list of %s is fetched in clear", u.Host)
		}
	}
}

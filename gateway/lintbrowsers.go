package gateway

import (
	"net/url"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/lint"
	"sallyport/origin"
	"sallyport/schema"
)

// This file finds what is unwise about pages and browsers.

var (
	looseOrigin = lint.Define(lint.Rule{Code: "SP701", Title: "Origins of more pages than are meant",
		Why:     "A wildcard stands right in front of a top-level domain, or a regular expression has a bare dot in a name, or a name that may begin or end with anything: https://.*example\\.com is also https://evilexample.com.",
		Do:      "Write \\. for a dot and end what may vary with one, or write https://*.example.com.",
		Example: "policies:\n  - cors: { origins: [{ regex: \"https://app.example\\\\.com\" }] }"})
	nullTrusted = lint.Define(lint.Rule{Code: "SP702", Title: "Pages without an origin are trusted",
		Why:     "null is the origin of files, and of sandboxed frames, which any page can make. With credentials, or as a trusted origin, any page can act for whoever visits it.",
		Do:      "Leave null out, or credentials.",
		Example: "policies:\n  - cors: { origins: [\"null\"], credentials: true }"})
	clearOrigin = lint.Define(lint.Rule{Code: "SP703", Title: "Pages that come in clear are trusted",
		Why:     "A page of an http origin can be changed on its way, and then reads what it may and acts for who visits it.",
		Do:      "Serve the page by https and name that origin.",
		Example: "policies:\n  - cors: { origins: http://app.example.org, credentials: true }"})
	lateQuestion = lint.Define(lint.Rule{Code: "SP704", Title: "CORS that depends on who asks",
		Why:     "The when of a cors policy looks at auth, consumer or the body. Browsers ask without credentials and without a body whether a page may send a request, so that the answer is always no.",
		Do:      "Let it depend on the path or the method, or leave it out: the request itself passes authentication all the same.",
		Example: "policies:\n  - jwt: { issuer: https://idp.example.com, audience: shop }\n  - cors: { origins: https://app.example.com }\n    when: auth.subject != \"\""})
	cookiesForAll = lint.Define(lint.Rule{Code: "SP705", Title: "Cookies that pages cannot send",
		Why:     "The route finds out who sent a request by a cookie, and cors allows every page, which is without credentials: browsers send no cookies then.",
		Do:      "Name the origins and add credentials: true.",
		Example: "policies:\n  - cors: { origins: \"*\" }\n  - api_key: { in: cookie:key }"})
	privateForAll = lint.Define(lint.Rule{Code: "SP706", Title: "Every page may reach into the network",
		Why:     "private_network lets pages of the internet reach the gateway in a private network, and origins is *: any page can use the browsers inside.",
		Do:      "Name the origins.",
		Example: "policies:\n  - cors: { origins: \"*\", private_network: true }"})
	unguardedCookie = lint.Define(lint.Rule{Code: "SP707", Title: "Cookies without csrf",
		Why:     "The route finds out who sent a request by a cookie, which browsers send along with requests of any page, and takes methods that change something.",
		Do:      "Put csrf in front, with the trusted_origins of your other pages.",
		Example: "routes:\n  - { match: POST /orders, policies: [{ api_key: { in: cookie:key } }], upstream: orders }"})
	hstsInClear = lint.Define(lint.Rule{Code: "SP708", Title: "A promise of TLS that nobody hears",
		Why:     "security_headers has hsts, which is sent in answers to requests that came by TLS only, and none can: no listener has tls, and no proxy in front is trusted.",
		Do:      "Give a listener tls, name the proxy that ends TLS under trusted_proxies, or leave hsts out.",
		Example: "listeners: [\":80\"]\nroutes: [{ match: /, policies: [{ security_headers: { hsts: 365d } }], upstream: shop }]"})
)

func (b *builder) browsers(rules []*rule) {
	secure := len(b.doc.TrustedProxies) > 0 || slices.ContainsFunc(b.doc.Listeners, func(l config.Listener) bool { return l.TLS != nil })
	for _, r := range rules {
		for _, s := range r.Value.steps {
			switch s.kind {
			case "cors":
				b.cors(r, s)
			case "csrf":
				b.origins(s, "trusted_origins", true)
			case "security_headers":
				if s.node.Field("hsts") != nil && fieldText(s.node, "hsts") != "none" && !secure {
					b.once(hstsInClear, s, "hsts is for answers by TLS, and nobody comes by TLS here")
				}
			}
		}
		b.cookies(r)
	}
}

// cors looks at one cors policy of r.
func (b *builder) cors(r *rule, s step) {
	credentials := fieldText(s.node, "credentials") == "true"
	b.origins(s, "origins", credentials)
	if c, is := s.policy.(*conditional); is {
		for _, ref := range c.when.Uses() {
			if ref.Root == "auth" || ref.Root == "consumer" || ref.Root == "request" && ref.Field == "body" {
				b.once(lateQuestion, s, "its when asks for %s, which browsers that ask for a page do not tell", ref)
			}
		}
	}
	if !slices.ContainsFunc(originsOf(s, "origins"), func(o writtenOrigin) bool { return o.Any() }) {
		return
	}
	if fieldText(s.node, "private_network") == "true" {
		b.once(privateForAll, s, "any page may reach the gateway from within the network; name the origins")
	}
	if byCookie(r.Value) {
		b.once(cookiesForAll, s, "the route goes by a cookie, which browsers do not send for origins: *")
	}
}

// A writtenOrigin is a pattern and where it stands.
type writtenOrigin struct {
	origin.Pattern
	node *schema.Node
	path string
}

// originsOf returns the patterns of a setting, which have been read once without an error.
func originsOf(s step, setting string) (out []writtenOrigin) {
	n := s.node.Field(setting)
	list := n.List()
	for i, item := range list {
		o := writtenOrigin{node: item, path: schema.Join(s.path, setting)}
		if n.Kind == schema.List {
			o.path = schema.Index(o.path, i)
		}
		if len(o.UnmarshalNode(item, "")) == 0 {
			out = append(out, o)
		}
	}
	return out
}

// origins looks at the pages of a setting; trusted says that they can act for those who visit them.
func (b *builder) origins(s step, setting string, trusted bool) {
	for _, o := range originsOf(s, setting) {
		at := s
		at.node, at.path = o.node, o.path
		scheme, host, _ := strings.Cut(o.String(), "://")
		switch rest, wild := strings.CutPrefix(host, "*."); {
		case wild && !strings.Contains(rest, "."):
			b.once(looseOrigin, at, "%s is every page under .%s", o.String(), rest)
		case o.Loose() != "":
			b.once(looseOrigin, at, "%q in it stands for more than it says", o.Loose())
		case trusted && o.Null():
			b.once(nullTrusted, at, "any page can have a frame whose origin is null")
		case trusted && scheme == "http" && where(&url.URL{Host: strings.TrimPrefix(host, "*.")}) != inside:
			b.once(clearOrigin, at, "the pages of %s come in clear, and can be changed on the way", o.String())
		}
	}
}

// byCookie says whether v finds out who sent a request by a cookie.
func byCookie(v *served) bool {
	for i, kind := range v.kinds {
		if kind == "oidc" || slices.Contains(authenticates, kind) && strings.Contains(v.guards[i], "cookie:") {
			return true
		}
	}
	return false
}

// cookies finds routes that change something for whoever has a cookie, whichever page asks.
func (b *builder) cookies(r *rule) {
	v := r.Value
	changes := len(r.Match.Methods) == 0 || slices.ContainsFunc(r.Match.Methods, func(m string) bool { return m != "GET" && m != "HEAD" && m != "OPTIONS" })
	if !changes || slices.Contains(v.kinds, "csrf") || !byCookie(v) {
		return
	}
	for i, s := range v.steps {
		if s.kind == "oidc" || slices.Contains(authenticates, s.kind) && strings.Contains(v.guards[i], "cookie:") {
			b.once(unguardedCookie, s, "a page of another site can have a browser send the cookie to %s; put csrf in front", r.Name)
			return
		}
	}
}

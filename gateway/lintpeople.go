package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/identity"
	"sallyport/lint"
	"sallyport/schema"
	"sallyport/telemetry"
)

// This file finds what is unwise about consumers, their credentials and plans, and refuses keys for routes that there are not.

var (
	keyInQuery = lint.Define(lint.Rule{Code: "SP601", Title: "API keys in URLs",
		Why:     "URLs end up in histories, in logs of others and in the Referer field that browsers send on. Whoever sees one has the key.",
		Do:      "Take keys from a header. If clients cannot, give them keys of their own, which expire and are for few routes.",
		Example: "policies: [{ api_key: { in: \"query:api_key\" } }]"})
	emptyPlan = lint.Define(lint.Rule{Code: "SP602", Severity: lint.Note, Title: "A plan that limits nothing",
		Why:     "Consumers with this plan may send as much as those without any.",
		Do:      "Give it a rate_limit, or leave it away.",
		Example: "plans: { gold: {} }"})
	nobody = lint.Define(lint.Rule{Code: "SP603", Severity: lint.Note, Title: "A consumer without credentials",
		Why:     "Nothing in the document tells a request of this consumer. Only credentials of the store, or a policy that finds consumers by name, can.",
		Do:      "Give it credentials, or make a key with sallyport keys create.",
		Example: "consumers: [{ name: acme }]"})
	uselessCredential = lint.Define(lint.Rule{Code: "SP604", Title: "Credentials that no policy asks for",
		Why:     "A consumer has credentials of a kind that no route looks at, so that they let nobody in.",
		Do:      "Put the policy on the routes that they are for: api_key, basic_auth or jwt.",
		Example: "consumers:\n  - { name: acme, credentials: [{ api_key: { value: \"${env.ACME_KEY}\" } }] }\nroutes: [{ match: /, upstream: shop }]"})
	pastCredential = lint.Define(lint.Rule{Code: "SP605", Title: "An API key that is expired",
		Why:     "The key is past its expires and lets nobody in.",
		Do:      "Remove it, or give the consumer a new one.",
		Example: "api_key: { value: \"${env.ACME_KEY}\", expires: 2020-01-01 }"})
	shortKey = lint.Define(lint.Rule{Code: "SP606", Title: "An API key that could be guessed",
		Why:     "A key of fewer than 20 characters is short enough to be tried out, if it is not random throughout. Who guesses is slowed down, but only by network.",
		Do:      "Take a long random one, such as that of sallyport keys create, or of openssl rand -hex 32.",
		Example: "api_key: { value: secret12 }"})
	quickHash = lint.Define(lint.Rule{Code: "SP607", Severity: lint.Note, Title: "A password that is quick to try",
		Why:     "A bcrypt hash costs less than 8, as those of htpasswd -B do unless it is told otherwise. Whoever gets the document, or a copy of it, can try thousands of passwords a second.",
		Do:      "Hash it again with htpasswd -nB -C 10, or have a consumer of the store with sallyport credentials add.",
		Example: "policies: [{ basic_auth: { users: { alice: $2y$05$… } } }]"})
)

// asksFor are the policies that look at credentials of a kind.
var asksFor = map[string]string{"api_key": "api_key", "basic": "basic_auth", "jwt": "jwt"}

// people looks at consumers and plans.
func (b *builder) people(rules []*rule) {
	asked := b.keys(rules)
	consumers := b.doc.Root.Field("consumers").List()
	for i := range b.doc.Consumers {
		if i >= len(consumers) {
			return
		}
		c, path := &b.doc.Consumers[i], schema.Index("consumers", i)
		if len(c.Credentials) == 0 {
			b.finds(nobody, consumers[i], path, "nothing here tells a request of %s", c.Name)
		}
		nodes := consumers[i].Field("credentials").List()
		for j := range c.Credentials {
			if j < len(nodes) {
				b.credential(&c.Credentials[j], nodes[j], schema.Index(path+".credentials", j), asked)
			}
		}
	}
	for _, f := range b.doc.Root.Field("plans").Entries() {
		if p := b.book.Plan(f.Name); p != nil && len(p.Rates()) == 0 {
			b.finds(emptyPlan, f.Node, schema.Join("plans", f.Name), "consumers with it may send as much as they like")
		}
	}
}

func (b *builder) credential(c *identity.Credential, n *schema.Node, path string, asked map[string]bool) {
	for kind, by := range asksFor {
		if n.Field(kind) != nil && !asked[by] {
			b.finds(uselessCredential, n, path, "no route has the policy %s", by)
		}
	}
	if c.Certificate != nil {
		b.finds(uselessCredential, n, path, "the policies that ask for client certificates come with a later version")
	}
	k := c.APIKey
	if k == nil {
		return
	}
	if e := k.Expires; !e.IsZero() && !e.After(time.Now()) {
		b.finds(pastCredential, n.Field("api_key").Field("expires"), path+".api_key.expires", "it expired at %s", e.Format(time.RFC3339))
	}
	if text := k.Value.Reveal(); text != "" && len(text) < 20 {
		b.finds(shortKey, n.Field("api_key").Field("value"), path+".api_key.value", "it has %d characters", len(text))
	}
}

// keys finds keys in URLs and what is unwise about tokens, and returns the kinds of policies that there are, also within others.
func (b *builder) keys(rules []*rule) map[string]bool {
	asked, told := map[string]bool{}, map[*schema.Node]bool{}
	var see func(kind string, n *schema.Node, path string)
	see = func(kind string, n *schema.Node, path string) {
		asked[kind] = true
		if kind == "api_key" && !told[n] {
			told[n] = true
			b.inQuery(n.Field("in"), path+".in")
		}
		if kind == "jwt" && !told[n] {
			told[n] = true
			b.token(n, path)
		}
		if kind != "any_of" {
			return
		}
		for i, item := range b.alternatives(n) {
			for _, f := range item.Fields {
				if f.Name != "when" && f.Name != "use" {
					see(f.Name, f.Node, schema.Join(schema.Index(alternativesAt(n, path), i), f.Name))
				} else if f.Name == "use" {
					for _, named := range b.doc.Root.Field("policies").Field(f.Node.Text).List() {
						for _, g := range named.Fields {
							asked[g.Name] = true
						}
					}
				}
			}
		}
	}
	for _, r := range rules {
		for _, s := range r.Value.steps {
			if s.kind != planKind {
				see(s.kind, s.node, s.path)
			}
		}
	}
	return asked
}

// alternatives are the policies that stand in an any_of, those of lists one by one.
func (b *builder) alternatives(n *schema.Node) (all []*schema.Node) {
	items := n.List()
	if n.Kind == schema.Map {
		items = n.Field("policies").List()
	}
	for _, item := range items {
		all = append(all, item.List()...)
	}
	return all
}

func (b *builder) inQuery(in *schema.Node, path string) {
	for i, place := range in.List() {
		name, query := strings.CutPrefix(place.Text, "query:")
		if !query {
			continue
		}
		at := path
		if in.Kind == schema.List {
			at = schema.Index(path, i)
		}
		more := ""
		if !telemetry.SecretName(name) {
			more = fmt.Sprintf("; the log does not know %s for a secret, so take a name such as api_key", name)
		}
		b.finds(keyInQuery, place, at, "keys in URLs end up in histories and in logs of others%s", more)
	}
}

// keyRoutes refuses keys for routes that there are not, which would let nobody in, and for those of a name that several apis have: a key for one would
// be good for all of them.
func (b *builder) keyRoutes() {
	wrong := b.routeNames()
	consumers := b.doc.Root.Field("consumers").List()
	for i := range b.doc.Consumers {
		if i >= len(consumers) {
			return
		}
		nodes := consumers[i].Field("credentials").List()
		for j, c := range b.doc.Consumers[i].Credentials {
			if c.APIKey == nil || j >= len(nodes) {
				continue
			}
			for k, name := range c.APIKey.Routes {
				why := wrong(name)
				if why == "" {
					continue
				}
				path := fmt.Sprintf("consumers[%d].credentials[%d].api_key.routes", i, j)
				list := nodes[j].Field("api_key").Field("routes")
				if list.Kind == schema.List {
					path = schema.Index(path, k)
				}
				b.errs.Add(list.List()[k], path, "%s", why)
			}
		}
	}
}

// routeNames returns what says what is wrong with the name of a route, "" for nothing: NAME or, of an api, API/NAME.
func (b *builder) routeNames() (wrong func(name string) string) {
	var names []string
	apis := map[string][]string{} // that have a route of that name
	for key := range b.taken {    // also routes with something wrong about them
		api, name, _ := strings.Cut(key, "\x00")
		apis[name] = append(apis[name], api)
		if names = append(names, name); api != "" {
			names = append(names, api+"/"+name)
		}
	}
	return func(name string) string {
		if several := slices.Sorted(slices.Values(apis[name])); len(several) > 1 {
			api := cmp.Or(several[0], several[1]) // "" has the routes beside apis
			return fmt.Sprintf("several apis have a route named %q; write %s/%s for the one of %s", name, api, name, api)
		}
		if slices.Contains(names, name) {
			return ""
		}
		if near := schema.Nearest(name, names); near != "" {
			return fmt.Sprintf("there is no route named %q; did you mean %q?", name, near)
		}
		return fmt.Sprintf("there is no route named %q", name)
	}
}

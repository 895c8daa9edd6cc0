package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"sallyport/backends"
	"sallyport/balance"
	"sallyport/config"
	"sallyport/function"
	"sallyport/function/invoke"
	"sallyport/identity"
	"sallyport/lint"
	"sallyport/plug"
	"sallyport/policies"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file makes a snapshot of a document. Constructing is checking: whatever a document can have wrong shows here or in
// package config, all of it at once.

// A builder makes one snapshot.
type builder struct {
	doc         *config.Document
	gateway     *Gateway
	wrong       schema.Errors   // what reading the document found
	brokenPaths map[string]bool // the places of those, and what they are in
	set         *balance.Set    // nil while the document is wrong: then upstreams are known by name only
	book        *identity.Book  // consumers and plans
	names       []string        // of upstreams
	policies    map[string]*plug.Kind[policy.Policy]
	backends    map[string]*plug.Kind[policy.Handler]
	errs        schema.Errors
	warnings    schema.Errors
	notes       schema.Errors
	asked       []string              // upstreams that something refers to
	called      []string              // functions that something refers to
	snapshot    *snapshot             // nil before build
	taken       map[string]int        // names of routes, by api, that were given out
	text        []byte                // room to spell in
	denied      plug.Counters         // of policies
	asks        []string              // challenges of the policies before the one that is built
	depth       int                   // of policies that stand in others
	versioned   map[string]*versioned // apis with versions, by their place
	lists       map[string]builtList  // policies of apis and versions, by their place: those of an api are built once for all of its versions
}

// A builtList is a list of policies that is built, with the challenges of those up to its end.
type builtList struct {
	steps []step
	asks  []string
}

// newBuilder makes a builder for doc, with which errs are wrong already.
func (g *Gateway) newBuilder(doc *config.Document, errs schema.Errors) *builder {
	b := &builder{doc: doc, gateway: g, wrong: errs, taken: map[string]int{}, versioned: map[string]*versioned{}, lists: map[string]builtList{}, denied: g.metrics.Denied,
		policies: map[string]*plug.Kind[policy.Policy]{}, backends: map[string]*plug.Kind[policy.Handler]{}}
	for _, k := range policies.All {
		b.policies[k.Name] = k
	}
	for _, k := range backends.All {
		b.backends[k.Name] = k
	}
	b.names = slices.Sorted(maps.Keys(doc.Upstreams))
	if len(errs) == 0 && g.now.Load() == nil {
		b.errs = append(b.errs, g.durable.open(doc)...) // before anybody asks whom it knows
	}
	var wrong schema.Errors
	b.book, wrong = identity.NewBook(doc.Consumers, doc.Plans, doc.Root, g.people)
	b.errs = append(b.errs, wrong...)
	return b
}

// build makes the snapshot. When the document has errors already, what can be checked still is; nobody may serve
// what comes out then.
func (b *builder) build() *snapshot {
	if b.snapshot != nil {
		return b.snapshot
	}
	g := b.gateway
	if len(b.wrong) == 0 {
		b.set = g.registry.Prepare(b.doc.Upstreams)
	}
	s := &snapshot{doc: b.doc, book: b.book, upstreams: b.set, unrouted: g.metrics.Route("", ""), tended: map[string]func(context.Context){}}
	b.snapshot = s
	if s.bodyLimit = int64(b.doc.Limits.BodySize); b.doc.Limits.BodySize == schema.Unlimited {
		s.bodyLimit = 0
	}
	b.functions()
	s.edge = &wire.Edge{Trusted: b.doc.TrustedProxies, Pass: b.doc.ClientHeaders.Pass}
	if now := g.now.Load(); now != nil && sameEdge(now.edge, s.edge) {
		s.edge = now.edge // what was learnt of a connection stays
	}
	b.room()
	b.listeners()
	b.targets()
	b.dialects()
	rules := b.rules()
	b.keyRoutes()
	var errs schema.Errors
	s.table, errs = route.Build(rules, stricter)
	b.errs = append(b.errs, errs...)
	b.tests(rules)
	b.lint(rules)
	s.warnings, s.notes = b.doc.Masked(once(b.warnings)), b.doc.Masked(once(b.notes))
	return s
}

// all returns everything that is wrong with the document, by place.
func (b *builder) all() schema.Errors {
	all := b.doc.Masked(slices.Concat(b.wrong, b.errs))
	all.Sort()
	return once(all)
}

// once leaves out what is there already: a route that several versions of an api have is built for each.
func once(list schema.Errors) (out schema.Errors) {
	told := map[schema.Error]bool{}
	for _, e := range list {
		if !told[*e] {
			told[*e] = true
			out = append(out, e)
		}
	}
	return out
}

// broken says whether reading the document found something wrong with what stands at path or below, so that there is no use in
// building it.
func (b *builder) broken(path string) bool {
	if b.brokenPaths == nil { // once: each route asks, and a document may have as many mistakes as routes
		b.brokenPaths = map[string]bool{}
		for _, e := range b.wrong {
			b.brokenPaths[e.Path] = true
			for i, c := range e.Path {
				if c == '.' || c == '[' {
					b.brokenPaths[e.Path[:i]] = true
				}
			}
		}
	}
	return b.brokenPaths[path]
}

// rules builds every route of the document.
func (b *builder) rules() (rules []*rule) {
	b.spare()
	for _, a := range b.doc.All() {
		shared := b.shared(a)
		asks := b.asks
		for i := range a.Routes {
			b.asks = slices.Clone(asks)
			if r := b.route(a, &a.Routes[i], shared); r != nil {
				rules = append(rules, r)
				rules = append(rules, b.unversioned(a, &a.Routes[i], r)...)
			}
			runtime.Gosched() // requests go first: a large document takes a while
		}
	}
	return rules
}

// shared builds the policies that every route of a runs: those of the api, and those of the version.
func (b *builder) shared(a *config.API) []step {
	b.asks = nil
	steps := b.listOnce(a.Policies, strings.TrimPrefix(a.Path+".policies", "."), a.Name)
	if a.Of == nil {
		b.sharing(a, steps)
		return steps
	}
	b.sharing(a.Of.API, steps)
	of := a.Of.PoliciesOf
	own := b.listOnce(of.Version.Policies, of.Path+".policies", a.Name+"/"+of.Version.Name)
	for i := range own {
		own[i].version = true
	}
	if slices.ContainsFunc(own, func(s step) bool { return s.kind == "cors" }) { // it takes the place of that of the api
		steps = slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.kind == "cors" })
		if a.BasePath != a.Of.API.BasePath || a.Of.Versions.In == route.InHost {
			b.sharing(a, own)
		}
	}
	return slices.Concat(steps, own)
}

// listOnce is list for policies that stand on an api, with those before them in b.asks.
func (b *builder) listOnce(items []*schema.Node, path, where string) []step {
	known, built := b.lists[path]
	if !built {
		known.steps = b.list(items, path, where)
		for i := range known.steps {
			known.steps[i].api = true
		}
		known.asks = b.asks
		b.lists[path] = known
	}
	b.asks = known.asks
	return slices.Clone(known.steps)
}

// spare builds the named policies that nobody uses, since what is wrong with them is wrong all the same.
func (b *builder) spare() {
	for _, name := range slices.Sorted(maps.Keys(b.doc.Policies)) {
		b.asks = nil
		b.list(b.doc.Policies[name].List(), schema.Join("policies", name), "policies/"+name)
	}
}

// route builds one route, nil when it cannot be.
func (b *builder) route(a *config.API, r *config.Route, shared []step) *rule {
	match, matches := b.match(a, r)
	name := b.name(a, r, &match)
	where := a.Name + "/" + name
	if r.Origin != "" {
		where = a.Name + "/" + r.Origin
	}
	steps := slices.Concat(shared, b.list(r.Policies, r.Path+".policies", where))
	b.order(steps)
	steps = b.planned(a, r, corsFirst(steps))
	v := &served{
		api: a.Name, name: name, counts: b.gateway.metrics.Route(a.Name, name), raw: a.Normalize == "off", add: a.Errors.Add,
		hosts: match.Hosts, pos: r.Node.Pos, at: r.Path, dialect: dialects[a.Dialect], version: b.version(a), follows: a.Of != nil && a.Of.Follows[r.Match.Shape()],
	}
	v.steps, v.guardsOfPreflights = steps, guardsOfPreflights(steps)
	last := b.backend(r, where, plug.Route{Methods: match.Methods, Path: template(match.Path)}, v)
	if last == nil || !matches {
		return nil
	}
	if a.Errors.Upstream.Normalize {
		last = normalized(last)
	}
	chain := make([]policy.Policy, len(steps))
	for i, s := range steps {
		chain[i] = s.policy
		v.guards = append(v.guards, s.guard)
		v.kinds = append(v.kinds, s.kind)
		if s.kind == "mirror" {
			v.copies = append(v.copies, mirrored(s.node)...)
		}
	}
	v.handler = policy.Chain(chain, last)
	b.snapshot.sharing = b.snapshot.sharing || shares(v)
	b.setSum(v, a, r)
	asked := *v
	asked.asked = true
	v.rewritten = &rule{Name: name, Match: match, Value: &asked}
	if len(v.copies) > 0 {
		copied := asked
		copied.upstreams = v.copies
		v.copied = &rule{Name: name, Match: match, Value: &copied}
	}
	return &rule{Name: name, Match: match, Priority: r.Priority, Pos: r.Node.Pos, At: r.Path, Value: v}
}

// template is a path as it is written, "" for a regular expression.
func template(p route.Pattern) string {
	if text := p.String(); !strings.Contains(text, "~") {
		return text
	}
	return ""
}

// match is what a route matches. When that is wrong, the rest of the route is looked at all the same.
func (b *builder) match(a *config.API, r *config.Route) (m route.Match, ok bool) {
	if b.broken(r.Path+".match") || a.Path != "" && (b.broken(a.Path+".hosts") || b.broken(a.Path+".base_path")) {
		return m, false
	}
	m, err := r.Rule(a)
	if err != nil {
		b.errs.Add(r.Node.Field("match"), r.Path+".match", "%v", err)
	}
	return m, err == nil
}

// name gives a route the name that metrics and logs use: its own, or its match. Two with the same match are told apart
// by a number.
func (b *builder) name(a *config.API, r *config.Route, m *route.Match) string {
	name := r.Name
	if name == "" {
		short := *m
		short.Hosts = r.Match.Hosts // those of the api go without saying
		short.Version = route.Version{}
		name = short.String()
	}
	if v := a.Of; v != nil && (r.Name != "" || v.Versions.In != route.InPath) {
		name = v.Version.Name + " " + name
	}
	key := a.Name + "\x00" + name
	b.taken[key]++
	if n := b.taken[key]; n > 1 {
		return fmt.Sprintf("%s #%d", name, n)
	}
	return name
}

// setSum tells two versions of a route apart, whatever moved in the file.
func (b *builder) setSum(v *served, a *config.API, r *config.Route) {
	text := fmt.Appendf(b.text[:0], "%q %q %q %v\n", a.Hosts, a.BasePath, a.Normalize+a.Dialect, a.Errors)
	for _, g := range v.guards {
		text = append(append(text, g...), '\n')
	}
	if of := a.Of; of != nil {
		text = spell(spell(text, a.Node.Field("versioning")), of.Node.Field("deprecated"))
	}
	b.text = spell(text, r.Node)
	v.sum = sha256.Sum256(b.text)
}

// env is what a policy or backend at a place gets to know.
func (b *builder) env(n *schema.Node, path, where string) *plug.Env {
	g := b.gateway
	return &plug.Env{
		Log: g.log, Where: where, Identity: b.book, State: b.gateway.state, Upstreams: b.names,
		Upstream: b.upstream, Errands: b.gateway.errands, Strain: b.gateway.strain,
		Function: b.function, Functions: slices.Sorted(maps.Keys(b.doc.Functions)),
		Fetch: g.fetch, Tend: func(name string, f func(context.Context)) { b.snapshot.tended[name] = f },
		Denied: b.denied, Challenges: slices.Clone(b.asks),
		Acted: b.gateway.metrics.Acted,
		Keys:  func(ask func() telemetry.KeySet) { b.snapshot.keySets = append(b.snapshot.keySets, ask) },
		Warn: func(format string, args ...any) {
			b.finds(ownWarning, n, path, format, args...)
		},
		Finds: func(r *lint.Rule, at, format string, args ...any) {
			b.findsWithin(r, n, path, schema.At(at, fmt.Errorf(format, args...)))
		},
	}
}

// functions prepares the functions of the document.
func (b *builder) functions() {
	s := b.snapshot
	s.functions, s.invoked = map[string]*function.Function{}, map[string]*invoke.Function{}
	for name, c := range b.doc.Functions {
		switch {
		case c == nil:
		case c.AWS != nil:
			s.invoked[name] = b.gateway.invoked.Prepare(name, c)
		default:
			sum := sha256.Sum256(spell([]byte(c.Directory.Path), b.doc.Root.Field("functions").Field(name)))
			s.functions[name] = b.gateway.functions.Prepare(name, c, string(sum[:]))
		}
	}
}

// function finds a function by name.
func (b *builder) function(name string) function.Answerer {
	b.called = append(b.called, name)
	if f := b.snapshot.functions[name]; f != nil {
		return f
	}
	if f := b.snapshot.invoked[name]; f != nil {
		return f
	}
	return nil
}

// upstream finds an upstream by name. While the document has errors, one that is there by name will do.
func (b *builder) upstream(name string) policy.Upstream {
	b.asked = append(b.asked, name)
	if b.set != nil {
		if u := b.set.Upstream(name); u != nil {
			return &careful{u, b.snapshot}
		}
		return nil
	}
	if slices.Contains(b.names, name) {
		return nameOnly(name)
	}
	return nil
}

// nameOnly stands for an upstream in a document that is not going to be served.
type nameOnly string

// Name returns the name.
func (n nameOnly) Name() string { return string(n) }

// Retrying is never called for more than the document's errors.
func (n nameOnly) Retrying(*balance.Again) policy.Upstream { return n }

// Send is never called: nothing that holds a nameOnly gets a request.
func (n nameOnly) Send(*policy.Exchange, *wire.Call) (*wire.Response, error) {
	return nil, problem.Internal.New("")
}

package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// This file builds what stands around a backend: the items of "policies:".

// A step is one policy of a chain.
type step struct {
	policy policy.Policy
	kind   string
	guard  string // kind and settings as text: what makes two steps ask the same
	node   *schema.Node
	path   string

	// For explanations.
	use     string // the name that the policy has under policies, "" for none
	api     bool   // it is the api's, not the route's
	version bool   // it is the version's: api is true then as well

	inner [][]step // what stands in it, an alternative each
}

// maxSteps bounds the policies of one list, with those that named ones stand for.
const maxSteps = 100

// list builds a list of policy items. Where names the place for what lives on across reloads.
func (b *builder) list(items []*schema.Node, path, where string) (steps []step) {
	for i, n := range items {
		at := path
		if len(items) > 1 || strings.HasSuffix(path, "policies") {
			at = schema.Index(path, i)
		}
		steps = append(steps, b.item(n, at, fmt.Sprintf("%s/policies[%d]", where, i), nil)...)
		if len(steps) > maxSteps {
			b.errs.Add(n, at, "more than %d policies come together here", maxSteps)
			return steps[:maxSteps]
		}
	}
	return steps
}

// item builds one item: a policy, or what a use stands for. under are the names being used.
func (b *builder) item(n *schema.Node, path, where string, under []string) []step {
	if n.Kind != schema.Map {
		b.notPolicy(n, path)
		return nil
	}
	cond, ok := b.when(n, path)
	var kinds []*schema.Field
	for _, f := range n.Fields {
		if f.Name != "when" {
			kinds = append(kinds, f)
		}
	}
	if len(kinds) != 1 {
		b.errs.Add(n, path, "an item holds one policy, such as { rate_limit: { rate: 100/s } }, with when: beside it if wanted; this one has %d", len(kinds))
		return nil
	}
	var steps []step
	if f := kinds[0]; f.Name == "use" {
		steps = b.use(f.Node, where, under)
		for i := range steps {
			steps[i].use = f.Node.Text
		}
	} else if s := b.step(f, schema.Join(path, f.Name), where, under); s != nil {
		steps = []step{*s}
	}
	if !ok || cond.IsZero() {
		return steps
	}
	env := b.env(n, path, where)
	for i := range steps {
		steps[i].policy = &conditional{cond.Expr, steps[i].policy, asserts(steps[i].policy), env.Denier(steps[i].kind, "condition")}
		steps[i].guard += " when " + cond.String()
	}
	return steps
}

func (b *builder) notPolicy(n *schema.Node, path string) {
	if k := b.policies[n.Text]; k != nil && n.Kind == schema.String {
		b.errs.Add(n, path, "%q is given alone; write { %s: {} }, with its settings between the inner braces", n.Text, n.Text)
		return
	}
	b.errs.Add(n, path, "%s is given where a policy is wanted, such as { rate_limit: { rate: 100/s } }", n.Kind)
}

func (b *builder) when(n *schema.Node, path string) (cond expr.Condition, ok bool) {
	w := n.Field("when")
	if w == nil {
		return cond, true
	}
	errs := cond.UnmarshalNode(w, path+".when")
	b.errs = append(b.errs, errs...)
	return cond, len(errs) == 0
}

// use builds what a named policy stands for. Package config has reported names that lead nowhere or in circles.
func (b *builder) use(n *schema.Node, where string, under []string) (steps []step) {
	named := b.doc.Root.Field("policies").Field(n.Text)
	if named == nil || slices.Contains(under, n.Text) || len(under) > maxSteps {
		return nil
	}
	under = append(under[:len(under):len(under)], n.Text)
	path := schema.Join("policies", n.Text)
	before := len(b.errs)
	for i, item := range named.List() {
		at := path
		if named.Kind == schema.List {
			at = schema.Index(path, i)
		}
		steps = append(steps, b.item(item, at, fmt.Sprintf("%s/%s[%d]", where, n.Text, i), under)...)
		if len(steps) > maxSteps {
			return steps[:maxSteps+1]
		}
	}
	b.errs = b.errs[:before] // reported once, where the policy is declared
	return steps
}

// step builds one policy of a kind.
func (b *builder) step(f *schema.Field, path, where string, under []string) *step {
	k := b.policies[f.Name]
	if k == nil {
		b.unknownPolicy(f, path)
		return nil
	}
	s := &step{kind: f.Name, node: f.Node, path: path}
	env := b.env(f.Node, path, where)
	before := len(b.errs)
	env.Policies = func(items []*schema.Node, denied plug.Counters) ([][]plug.Step, bool) {
		defer func(outer plug.Counters) { b.denied = outer }(b.denied)
		b.denied = denied
		defer func(outer []string) { b.asks = outer }(slices.Clone(b.asks))
		s.inner = b.within(items, alternativesAt(f.Node, path), where+"/"+f.Name, under)
		return lent(s.inner), len(b.errs) == before
	}
	p, errs := k.Build(settings(f.Node), path, env)
	b.errs = append(b.errs, errs...)
	if len(b.errs) > before {
		return nil
	}
	s.policy = p
	if c, ok := p.(policy.Challenger); ok && c.Challenge() != "" {
		b.asks = append(b.asks, c.Challenge())
	}
	b.text = spell(append(append(b.text[:0], f.Name...), ' '), f.Node)
	s.guard = string(b.text)
	for _, list := range s.inner { // what a name in it stands for is not in its own text
		for _, t := range list {
			s.guard += " " + t.guard
		}
	}
	return s
}

// settings is the node of a kind's settings: nothing after the colon means all defaults.
func settings(n *schema.Node) *schema.Node {
	if n.Kind == schema.Null && !n.Literal {
		return &schema.Node{Kind: schema.Map, Pos: n.Pos}
	}
	return n
}

// laterPolicies are the policies of the contract that are not built yet.
var laterPolicies = []string{
	"introspection",
	"oidc",
	"mtls",
	"signature",
	"opa",
	"cedar",
	"geo_filter",
	"waf",
	"upstream_auth",
	"quota",
	"cache",
	"compress",
	"decompress",
	"idempotency",
	"wasm",
}

func (b *builder) unknownPolicy(f *schema.Field, path string) {
	if slices.Contains(laterPolicies, f.Name) {
		b.errs = append(b.errs, &schema.Error{Pos: f.Pos, Path: path, Msg: "not yet: the policy " + f.Name + " comes with a later version"})
		return
	}
	known := append([]string{"use"}, laterPolicies...)
	for name := range b.policies {
		known = append(known, name)
	}
	msg := fmt.Sprintf("there is no policy named %q", f.Name)
	if near := schema.Nearest(f.Name, known); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if b.doc.Root.Field("policies").Field(f.Name) != nil {
		msg += fmt.Sprintf("; write use: %s for the one under policies", f.Name)
	}
	b.errs = append(b.errs, &schema.Error{Pos: f.Pos, Path: path, Msg: msg})
}

// A conditional policy acts where its condition holds.
type conditional struct {
	when    expr.Expr
	policy  policy.Policy
	asserts []string // fields that clients may not say, also where the policy does not run
	deny    func(*policy.Exchange)
}

// Handle asks the condition first. When nobody can tell, the request stops: a guard that is passed over in doubt is none.
func (c *conditional) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	holds, err := c.when.Bool(x)
	switch {
	case err != nil:
		c.deny(x)
		return nil, plug.Failed(err)
	case holds:
		return c.policy.Handle(x, next)
	}
	c.strip(x)
	return next(x)
}

// strip takes out what only the policy may say of a client.
func (c *conditional) strip(x *policy.Exchange) {
	for _, field := range c.asserts {
		x.Request.Header.DelAlike(field)
	}
}

// asserts are the fields by which p tells the upstream who sent a request.
func asserts(p policy.Policy) []string {
	switch p := p.(type) {
	case policy.Asserter:
		return p.Asserts()
	case *conditional:
		return p.asserts
	}
	return nil
}

// spell appends n in one form, whatever its place and style: two nodes that mean the same spell the same.
func spell(b []byte, n *schema.Node) []byte {
	if n == nil {
		return b
	}
	switch n.Kind {
	case schema.Map:
		b = append(b, '{')
		for _, f := range n.Fields {
			b = strconv.AppendQuote(b, f.Name)
			b = spell(append(b, ':'), f.Node)
		}
		return append(b, '}')
	case schema.List:
		b = append(b, '[')
		for _, item := range n.Items {
			b = append(spell(b, item), ',')
		}
		return append(b, ']')
	default:
		return strconv.AppendQuote(append(b, '0'+byte(n.Kind)), n.Text)
	}
}

package gateway

import (
	"maps"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/expr"
	"sallyport/schema"
)

// This file finds what nobody refers to, and what no request ever meets.

// references finds upstreams, policies and apis that nobody uses, and routes that no listener lets requests to.
func (b *builder) references(rules []*rule) {
	root := b.doc.Root
	used := map[string]bool{}
	for _, name := range b.asked {
		used[name] = true
	}
	for _, f := range root.Field("upstreams").Entries() {
		if !used[f.Name] {
			b.finds(unusedUpstream, f.Node, schema.Join("upstreams", f.Name), "no route sends anything to it")
		}
	}
	for _, f := range root.Field("functions").Entries() {
		if !slices.Contains(b.called, f.Name) {
			b.finds(unusedFunction, f.Node, schema.Join("functions", f.Name), "no route leads to it")
		}
		if c := b.doc.Functions[f.Name]; c != nil && c.Memory == schema.Unlimited {
			b.finds(unboundMemory, f.Node, schema.Join("functions", f.Name), "nothing bounds the memory of its processes")
		}
	}
	uses := b.uses()
	for _, f := range root.Field("policies").Entries() {
		if !uses[f.Name] {
			b.finds(unusedPolicy, f.Node, schema.Join("policies", f.Name), "no route or api uses it")
		}
	}
	for i := range b.doc.APIs {
		if a := &b.doc.APIs[i]; len(a.Routes) == 0 && len(a.Versions) == 0 {
			b.finds(emptyAPI, a.Node, a.Path, "the api %s has no routes", a.Name)
		}
	}
	for _, r := range rules {
		b.unheard(r)
	}
}

// uses are the named policies that routes and apis use, directly or by another one.
func (b *builder) uses() map[string]bool {
	out := map[string]bool{}
	var see func(items []*schema.Node)
	see = func(items []*schema.Node) {
		for _, item := range items {
			if item.Kind == schema.List {
				see(item.Items)
				continue
			}
			inner, _ := config.Alternatives(item)
			see(inner)
			if use := item.Field("use"); use != nil && !out[use.Text] {
				out[use.Text] = true
				see(b.doc.Root.Field("policies").Field(use.Text).List())
			}
		}
	}
	for _, a := range b.doc.All() {
		see(a.Policies)
		if a.Of != nil {
			see(a.Of.PoliciesOf.Version.Policies)
			see(a.Of.Version.Policies)
		}
		for i := range a.Routes {
			see(a.Routes[i].Policies)
		}
	}
	return out
}

// unheard finds routes whose hosts no listener serves.
func (b *builder) unheard(r *rule) {
	var sets []*hostSet
	for i := range b.doc.Listeners {
		l := &b.doc.Listeners[i]
		if l.RedirectToHTTPS {
			continue
		}
		if len(l.Hosts) == 0 {
			return
		}
		sets = append(sets, newHostSet(l.Hosts))
	}
	var deaf []string
	for _, h := range r.Match.Hosts {
		name := strings.TrimPrefix(h, "*")
		if !slices.ContainsFunc(sets, func(s *hostSet) bool { return s.has(h) || h[0] == '*' && s.below(name) }) {
			deaf = append(deaf, h)
		}
	}
	if len(deaf) > 0 && len(deaf) == len(r.Match.Hosts) {
		b.finds(unheardRoute, b.nodeAt(r), r.At, "no listener serves %s, so no request gets here", strings.Join(deaf, " or "))
	}
}

// below says whether s has some host that ends in tail, which begins with a dot.
func (s *hostSet) below(tail string) bool {
	for h := range maps.Keys(s.exact) {
		if strings.HasSuffix(h, tail) {
			return true
		}
	}
	return slices.ContainsFunc(s.wild, func(w string) bool { return strings.HasSuffix(w, tail) || strings.HasSuffix(tail, w) })
}

func (b *builder) nodeAt(r *rule) *schema.Node { return &schema.Node{Pos: r.Pos} }

// conditions finds those that are the same for every request, shares that are nothing, and guards that a client can talk itself
// out of.
func (b *builder) conditions(rules []*rule) {
	for _, r := range rules {
		if holds, constant := constantly(r.Match.When); constant {
			b.finds(constantCondition, b.nodeAt(r), r.At, "its when is always %v", holds)
		}
		for _, s := range r.Value.steps {
			b.condition(s)
		}
	}
	for _, a := range b.doc.All() {
		for i := range a.Routes {
			b.shares(&a.Routes[i])
		}
	}
}

func constantly(e expr.Expr) (holds, constant bool) {
	v, constant := e.Constant()
	holds, ok := v.(bool)
	return holds, constant && ok
}

func (b *builder) condition(s step) {
	c, conditional := s.policy.(*conditional)
	if !conditional {
		return
	}
	if holds, constant := constantly(c.when); constant {
		b.once(constantCondition, s, "its when is always %v", holds)
	}
	if !slices.Contains(guarding, s.kind) {
		return
	}
	chosen := []string{"headers", "header_values", "query", "cookies", "body"}
	if s.kind == "csrf" { // a page of another site cannot choose the rest
		chosen = []string{"query", "body"}
	}
	for _, ref := range c.when.Uses() {
		if ref.Root == "request" && slices.Contains(chosen, ref.Field) {
			b.once(talkedOut, s, "whether it guards at all depends on request.%s, which is for the client to choose", ref.Field)
			return
		}
	}
}

// shares finds upstreams of a split that get nothing.
func (b *builder) shares(r *config.Route) {
	for _, f := range r.Backend {
		for _, s := range f.Node.Field("split").Entries() {
			if s.Node.Text == "0" {
				b.finds(nothingShare, s.Node, schema.Join(r.Path+"."+f.Name+".split", s.Name), "its share is 0, so that it gets no requests")
			}
		}
	}
}

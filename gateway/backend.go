package gateway

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// This file builds what a route ends in.

// backend builds what a route ends in, nil when it cannot be.
func (b *builder) backend(r *config.Route, where string, v *served) policy.Handler {
	var found []*schema.Field
	for _, f := range r.Backend {
		if b.backends[f.Name] == nil {
			b.unknownSetting(f, schema.Join(r.Path, f.Name))
			continue
		}
		found = append(found, f)
	}
	if len(found) != 1 {
		b.oneBackend(r, found)
		return nil
	}
	f := found[0]
	v.describe(f)
	n, path := settings(f.Node), schema.Join(r.Path, f.Name)
	if r.Rewrite != nil {
		if n = b.rewritten(r, f); n == nil {
			return nil
		}
	}
	env := b.env(f.Node, path, where)
	h, errs := b.backends[f.Name].Build(n, path, env)
	v.explainer = env.Explainer
	for _, e := range errs {
		if rest, inner := strings.CutPrefix(e.Path, path+".rewrite"); inner && r.Rewrite != nil {
			e.Path = r.Path + ".rewrite" + rest
		}
	}
	b.errs = append(b.errs, errs...)
	if len(errs) > 0 || h == nil {
		return nil
	}
	return bounded(h)
}

// rewritten is the settings of a backend with the rewrite of its route in them, which is the same.
func (b *builder) rewritten(r *config.Route, f *schema.Field) *schema.Node {
	path := r.Path + ".rewrite"
	if inner := f.Node.Field("rewrite"); inner != nil {
		b.errs.Add(r.Rewrite, path, "the backend has a rewrite at %s as well; keep one of the two", inner.Pos)
		return nil
	}
	if f.Name != "upstream" {
		b.errs.Add(r.Rewrite, path, "it has no effect: the backend %s sends nothing upstream", f.Name)
		return nil
	}
	n := &schema.Node{Kind: schema.Map, Pos: f.Node.Pos, Fields: slices.Clone(f.Node.Fields)}
	if f.Node.Kind != schema.Map {
		n.Fields = []*schema.Field{{Name: "name", Pos: f.Pos, Node: f.Node}}
	}
	n.Fields = append(n.Fields, &schema.Field{Name: "rewrite", Pos: r.Rewrite.Pos, Node: r.Rewrite})
	return n
}

// describe notes what a backend is and leads to.
func (v *served) describe(f *schema.Field) {
	n := f.Node
	v.backend, v.forwards = f.Name, f.Name == "upstream"
	split, status := n.Field("split"), n.Field("status")
	switch {
	case n.Kind != schema.Map && n.Kind != schema.List:
		v.to = n.Text
	case split != nil:
		var parts []string
		for _, s := range split.Entries() {
			parts = append(parts, s.Name+" "+s.Node.Text)
			v.upstreams = append(v.upstreams, s.Name)
		}
		v.to = strings.Join(parts, ", ")
	}
	for _, name := range []string{"name", "to", "status"} {
		if s := n.Field(name); s != nil && v.to == "" {
			v.to = s.Text
		}
	}
	if v.forwards && split == nil {
		v.upstreams = []string{v.to}
	}
	v.blocks = f.Name == "respond" && status != nil && status.Text >= "400"
}

func (b *builder) oneBackend(r *config.Route, found []*schema.Field) {
	if len(found) == 0 {
		if r.ToCome() {
			return // that it cannot be had yet says enough
		}
		b.errs.Add(r.Node, r.Path, "the route has no backend; add one of %s", strings.Join(b.backendNames(), ", "))
		return
	}
	f := found[1]
	b.errs = append(b.errs, &schema.Error{Pos: f.Pos, Path: schema.Join(r.Path, f.Name),
		Msg: fmt.Sprintf("the route has the backend %s at %s already; keep one of the two", found[0].Name, found[0].Pos)})
}

func (b *builder) backendNames() []string {
	var names []string
	for name := range b.backends {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unknownSetting reports a setting of a route that is neither a setting nor a backend.
func (b *builder) unknownSetting(f *schema.Field, path string) {
	if b.policies[f.Name] != nil {
		b.errs = append(b.errs, &schema.Error{Pos: f.Pos, Path: path,
			Msg: fmt.Sprintf("%s is a policy; write it under policies, as - %s: …", f.Name, f.Name)})
		return
	}
	b.errs.Unknown(f, path, append(config.RouteSettings(), b.backendNames()...))
}

// bounded refuses a body that is known to be too large before anything is sent upstream. It comes last, since a policy
// may have set another bound.
func bounded(next policy.Handler) policy.Handler {
	return func(x *policy.Exchange) (*wire.Response, error) {
		if r := x.Request; r.BodyLimit > 0 && r.Length > r.BodyLimit {
			return nil, problem.BodyTooBig.New("The body may have at most %v.", schema.Size(r.BodyLimit))
		}
		return next(x)
	}
}

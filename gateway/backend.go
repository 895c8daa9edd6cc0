package gateway

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// This file builds what a route ends in.

// backend builds what a route ends in, nil when it cannot be.
func (b *builder) backend(r *config.Route, where string, at plug.Route, v *served) policy.Handler {
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
	path := schema.Join(r.Path, f.Name)
	n := b.lent(r, f)
	if n == nil {
		return nil
	}
	v.copies = append(v.copies, mirrored(n.Field("mirror"))...)
	env := b.env(f.Node, path, where)
	env.Route = at
	h, errs := b.backends[f.Name].Build(n, path, env)
	v.explainer = env.Explainer
	for _, l := range loans(r) {
		for _, e := range errs {
			if rest, inner := strings.CutPrefix(e.Path, path+"."+l.Name); inner {
				e.Path = r.Path + "." + l.Name + rest
			}
		}
	}
	b.errs = append(b.errs, errs...)
	if len(errs) > 0 || h == nil {
		return nil
	}
	return bounded(h)
}

// loans are the settings of a route that are its backend's as well, written beside it.
func loans(r *config.Route) (list []*schema.Field) {
	if n := r.Rewrite; n != nil {
		list = append(list, &schema.Field{Name: "rewrite", Pos: n.Pos, Node: n})
	}
	if n := r.Mirror; n != nil {
		list = append(list, &schema.Field{Name: "mirror", Pos: n.Pos, Node: n})
	}
	if n := r.Payload; n != nil {
		list = append(list, &schema.Field{Name: "payload", Pos: n.Pos, Node: n})
	}
	return list
}

// lent is the settings of a backend with those in them that its route has for it, nil when they do not go together.
func (b *builder) lent(r *config.Route, f *schema.Field) *schema.Node {
	n, before := settings(f.Node), len(b.errs)
	for _, l := range loans(r) {
		path := r.Path + "." + l.Name
		if inner := f.Node.Field(l.Name); inner != nil {
			b.errs.Add(l.Node, path, "the backend has a %s at %s as well; keep one of the two", l.Name, inner.Pos)
			continue
		}
		switch calls := f.Name == "function"; {
		case calls && l.Name != "payload":
			b.errs.Add(l.Node, path, "it has no effect: the backend function sends nothing upstream")
			continue
		case !calls && l.Name == "payload":
			b.errs.Add(l.Node, path, "it has no effect: the backend %s makes no events", f.Name)
			continue
		case !calls && f.Name != "upstream":
			b.errs.Add(l.Node, path, "it has no effect: the backend %s sends nothing upstream", f.Name)
			continue
		}
		more := &schema.Node{Kind: schema.Map, Pos: n.Pos, Fields: slices.Clone(n.Fields)}
		if n.Kind != schema.Map {
			more.Fields = []*schema.Field{{Name: "name", Pos: f.Pos, Node: n}}
		}
		more.Fields = append(more.Fields, l)
		n = more
	}
	if len(b.errs) > before {
		return nil
	}
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
	for _, c := range composed(f) {
		if !slices.Contains(v.upstreams, c.Text) {
			v.upstreams = append(v.upstreams, c.Text)
		}
	}
	if f.Name == "compose" {
		v.to = strings.Join(v.upstreams, ", ")
	}
	if v.forwards && split == nil {
		v.upstreams = []string{v.to}
	}
	v.blocks = f.Name == "respond" && status != nil && status.Text >= "400"
}

// composed are the upstreams of the calls of a compose.
func composed(f *schema.Field) (list []*schema.Node) {
	if f.Name != "compose" {
		return nil
	}
	for _, c := range f.Node.Field("calls").Entries() {
		if to := c.Node.Field("upstream"); to != nil {
			list = append(list, to)
		}
	}
	return list
}

// mirrored is the upstream that gets the copies, if the settings are those of a mirror.
func mirrored(n *schema.Node) []string {
	switch to := n.Field("upstream"); {
	case to != nil:
		return []string{to.Text}
	case n != nil && n.Kind == schema.String:
		return []string{n.Text}
	}
	return nil
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

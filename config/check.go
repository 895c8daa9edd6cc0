package config

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/function"
	"sallyport/schema"
)

// A checker looks at what one setting alone cannot tell: names that stand twice, references to nothing.
type checker struct {
	doc  *Document
	errs schema.Errors
}

func (c *checker) listeners() {
	d := c.doc
	nodes := d.Root.Field("listeners").List()
	first := map[string]int{}
	for i, l := range d.Listeners {
		if l.Address == "" {
			continue
		}
		j, twice := first[l.Address]
		if twice && !strings.HasSuffix(l.Address, ":0") {
			c.errs.Add(at(nodes, i), schema.Index("listeners", i), "%s is the address of the listener at %s as well; remove one of the two", l.Address, at(nodes, j).Pos)
			continue
		}
		first[l.Address] = i
	}
	if l := d.Root.Field("listeners"); len(nodes) == 0 {
		if l == nil {
			l = d.Root
		}
		c.errs.Add(l, "listeners", `there is no listener; add one such as "listeners: [{ address: \":8080\" }]"`)
	}
}

// apis checks that every api and every named route has a name of its own, within the api.
func (c *checker) apis() {
	first := map[string]*schema.Node{}
	if routes := c.doc.Root.Field("routes"); len(c.doc.Routes) > 0 {
		first[Default] = routes
	}
	for i := range c.doc.APIs {
		a := &c.doc.APIs[i]
		c.unique(first, a.Name, a.Node, a.Path, "api")
	}
	for _, a := range c.doc.All() {
		names := map[string]*schema.Node{}
		for i := range a.Routes {
			r := &a.Routes[i]
			c.unique(names, r.Name, r.Node, r.Path, "route")
		}
	}
}

func (c *checker) unique(first map[string]*schema.Node, name string, n *schema.Node, path, what string) {
	if name == "" || n == nil {
		return
	}
	other, twice := first[name]
	if !twice {
		first[name] = n
		return
	}
	if f := fieldOf(n, "name"); f != nil {
		n, path = f.Node, path+".name"
	}
	c.errs.Add(n, path, "the %s at %s is named %q as well; rename one of the two", what, other.Pos, name)
}

// policies checks the references to named policies.
func (c *checker) policies() {
	w := walk{checker: c, done: map[string]bool{}}
	for _, f := range c.doc.Root.Field("policies").Entries() {
		if f.Node.Kind != schema.Map && f.Node.Kind != schema.List {
			c.errs.Add(f.Node, schema.Join("policies", f.Name), "%s is given where a policy or a list of policies is wanted, such as { rate_limit: { rate: 100/s } }", f.Node.Kind)
			continue
		}
		c.uses(f.Node.List(), schema.Join("policies", f.Name), f.Node.Kind == schema.List)
		w.visit(f)
	}
	c.usesOf(c.doc.Routes)
	for i := range c.doc.APIs {
		a := &c.doc.APIs[i]
		c.uses(a.Policies, a.Path+".policies", true)
		c.usesOf(a.Routes)
		for j := range a.Versions {
			v := &a.Versions[j]
			c.uses(v.Policies, schema.Index(a.Path+".versions", j)+".policies", true)
			c.usesOf(v.Routes)
		}
	}
}

func (c *checker) usesOf(routes []Route) {
	for i := range routes {
		c.uses(routes[i].Policies, routes[i].Path+".policies", true)
	}
}

// uses checks that every "use" in a list of policies names something.
func (c *checker) uses(list []*schema.Node, path string, numbered bool) {
	for i, item := range list {
		p := path
		if numbered {
			p = schema.Index(path, i)
		}
		if item.Kind == schema.List { // within an any_of
			c.uses(item.Items, p, true)
			continue
		}
		if inner, name := Alternatives(item); inner != nil {
			c.uses(inner, p+name, true)
		}
		use := item.Field("use")
		if use == nil {
			continue
		}
		if use.Kind != schema.String {
			c.errs.Add(use, p+".use", "%s is given where the name of a policy is wanted", use.Kind)
		} else if c.doc.named(use.Text) == nil {
			c.errs.Add(use, p+".use", "there is no policy named %q under policies%s", use.Text, didYouMean(use.Text, names(c.doc.Root.Field("policies"))))
		}
	}
}

// A walk looks for named policies that lead to themselves. Each is visited once.
type walk struct {
	*checker
	trail []string // from the first policy to the one visited
	done  map[string]bool
}

func (w *walk) visit(f *schema.Field) {
	if w.done[f.Name] {
		return
	}
	w.done[f.Name] = true
	w.trail = append(w.trail, f.Name)
	w.items(f, f.Node.List())
	w.trail = w.trail[:len(w.trail)-1]
}

// items visits what a list of the policy f uses.
func (w *walk) items(f *schema.Field, list []*schema.Node) {
	for _, item := range list {
		if item.Kind == schema.List {
			w.items(f, item.Items)
			continue
		}
		inner, _ := Alternatives(item)
		w.items(f, inner)
		use := item.Field("use")
		if use == nil || use.Kind != schema.String {
			continue
		}
		if i := slices.Index(w.trail, use.Text); i >= 0 {
			w.errs.Add(use, schema.Join("policies", f.Name), "a policy uses itself: %s → %s", strings.Join(w.trail[i:], " → "), use.Text)
			continue
		}
		if next := fieldOf(w.doc.Root.Field("policies"), use.Text); next != nil {
			w.visit(next)
		}
	}
}

// functions checks that functions have names that AWS would give them, since they stand in events and in the log, and that those in AWS have
// no settings of others.
func (c *checker) functions() {
	for _, f := range c.doc.Root.Field("functions").Entries() {
		if f.Name == "" || len(f.Name) > 64 || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			c.errs = append(c.errs, &schema.Error{Pos: f.Pos, Path: schema.Join("functions", f.Name), Msg: "the name of a function has letters, digits, - and _ only, 64 at most"})
		}
		if f.Node.Field("aws") == nil {
			continue
		}
		for _, s := range f.Node.Entries() {
			if !slices.Contains(function.BesideAWS, s.Name) {
				c.errs = append(c.errs, &schema.Error{Pos: s.Pos, Path: schema.Join(schema.Join("functions", f.Name), s.Name), Msg: "it has no effect, since the function runs in AWS; remove it, or aws"})
			}
		}
	}
}

// Alternatives are the items that stand in an any_of, nil when item is none; path leads from item to them. Each is an item or a list of
// items.
func Alternatives(item *schema.Node) (items []*schema.Node, path string) {
	n, path := item.Field("any_of"), ".any_of"
	if n != nil && n.Kind == schema.Map {
		n, path = n.Field("policies"), path+".policies"
	}
	if n == nil || n.Kind != schema.List {
		return nil, ""
	}
	return n.Items, path
}

// named returns the policies of that name under policies, nil when there are none.
func (d *Document) named(name string) *schema.Node { return d.Root.Field("policies").Field(name) }

func names(n *schema.Node) []string {
	var out []string
	for _, f := range n.Entries() {
		out = append(out, f.Name)
	}
	return out
}

func didYouMean(name string, among []string) string {
	if near := schema.Nearest(name, among); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

package config

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/route"
	"sallyport/schema"
	"sallyport/wire"
)

// This file makes sets of routes of an api with versions, one for each version: as if each were written down as an api of its own, with
// all that it inherits.

// An expansion is the versions of one api in the making.
type expansion struct {
	*checker
	api    *API
	of     *route.Versions
	list   []*Versioned
	byName map[string]int
	routes [][]Route // by version, nil before they are known
	trail  []int     // of the versions that are looked at
}

// versions checks the versions of a, and returns an api for each. What is wrong is left out, so that the rest can be checked.
func (c *checker) versions(a *API) []*API {
	given := a.Node.Field("versioning")
	switch {
	case len(a.Versions) == 0 && given == nil:
		return []*API{a}
	case len(a.Versions) == 0:
		c.errs.Add(given, a.Path+".versioning", "the api has no versions; add some, such as versions: [{ name: v1, routes: [...] }]")
		return []*API{a}
	case a.Versioning == nil:
		c.errs.Add(a.Node.Field("versions"), a.Path+".versions", "nothing says where requests name a version; add versioning, such as { in: header, name: Api-Version }")
		a.Versioning = &Versioning{In: "header", Name: "Api-Version"}
	}
	if r := a.Node.Field("routes"); r != nil {
		c.errs.Add(r, a.Path+".routes", "the routes of an api with versions stand in its versions; for routes without one add an api")
	}
	e := &expansion{checker: c, api: a, byName: map[string]int{}, routes: make([][]Route, len(a.Versions))}
	e.named()
	e.carrier()
	var out []*API
	for i := range e.list {
		e.inherit(i)
		if set := e.set(i); set != nil {
			out = append(out, set)
		}
	}
	e.successors()
	if e.of.Conditional() {
		e.newestFirst(out)
	}
	return out
}

// newestFirst puts the default version first, then the others from the last to the first: where nobody can tell which version a preflight
// is about, the first one that has the route answers.
func (e *expansion) newestFirst(sets []*API) {
	slices.Reverse(sets)
	slices.SortStableFunc(sets, func(a, b *API) int {
		switch {
		case a.Of.Default() == b.Of.Default():
			return 0
		case a.Of.Default():
			return -1
		}
		return 1
	})
}

// named gives versions and their routes places, and finds names that stand twice.
func (e *expansion) named() {
	a := e.api
	nodes := a.Node.Field("versions").List()
	first := map[string]*schema.Node{}
	e.of = &route.Versions{In: route.Carrier(a.Versioning.In), Name: a.Versioning.Name, Default: a.Versioning.Default}
	for i := range a.Versions {
		v := &a.Versions[i]
		n, path := at(nodes, i), schema.Index(a.Path+".versions", i)
		e.unique(first, v.Name, n, path, "version")
		place(v.Routes, n.Field("routes"), path+".routes")
		for j := range v.Routes {
			r := &v.Routes[j]
			if r.Origin = v.Name + " " + r.Name; r.Name == "" {
				r.Origin = v.Name + " " + r.Match.String()
			}
			if e.of.In == route.InHost && len(r.Match.Hosts) > 0 {
				e.errs.Add(r.Node.Field("match"), r.Path+".match", "the host says the version in this api, so a route cannot name others; leave hosts out")
			}
		}
		e.list = append(e.list, &Versioned{Version: v, Versions: e.of, API: a, Path: path, Node: n, base: a.BasePath})
		if _, twice := e.byName[v.Name]; !twice {
			e.byName[v.Name] = i
			e.of.Names = append(e.of.Names, v.Name)
		}
	}
	if d := a.Versioning.Default; d != "" && !slices.Contains(e.of.Names, d) {
		e.errs.Add(a.Node.Field("versioning").Field("default"), a.Path+".versioning.default", "there is no version named %q%s", d, didYouMean(d, e.of.Names))
	}
}

// carrier settles where requests name the version.
func (e *expansion) carrier() {
	a, path := e.api, e.api.Path+".versioning"
	n := a.Node.Field("versioning")
	base := strings.TrimSuffix(a.BasePath, "/")
	pattern := a.Versioning.Name
	switch e.of.In {
	case route.InHeader:
		e.heard(n.Field("name"), path+".name")
	case route.InPath:
		e.of.Before = base + "/"
		for _, v := range e.list {
			v.base = base + "/" + v.Version.Name
		}
	case route.InMediaType:
		if pattern == "" {
			e.of.Name = "version"
		} else if strings.Contains(pattern, "/") {
			e.of.Before, e.of.After, _ = strings.Cut(pattern, marker)
			e.of.Name = ""
		}
	case route.InHost:
		if pattern == "" {
			if len(a.Hosts) != 1 || strings.HasPrefix(a.Hosts[0], "*") {
				e.errs.Add(n, path, "which hosts are it? Add name, such as %s.api.example.com, or give the api one host, which the version stands in front of", marker)
				return
			}
			pattern = marker + "." + a.Hosts[0]
		}
		if e.of.Default != "" && len(a.Hosts) == 0 {
			e.errs.Add(n.Field("default"), path+".default", "the default version is for the hosts of the api, and it has none; give it hosts, such as api.example.com")
		}
		e.of.Before, e.of.After, _ = strings.Cut(strings.ToLower(pattern), marker)
	}
}

// heard reports a header that no request has by the time it is looked at, since clients may not say it.
func (e *expansion) heard(n *schema.Node, path string) {
	name := e.of.Name
	held := wire.Managed(name) || strings.Contains(name, "_")
	passed := slices.ContainsFunc(e.doc.ClientHeaders.Pass, func(p string) bool { return wire.EqualFold(p, name) })
	if held && !passed && len(e.doc.TrustedProxies) == 0 {
		e.errs.Add(n, path, "clients may not say %s, so it is taken out of their requests; take another name, or let it through with client_headers: { pass: [%s] }", name, name)
	}
}

// inherit finds the routes of a version: those that it inherits, less what it removes or replaces, and its own.
func (e *expansion) inherit(i int) []Route {
	if e.routes[i] != nil {
		return e.routes[i]
	}
	v := e.list[i]
	v.PoliciesOf = v
	e.trail = append(e.trail, i)
	var routes []Route
	if parent := e.parent(v); parent >= 0 {
		inherited := e.inherit(parent)
		routes = e.kept(v, inherited)
		if v.Node.Field("policies") == nil {
			v.PoliciesOf = e.list[parent].PoliciesOf
		}
	}
	e.trail = e.trail[:len(e.trail)-1]
	e.routes[i] = append(append([]Route{}, routes...), v.Version.Routes...)
	return e.routes[i]
}

// parent is the version that v inherits, -1 for none.
func (e *expansion) parent(v *Versioned) int {
	name := v.Version.Inherits
	if name == "" {
		return -1
	}
	n, path := v.Node.Field("inherits"), v.Path+".inherits"
	p, found := e.byName[name]
	if !found {
		e.errs.Add(n, path, "there is no version named %q%s", name, didYouMean(name, e.of.Names))
		return -1
	}
	if at := slices.Index(e.trail, p); at >= 0 {
		var names []string
		for _, i := range e.trail[at:] {
			names = append(names, e.list[i].Version.Name)
		}
		e.errs.Add(n, path, "a version inherits itself: %s → %s", strings.Join(names, " → "), name)
		return -1
	}
	return p
}

// kept are the routes of inherited that v neither removes nor replaces.
func (e *expansion) kept(v *Versioned, inherited []Route) (out []Route) {
	own := map[string][]*route.Match{}
	for i := range v.Version.Routes {
		m := &v.Version.Routes[i].Match
		own[m.Shape()] = append(own[m.Shape()], m)
	}
	removed := map[string][]int{}
	for i := range v.Version.Remove {
		key := v.Version.Remove[i].Shape()
		removed[key] = append(removed[key], i)
	}
	used := make([]bool, len(v.Version.Remove))
	for i, r := range inherited {
		shape, left := r.Match.Shape(), true
		for _, k := range removed[shape] {
			by := &v.Version.Remove[k]
			if !takesSome(&r.Match, by) {
				continue
			}
			used[k] = true
			if r.Match, left = r.Match.Without(by); !left {
				break
			}
		}
		for _, m := range own[shape] {
			if !left {
				break
			}
			r.Match, left = r.Match.Without(m)
		}
		if left {
			out = append(out, r)
		}
		schema.Yield(i)
	}
	nodes := v.Node.Field("remove").List()
	for k, did := range used {
		if !did {
			e.errs.Add(at(nodes, k), schema.Index(v.Path+".remove", k), "%s has no route %s that could be removed", v.Version.Inherits, v.Version.Remove[k].String())
		}
	}
	return out
}

// takesSome says whether a route is named by one of remove, which has the same shape: all of it, or some of its methods.
func takesSome(m, by *route.Match) bool {
	return len(by.Methods) == 0 || slices.ContainsFunc(by.Methods, func(name string) bool { return slices.Contains(m.Methods, name) })
}

// set is a version as an api of its own, nil when its name cannot stand where requests have it.
func (e *expansion) set(i int) *API {
	v, a := e.list[i], *e.api
	a.Of, a.Routes, a.BasePath = v, e.routes[i], v.base
	if e.of.In == route.InHost {
		if host := e.of.Before + strings.ToLower(v.Version.Name) + e.of.After; e.of.Before+e.of.After != "" {
			if _, err := route.ParseHost(host); err != nil {
				e.errs.Add(v.Node.Field("name"), v.Path+".name", "a version in the host is part of a name: %v", err)
				return nil
			}
			a.Hosts = []string{host}
		}
		if v.Default() {
			a.Hosts = append(a.Hosts, e.api.Hosts...)
		}
	}
	if e.of.In == route.InPath {
		if text, _, fault := wire.Canonical("/"+v.Version.Name, func(b []byte) string { return string(b) }); fault != nil || text != "/"+v.Version.Name {
			e.errs.Add(v.Node.Field("name"), v.Path+".name", "%q can be no segment of a path", v.Version.Name)
			return nil
		}
	}
	return &a
}

// successors finds the version to use instead of each that is deprecated.
func (e *expansion) successors() {
	for i, v := range e.list {
		d := v.Version.Deprecated
		if d == nil {
			continue
		}
		next := e.next(i)
		if d.Successor != "" {
			j, found := e.byName[d.Successor]
			n, path := v.Node.Field("deprecated").Field("successor"), v.Path+".deprecated.successor"
			switch {
			case !found:
				e.errs.Add(n, path, "there is no version named %q%s", d.Successor, didYouMean(d.Successor, e.of.Names))
			case j == i:
				e.errs.Add(n, path, "a version does not succeed itself")
			default:
				next = j
			}
		}
		if next < 0 {
			continue
		}
		v.Successor, v.Follows = e.list[next], map[string]bool{}
		for k := range e.routes[next] {
			v.Follows[e.routes[next][k].Match.Shape()] = true
		}
	}
}

// next is the version behind i that is not deprecated, or the last one before it, -1 for none.
func (e *expansion) next(i int) int {
	good := func(v *Versioned) bool { return v.Version.Deprecated == nil }
	if j := slices.IndexFunc(e.list[i:], good); j >= 0 {
		return i + j
	}
	for j := i - 1; j >= 0; j-- {
		if good(e.list[j]) {
			return j
		}
	}
	return -1
}

// Title is the api with its version, as messages and listings name it.
func (a *API) Title() string {
	if a.Of == nil {
		return a.Name
	}
	return fmt.Sprintf("%s %s", a.Name, a.Of.Version.Name)
}

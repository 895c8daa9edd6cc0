package route

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// This file is for rules that belong to a version of an api.

// A Version is what a match asks of a request's version: to be the one of that name. The zero value asks nothing.
type Version struct {
	Of   *Versions
	Name string
}

// speaks says whether the request is for the version of m. When nobody can tell, the search is over: the path is that of an api with
// versions, so no other may take the request.
func (q *lookup) speaks(m *Match) bool {
	v := &m.Version
	if v.Of == nil {
		return true
	}
	if q.versions != v.Of {
		q.versions = v.Of
		q.version, q.unversioned = v.Of.pick(q.x.Request, q.announced || q.method == "OPTIONS")
	}
	switch {
	case q.unversioned == nil:
		return q.version == "" || q.version == v.Name
	case q.loose || q.wanted != nil:
		return true // whoever asks wants to know what there may be
	}
	q.err = q.unversioned
	return false
}

// pick is Pick, but "" for a preflight that cannot tell: browsers send no fields of the request that is to come, only their names.
func (v *Versions) pick(r *wire.Request, asks bool) (string, error) {
	if !asks || v.In == InQuery || !r.Header.HasKnown(wire.Origin) || !r.Header.Has("Access-Control-Request-Method") {
		return v.Pick(r)
	}
	if s, err := v.said(r); s.named || err != nil {
		return v.Pick(r)
	}
	if v.In == InHeader && v.Default != "" && !announces(r, v.Name) {
		return v.Default, nil
	}
	return "", nil
}

// Tells says whether the preflight r says which version it is about.
func (v *Versions) Tells(r *wire.Request) bool {
	name, err := v.pick(r, true)
	return name != "" && err == nil
}

// lacks says what keeps a request from being for the version.
func (v *Version) lacks(x *policy.Exchange) string {
	if v.Of == nil {
		return ""
	}
	if name, err := v.Of.pick(x.Request, x.Request.Method == "OPTIONS"); err != nil || name != "" && name != v.Name {
		return "version " + v.Name
	}
	return ""
}

// excludes says whether no request is for both.
func (v *Version) excludes(w *Version) bool { return v.Of != nil && v.Of == w.Of && v.Name != w.Name }

// Shape is the same for matches that take the same requests but for their methods: neither names of parameters nor the order of hosts
// and conditions count.
func (m *Match) Shape() string {
	var b strings.Builder
	hosts := slices.Clone(m.Hosts)
	slices.Sort(hosts)
	fmt.Fprintf(&b, "%q", hosts)
	if m.Path.regex != nil {
		b.WriteString(m.Path.base)
	} else {
		for _, s := range m.Path.parts() {
			fmt.Fprintf(&b, "/%d", s.kind)
			if s.kind != rest {
				fmt.Fprintf(&b, "%q", s.lits)
			}
		}
	}
	return b.String() + "\x00" + m.key()
}

// Without returns m without the methods that by takes, which has the same shape; ok is false when nothing is left. A rule for every
// method stays beside one that names some, which is more specific.
func (m Match) Without(by *Match) (left Match, ok bool) {
	switch {
	case len(by.Methods) == 0:
		return m, false
	case len(m.Methods) == 0:
		return m, true
	}
	m.Methods = slices.DeleteFunc(slices.Clone(m.Methods), func(name string) bool { return slices.Contains(by.Methods, name) })
	return m, len(m.Methods) > 0
}

package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/config"
	"sallyport/expr"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file is for versions of an api. The table finds the route of the right one (route/versions.go); here is what answers say of their
// version, and what becomes of requests for a version that is gone or never was.

// versionGone is the problem of a version past its sunset.
var versionGone = problem.Define("version_gone", 410, "Version gone", "The version of the api that the request is for is past its sunset. Where there is one, the field Link names its successor.")

// A versioned is an api with versions.
type versioned struct {
	place
	api  string
	by   *route.Versions
	vary []string
	list []*version

	dialect *dialect // that its errors are told in, nil for the gateway's own
}

// A version is one version of an api.
type version struct {
	*versioned
	name   string
	counts *telemetry.Version
	host   string // in which it stands, "" when that is elsewhere

	deprecation *config.Deprecation // nil for none
	since       string              // as fields have them
	sunset      string
	link        string
	successor   *version // to use instead, nil for none
}

// version is the version that the routes of a belong to, the same one each time; nil for an api without versions.
func (b *builder) version(a *config.API) *version {
	if a.Of == nil {
		return nil
	}
	of := b.versionsOf(a.Of.API, a.Of.Versions)
	return of.named(a.Of.Version.Name)
}

func (b *builder) versionsOf(a *config.API, by *route.Versions) *versioned {
	if of := b.versioned[a.Path]; of != nil {
		return of
	}
	of := &versioned{place: placeOfAPI(a), api: a.Name, by: by, vary: by.Varies(), dialect: dialects[a.Dialect]}
	for _, set := range b.doc.All() {
		if set.Of == nil || set.Of.API != a {
			continue
		}
		v := &version{versioned: of, name: set.Of.Version.Name, counts: b.gateway.metrics.Version(a.Name, set.Of.Version.Name)}
		if by.In == route.InHost && len(set.Hosts) > 0 {
			v.host = set.Hosts[0]
		}
		if d := set.Of.Version.Deprecated; d != nil {
			v.deprecate(d)
		}
		of.list = append(of.list, v)
	}
	for _, set := range b.doc.All() {
		if set.Of != nil && set.Of.API == a && set.Of.Successor != nil {
			of.named(set.Of.Version.Name).successor = of.named(set.Of.Successor.Version.Name)
		}
	}
	b.versioned[a.Path] = of
	b.snapshot.versioned = append(b.snapshot.versioned, of)
	return of
}

func (of *versioned) named(name string) *version {
	for _, v := range of.list {
		if v.name == name {
			return v
		}
	}
	return nil
}

func (v *version) deprecate(d *config.Deprecation) {
	v.deprecation = d
	v.since = "@" + strconv.FormatInt(d.Since.Unix(), 10) // RFC 9745 §2.1
	if !d.Sunset.IsZero() {
		v.sunset = d.Sunset.UTC().Format(http.TimeFormat) // RFC 8594 §3
	}
	if d.Link != "" {
		v.link = "<" + d.Link + `>; rel="deprecation"`
	}
}

// gone says whether the version is not served any more.
func (v *version) gone(now time.Time) bool {
	d := v.deprecation
	return d != nil && d.Enforce && !now.Before(d.Sunset.Time)
}

// unversioned are further rules by which a route is found: in the path, the default version is there without its segment as well.
func (b *builder) unversioned(a *config.API, r *config.Route, found *rule) []*rule {
	if a.Of == nil || a.Of.Versions.In != route.InPath || !a.Of.Default() {
		return nil
	}
	plain := *a
	plain.BasePath = a.Of.API.BasePath
	match, err := r.Rule(&plain)
	if err != nil {
		return nil // as of the other one
	}
	again := *found
	again.Match = match
	return []*rule{&again}
}

// outdated says why the version that f found is not served: it is past its sunset, or it is the default and the host or path names
// another one, which there is not.
func (f *flow) outdated() error {
	v, r := f.version, f.x.Request
	if v.name == v.by.Default && !v.by.Conditional() {
		if _, err := v.by.Pick(r); err != nil {
			f.version, f.x.Version = nil, ""
			return err
		}
	}
	if !v.gone(f.x.Start) {
		return nil
	}
	if method, _ := r.Preflight(); method != "" {
		return nil // the page is to read why
	}
	return versionGone.New("The version %s was served until %s.", v.name, v.sunset)
}

// lost looks for the version of a request that no route takes. When it names none that there is, that is the error.
func (f *flow) lost(err error) error {
	x := &f.x
	of := f.snapshot.versionedAt(x.Request)
	if of == nil {
		return err
	}
	f.of, f.matched, x.API = of, x.Request.Path.Text, of.api
	name, wrong := of.by.Pick(x.Request)
	if wrong == nil {
		f.version, x.Version = of.named(name), name
		if v := f.version; v != nil && v.gone(x.Start) {
			return versionGone.New("The version %s was served until %s.", v.name, v.sunset)
		}
		return err
	}
	if p := problem.From(err); !errors.As(err, new(route.Allow)) && p.Type == route.NoRoute {
		return wrong
	}
	return err
}

// versionedAt is the api with versions that a request is for by host and base path, nil for none.
func (s *snapshot) versionedAt(r *wire.Request) (best *versioned) {
	for _, of := range s.versioned {
		if of.serves(r) && (best == nil || of.before(&best.place)) {
			best = of
		}
	}
	return best
}

// serves says whether r is for the api, also for a version that there is not.
func (of *versioned) serves(r *wire.Request) bool {
	if of.by.In != route.InHost {
		return of.holds(r)
	}
	anywhere := place{base: of.base}
	return of.hosts != nil && of.holds(r) || of.by.Says(r.Host) && anywhere.holds(r)
}

// guessed forgets the version that a preflight was found by when it does not say which one it is about.
func (f *flow) guessed() {
	if v := f.version; v != nil && v.by.Conditional() && !v.by.Tells(f.x.Request) {
		f.version, f.x.Version = nil, ""
	}
}

// mark has an answer say of which version it is: for caches what it depends on, for clients that the version is deprecated.
func (f *flow) mark(h *wire.Header) {
	for _, name := range f.of.vary {
		if !h.Token(wire.Vary, name) && !h.Token(wire.Vary, "*") {
			h.AddKnown(wire.Vary, name)
		}
	}
	v := f.version
	if v == nil || v.deprecation == nil {
		return
	}
	h.Set("Deprecation", v.since)
	if v.sunset != "" {
		h.Set("Sunset", v.sunset)
	}
	if v.link != "" {
		h.Add("Link", v.link)
	}
	if v.successor != nil {
		h.Add("Link", "<"+f.successor()+`>; rel="successor-version"`)
	}
}

// successor is where the request would find the version that follows: the same resource when that has it, otherwise what all of that
// version begins with.
func (f *flow) successor() string {
	v, next := f.version, f.version.successor
	below := strings.TrimPrefix(f.matched, v.base)
	if v.by.In == route.InPath {
		if left, named := strings.CutPrefix(below, "/"+v.name); named && (left == "" || left[0] == '/') {
			below = left // the default version stands without its name as well
		}
	}
	if f.rule == nil || !f.rule.Value.follows || strings.ContainsAny(below, "<>\"\\") {
		below = ""
	}
	path := v.base
	if v.by.In == route.InPath {
		path += "/" + next.name
	}
	if path += below; path == "" {
		path = "/"
	}
	switch v.by.In {
	case route.InQuery:
		return path + "?" + expr.EncodeQuery(v.by.Name) + "=" + expr.EncodeQuery(next.name)
	case route.InHost:
		return "//" + next.host + colon(f.x.Request.Port) + path
	}
	return path
}

package gateway

import (
	"slices"
	"time"

	"sallyport/config"
	"sallyport/lint"
	"sallyport/schema"
)

// This file finds what is unwise about versions of apis.

var (
	endlessDeprecation = lint.Define(lint.Rule{Code: "SP211", Severity: lint.Note, Title: "A deprecated version without a sunset",
		Why:     "Clients are told to leave the version, but not until when. Most stay.",
		Do:      "Give it a sunset, and a link to a page that tells what to do.",
		Example: "versions:\n  - { name: v1, deprecated: { since: 2026-01-01 } }"})
	pastSunset = lint.Define(lint.Rule{Code: "SP212", Title: "A sunset that came and changed nothing",
		Why:     "The version is past its sunset and served all the same. Clients learn that a sunset means nothing.",
		Do:      "Set enforce, remove the version, or give it a later sunset.",
		Example: "versions:\n  - { name: v1, deprecated: { since: 2020-01-01, sunset: 2021-01-01 } }"})
	deprecatedDefault = lint.Define(lint.Rule{Code: "SP213", Title: "A default version that is deprecated",
		Why:     "Requests that name no version get one that is to be used no more, so that new clients begin with it.",
		Do:      "Make another version the default, or have none, so that clients name theirs.",
		Example: "versioning: { in: header, name: Api-Version, default: v1 }\nversions:\n  - { name: v1, deprecated: { since: 2026-01-01, sunset: 2099-01-01 } }\n  - { name: v2, inherits: v1 }"})
	deadVersion = lint.Define(lint.Rule{Code: "SP214", Severity: lint.Note, Title: "A version that is gone",
		Why:     "The version is past its sunset, and every request for it is answered 410. Its routes stand in the document for nothing, unless another version inherits them.",
		Do:      "Keep it while clients ask for it, so that they learn where to go; then remove it.",
		Example: "versions:\n  - { name: v1, deprecated: { since: 2020-01-01, sunset: 2021-01-01, enforce: true } }"})
	emptyVersion = lint.Define(lint.Rule{Code: "SP215", Title: "A version without routes",
		Why:     "It has no routes of its own and inherits none, so that every request for it is answered 404.",
		Do:      "Give it routes, have it inherit those of another version, or remove it.",
		Example: "versions:\n  - { name: v1, routes: [{ match: /, upstream: shop }] }\n  - { name: v2 }"})
	guessedPreflight = lint.Define(lint.Rule{Code: "SP216", Title: "Preflights that do not say their version",
		Why:     "Browsers send no version in a header or media type when they ask whether a page may send a request, so that the cors of the default version answers, or of the last one that has the route, also for the others.",
		Do:      "Put one cors on the api, or the version into the path, the host or the query.",
		Example: "versioning: { in: header, name: Api-Version }\nversions:\n  - { name: v1, policies: [{ cors: { origins: https://a.example.com } }] }\n  - { name: v2, policies: [{ cors: { origins: https://b.example.com } }] }"})
)

// versionsOfAPIs looks at the versions of every api.
func (b *builder) versionsOfAPIs(rules []*rule) {
	now := time.Now()
	for _, a := range b.doc.All() {
		if a.Of == nil {
			continue
		}
		v := a.Of
		if len(a.Routes) == 0 {
			b.finds(emptyVersion, v.Node, v.Path, "the version %s has no routes", v.Version.Name)
		}
		if d := v.Version.Deprecated; d != nil {
			b.deprecation(v, d, now)
		}
	}
	for _, of := range b.snapshot.versioned {
		if of.by.Conditional() {
			b.preflights(of, rules)
		}
	}
}

func (b *builder) deprecation(v *config.Versioned, d *config.Deprecation, now time.Time) {
	n, path, name := v.Node.Field("deprecated"), v.Path+".deprecated", v.Version.Name
	if v.Default() {
		at := v.API.Node.Field("versioning")
		b.finds(deprecatedDefault, at.Field("default"), v.API.Path+".versioning.default", "requests without a version get %s, which is deprecated", name)
	}
	switch {
	case d.Sunset.IsZero():
		b.finds(endlessDeprecation, n, path, "clients are not told until when %s is there", name)
	case now.Before(d.Sunset.Time):
	case d.Enforce:
		b.finds(deadVersion, n.Field("sunset"), path+".sunset", "%s is answered 410", name)
	default:
		b.finds(pastSunset, n.Field("sunset"), path+".sunset", "%s is past its sunset and served all the same", name)
	}
}

// preflights finds versions with cors policies of their own.
func (b *builder) preflights(of *versioned, rules []*rule) {
	shapes := map[string]string{} // cors by path and method
	for _, r := range rules {
		v := r.Value
		if v.version == nil || v.version.versioned != of {
			continue
		}
		var cors string
		at := slices.IndexFunc(v.steps, func(s step) bool { return s.kind == "cors" })
		if at >= 0 {
			cors = v.steps[at].guard
		}
		shape := r.Match
		shape.Version.Of, shape.Version.Name = nil, ""
		key := shape.Shape()
		other, met := shapes[key]
		switch {
		case !met:
			shapes[key] = cors
		case other != cors:
			node, path := schemaOf(b.doc, of.api)
			b.finds(guessedPreflight, node, path, "the versions of %s answer preflights in different ways, and nobody can tell which is meant", of.api)
			return
		}
	}
}

// schemaOf is where the versioning of an api stands.
func schemaOf(d *config.Document, api string) (*schema.Node, string) {
	for i := range d.APIs {
		if a := &d.APIs[i]; a.Name == api {
			return a.Node.Field("versioning"), a.Path + ".versioning"
		}
	}
	return d.Root, ""
}

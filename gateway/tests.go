package gateway

import (
	"fmt"
	"slices"

	"sallyport/config"
	"sallyport/problem"
	"sallyport/schema"
)

// This file is what package routetest needs: the names in the tests of a document are checked with everything else, and a gateway
// serves a document that was read already.

// tests checks the routes and problems that the tests of the document name.
func (b *builder) tests(rules []*rule) {
	for i := range b.doc.Tests {
		for _, s := range b.doc.Tests[i].All() {
			e, n := s.Expect, s.Node.Field("expect")
			if e == nil {
				continue
			}
			if e.Route != "" && e.Route != "none" {
				b.testRoute(n.Field("route"), s.Path+".expect.route", e.Route, rules)
			}
			if e.Problem != "" && e.Problem != "none" && problem.ByName(e.Problem) == nil {
				var names []string
				for _, t := range problem.All() {
					names = append(names, t.Name)
				}
				b.errs.Add(n.Field("problem"), s.Path+".expect.problem", "there is no problem %q%s", e.Problem, near(e.Problem, names))
			}
		}
	}
}

func (b *builder) testRoute(n *schema.Node, path, name string, rules []*rule) {
	if slices.ContainsFunc(rules, func(r *rule) bool { return r.Value.name == name }) {
		return
	}
	if slices.ContainsFunc(b.doc.All(), func(a *config.API) bool {
		return slices.ContainsFunc(a.Routes, func(r config.Route) bool {
			return r.Name == name || a.Of != nil && a.Of.Version.Name+" "+r.Name == name
		})
	}) {
		return // it is there, and wrong for another reason
	}
	var names []string
	for _, r := range rules {
		names = append(names, r.Value.name)
	}
	b.errs.Add(n, path, "there is no route %q%s; a route without a name is called by its match, as sallyport routes shows it", name, near(name, names))
}

func near(name string, among []string) string {
	if n := schema.Nearest(name, among); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// Serve puts a document in service that was read already, with which errs are wrong. An error is a schema.Errors.
func (g *Gateway) Serve(doc *config.Document, errs schema.Errors) error {
	_, err := g.replace(func() *builder { return g.newBuilder(doc, errs) })
	return err
}

// CheckRead is Check of a document that was read already, with which errs are wrong.
func CheckRead(doc *config.Document, errs schema.Errors, o Options) Report {
	return check(doc, errs, o, nil)
}

package gateway

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/lint"
	"sallyport/schema"
)

// This file is how a builder says what works but is unwise: each finding has a rule, and a document may say which are on purpose. The rules
// stand in lintrules.go, what finds them in order.go, unwise.go and the files lint*.go.

// found returns where findings of a rule go.
func (b *builder) found(r *lint.Rule) *schema.Errors {
	if r.Severity == lint.Note {
		return &b.notes
	}
	return &b.warnings
}

// finds reports that r holds of n, which stands at path.
func (b *builder) finds(r *lint.Rule, n *schema.Node, path, format string, args ...any) {
	b.findsWithin(r, n, path, fmt.Errorf(format, args...))
}

// findsWithin reports that r holds of n, or of a setting in it that what says.
func (b *builder) findsWithin(r *lint.Rule, n *schema.Node, path string, what error) {
	list := b.found(r)
	list.Wrong(n, path, what)
	e := (*list)[len(*list)-1]
	e.Warn, e.Note, e.Code = true, r.Severity == lint.Note, r.Code
}

// lint looks at the document as a whole, when nothing is wrong with it, and drops what is on purpose.
func (b *builder) lint(rules []*rule) {
	if len(b.wrong)+len(b.errs) == 0 {
		b.references(rules)
		b.conditions(rules)
		b.bounds(rules)
		b.trust(rules)
		b.people(rules)
		b.access(rules)
		b.resilience()
		b.browsers(rules)
		b.versionsOfAPIs(rules)
	}
	b.allowed()
	b.warnings.Sort()
	b.notes.Sort()
}

// allowed drops the findings that the document has on purpose, and finds exceptions that excuse nothing.
func (b *builder) allowed() {
	nodes := b.doc.Root.Field("lint").Field("allow").List()
	for i := range b.doc.Lint.Allow {
		a := &b.doc.Lint.Allow[i]
		if i >= len(nodes) {
			return
		}
		path := schema.Index("lint.allow", i)
		if lint.ByCode(a.Code) == nil {
			b.unknownRule(nodes[i], path, a.Code)
			continue
		}
		dropped := false
		for _, list := range []*schema.Errors{&b.warnings, &b.notes} {
			*list = slices.DeleteFunc(*list, func(e *schema.Error) bool {
				match := e.Code == a.Code && (a.At == "" || slices.Contains(b.labels(e.Path), a.At))
				dropped = dropped || match
				return match
			})
		}
		if !dropped && len(b.wrong)+len(b.errs) == 0 {
			b.finds(excusesNothing, nodes[i], path, "there is no %s%s any more; remove the exception", a.Code, at(a.At))
		}
	}
}

func at(place string) string {
	if place == "" {
		return ""
	}
	return " at " + place
}

func (b *builder) unknownRule(n *schema.Node, path, code string) {
	var codes []string
	for _, r := range lint.All() {
		codes = append(codes, r.Code)
	}
	if c := n.Field("code"); c != nil {
		n, path = c, path+".code"
	}
	b.errs.Add(n, path, "there is no finding %q%s; sallyport check --explain list shows them all", code, near(code, codes))
}

// labels are the names of what stands around a path of the document: "route NAME", "api NAME" and so on.
func (b *builder) labels(path string) (out []string) {
	for _, a := range b.doc.All() {
		inside := a.Path != "" && within(path, a.Path)
		if inside {
			out = append(out, "api "+a.Name)
		}
		for i := range a.Routes {
			r := &a.Routes[i]
			if !within(path, r.Path) {
				continue
			}
			if out = append(out, "route "+r.Match.String()); r.Name != "" {
				out = append(out, "route "+r.Name)
			}
			if !inside {
				out = append(out, "api "+a.Name)
			}
		}
	}
	for i := range b.doc.Listeners {
		if within(path, schema.Index("listeners", i)) {
			out = append(out, "listener "+b.doc.Listeners[i].Address)
		}
	}
	for _, section := range []struct{ path, word string }{{"upstreams", "upstream"}, {"policies", "policy"}} {
		for _, f := range b.doc.Root.Field(section.path).Entries() {
			if within(path, schema.Join(section.path, f.Name)) {
				out = append(out, section.word+" "+f.Name)
			}
		}
	}
	return out
}

// within says whether path is place or stands in it.
func within(path, place string) bool {
	rest, ok := strings.CutPrefix(path, place)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// place returns the node of an api or route, and its path; of the default api that of its routes.
func placeOf(a *config.API) (string, *schema.Node) {
	if a.Path == "" {
		return "routes", a.Node.Field("routes")
	}
	return a.Path, a.Node
}

// some names a few of many.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

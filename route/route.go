// Package route finds the one route that serves a request.
//
// Rules are sorted into a tree when the table is built: by host, then segment by segment of the path, then by method
// and conditions. Looking one up walks that tree from the most specific branch to the least specific one, so the first
// rule that fits is the right one. The table never changes; a new document makes a new one.
//
// What is matched is wire.Request.Host and the canonical wire.Path.Text, nothing else.
package route

import (
	"strings"

	"sallyport/expr"
	"sallyport/problem"
	"sallyport/schema"
)

// A Rule is a route as the table knows it: what it matches and what it leads to.
type Rule[T any] struct {
	Name     string
	Match    Match
	Priority int        // decides between rules that are equally specific: the higher one wins
	Pos      schema.Pos // of the route in its file
	At       string     // the same in the document, such as "apis[0].routes[2]"
	Value    T
}

// A Match says which requests a rule takes. All of it must hold.
type Match struct {
	Methods []string // none: every method. GET stands for HEAD too
	Path    Pattern  // the zero value: every path
	Hosts   []string // "api.example.com" or "*.example.com", any of them; none: every host
	Headers Conditions
	Query   Conditions
	Cookies Conditions
	When    expr.Expr // the zero value: always
	Version Version   // of the api, where it stands in neither path nor host
}

// String writes m as one line, for listings and messages.
func (m *Match) String() string {
	var b strings.Builder
	if len(m.Methods) > 0 {
		b.WriteString(strings.Join(m.Methods, ",") + " ")
	}
	if len(m.Hosts) > 0 {
		b.WriteString(strings.Join(m.Hosts, ","))
	}
	b.WriteString(m.Path.String())
	for _, part := range []struct {
		name string
		list Conditions
	}{{"header", m.Headers}, {"query", m.Query}, {"cookie", m.Cookies}} {
		for _, c := range part.list {
			b.WriteString(" " + part.name + " " + c.String())
		}
	}
	if !m.When.IsZero() {
		b.WriteString(" when " + m.When.String())
	}
	if m.Version.Of != nil {
		b.WriteString(" version " + m.Version.Name)
	}
	return b.String()
}

// conditions counts what m asks for beyond host, path and method.
func (m *Match) conditions() int {
	n := len(m.Headers) + len(m.Query) + len(m.Cookies)
	if !m.When.IsZero() {
		n++
	}
	if m.Version.Of != nil {
		n++
	}
	return n
}

// The problems of a request that no rule takes.
var (
	NoRoute          = problem.Define("no_route", 404, "No route", "No route matches the host and path of the request, or those that do ask for headers, query or cookies that it lacks.")
	MethodNotAllowed = problem.Define("method_not_allowed", 405, "Method not allowed", "Routes match the path, but none with this method; Allow lists the methods that would do.")
)

// Allow is what Find returns as an error for OPTIONS where no rule takes it: the value for the Allow field of an
// empty 204 (RFC 9110 §9.3.7).
type Allow string

func (a Allow) Error() string { return "options: " + string(a) }

package config

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/route"
	"sallyport/schema"
)

// An API is a set of routes with shared settings.
type API struct {
	Name     string         `json:"name" min:"1" max:"64" doc:"The name in metrics, logs and expressions."`
	Hosts    []string       `json:"hosts" one:"true" doc:"Host names of the routes that name none themselves, such as api.example.com or *.example.com; every host when empty."`
	BasePath string         `json:"base_path" default:"" doc:"What the paths of all routes begin with, such as /shop."`
	Policies []*schema.Node `json:"policies" kind:"policy" doc:"Policies that every route runs, before its own."`
	Routes   []Route        `json:"routes" doc:"What requests match and where they go."`
	// Normalize is text and no boolean, since off is what the contract calls it.
	Normalize string `json:"normalize" default:"on" enum:"on,off" doc:"Whether the path goes upstream in its canonical form; off sends the bytes of the client."`
	Plans     string `json:"plans" default:"on" enum:"on,off" doc:"Whether the plans of consumers hold on its routes, unless those say otherwise."`
	Errors    Errors `json:"errors" doc:"How errors look to the clients of this api."`

	Versioning *Versioning `json:"versioning" doc:"Where requests name a version of the api."`
	Versions   []Version   `json:"versions" doc:"The versions of the api, in place of routes."`
	OpenAPI    struct{}    `json:"openapi" later:"routes from an OpenAPI document come with a later version"`
	Dialect    string      `json:"dialect" default:"native" enum:"native,aws_rest,aws_http,azure,google" doc:"Whose words the errors of the api are in, for clients that were made for another gateway: status, body and the fields beside it."`

	// Path is where the api stands in the document, such as apis[0]; empty for the api named default.
	Path string       `json:"-"`
	Node *schema.Node `json:"-"`
	// Of is the version whose routes these are; nil for an api without versions.
	Of *Versioned `json:"-"`
}

// Errors is how an api's errors look.
type Errors struct {
	Upstream UpstreamErrors    `json:"upstream" doc:"What happens to the error answers of upstreams."`
	Add      map[string]string `json:"add" doc:"Further members of every problem document, such as a link to help."`
	Template struct{}          `json:"template" later:"error templates come with a later version; dialect has the words of other gateways"`
}

// UpstreamErrors is what happens to the error answers of upstreams.
type UpstreamErrors struct {
	Normalize bool `json:"normalize" doc:"Whether an answer of status 400 or above that is no problem document is replaced by one."`
}

// reserved are the members of a problem document that the gateway sets (RFC 9457 §3.1).
var reserved = []string{"type", "title", "status", "detail", "instance"}

// Check judges the settings of an api together.
func (a *API) Check() error {
	var errs []error
	if err := checkName(a.Name); err != nil {
		errs = append(errs, schema.At("name", err))
	}
	for i, h := range a.Hosts {
		if _, err := route.ParseHost(h); err != nil {
			errs = append(errs, schema.At(fmt.Sprintf("hosts[%d]", i), err))
		}
	}
	if p := a.BasePath; p != "" && (p[0] != '/' || strings.ContainsAny(p, "{}?#*% \\") || strings.Contains(p, "//") || strings.Contains(p+"/", "/../") || strings.Contains(p+"/", "/./")) {
		errs = append(errs, schema.At("base_path", fmt.Errorf("%q is no path without parameters; write such as /shop", p)))
	}
	if len(a.Errors.Add) > 0 && a.Dialect != "native" {
		errs = append(errs, schema.At("errors.add", fmt.Errorf("errors in the dialect %s have no further members; remove one of the two", a.Dialect)))
	}
	for _, name := range reserved {
		if _, taken := a.Errors.Add[name]; taken {
			errs = append(errs, schema.At("errors.add."+name, errors.New("the gateway sets this member itself; choose another name")))
		}
	}
	return errors.Join(errs...)
}

func checkName(name string) error {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return fmt.Errorf("%q: a name has letters, digits, -, _ and . only", name)
	}
	return nil
}

// A Route is a match, policies and a backend.
type Route struct {
	Name     string          `json:"name" default:"" max:"200" doc:"The name in metrics, logs and expressions; the match by default."`
	Match    route.Match     `json:"match" required:"true" doc:"Which requests the route takes: [METHODS ]PATH, or a map of conditions."`
	Priority int             `json:"priority" default:"0" doc:"Decides between routes that are equally specific: the higher one wins."`
	Policies []*schema.Node  `json:"policies" kind:"policy" doc:"The steps around the backend, from top to bottom, after those of the api."`
	Plans    string          `json:"plans" default:"" enum:"on,off" doc:"Whether the plans of consumers hold here; as on the api when it is not given."`
	Rewrite  *schema.Node    `json:"rewrite" kind:"rewrite" doc:"How path, query and host change on the way to the upstream, after all policies."`
	Mirror   *schema.Node    `json:"mirror" kind:"mirror" doc:"Another upstream that gets copies of the requests as they go upstream; what it answers is thrown away."`
	Payload  *schema.Node    `json:"payload" doc:"The form of the events and results of the backend function: 1.0 or 2.0."`
	Backend  []*schema.Field `json:"-" rest:"true" kind:"backend" doc:"What answers: exactly one backend."`

	// Backends of the contract that are not built yet.
	GRPC struct{} `json:"grpc" later:"REST to gRPC comes with a later version"`
	Mock struct{} `json:"mock" later:"mock answers come with OpenAPI"`

	// Path is where the route stands in the document, such as routes[0] or apis[1].routes[0].
	Path string       `json:"-"`
	Node *schema.Node `json:"-"`
	// Origin is the version in which the route stands, and its name there: versions that inherit it share what it counts. It is empty in an
	// api without versions.
	Origin string `json:"-"`
}

var routeType = schema.Of[Route]()

// RouteSettings are the names of a route's settings, backends not among them.
func RouteSettings() []string { return routeType.Names() }

// ToCome says whether r ends in a backend that is not built yet, which was reported as such.
func (r *Route) ToCome() bool {
	for _, name := range []string{"grpc", "mock"} {
		if r.Node.Field(name) != nil {
			return true
		}
	}
	return false
}

// Rule is what r, a route of a, matches: with the api's base path, and its hosts where the route names none.
func (r *Route) Rule(a *API) (m route.Match, err error) {
	m = r.Match
	if m.Path, err = m.Path.Under(strings.TrimSuffix(a.BasePath, "/")); err != nil {
		return m, err
	}
	if v := a.Of; v != nil && v.Versions.Conditional() {
		m.Version = route.Version{Of: v.Versions, Name: v.Version.Name}
	}
	if len(m.Hosts) > 0 {
		return m, nil
	}
	for _, h := range a.Hosts {
		host, err := route.ParseHost(h)
		if err != nil {
			return m, err
		}
		m.Hosts = append(m.Hosts, host)
	}
	return m, nil
}

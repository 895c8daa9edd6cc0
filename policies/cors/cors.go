// Package cors says which web pages may read what the gateway answers (Fetch, the CORS protocol). It is no access control: what is
// no browser does not ask.
package cors

import (
	"strconv"
	"strings"
	"time"

	"sallyport/origin"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "cors"

// Kind declares the policy cors.
var Kind = plug.Define(name, "Says which web pages may read the answers, and answers browsers that ask before they send a request for one.", build)

// The fields of answers.
const (
	allowOrigin         = "Access-Control-Allow-Origin"
	allowCredentials    = "Access-Control-Allow-Credentials"
	allowMethods        = "Access-Control-Allow-Methods"
	allowHeaders        = "Access-Control-Allow-Headers"
	allowPrivateNetwork = "Access-Control-Allow-Private-Network"
	exposeHeaders       = "Access-Control-Expose-Headers"
	maxAge              = "Access-Control-Max-Age"
)

// The fields of preflights.
const (
	requestHeaders        = "Access-Control-Request-Headers"
	requestPrivateNetwork = "Access-Control-Request-Private-Network"
)

// maxAsked bounds the list of names that is repeated to a browser which asks for them.
const maxAsked = 4 << 10

type cors struct {
	origins     *origin.List
	credentials bool
	methods     string // "" for those of the path
	headers     string // "" for those that are asked for
	expose      string
	maxAge      string
	private     bool
	forward     bool
	refuse      bool
	vary        string // of answers to preflights

	isForeign func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	p := &cors{
		origins: origin.NewList(c.Origins), credentials: c.Credentials, private: c.PrivateNetwork,
		methods: strings.Join(c.Methods, ", "), headers: strings.Join(c.Headers, ", "), expose: strings.Join(c.Expose, ", "),
		maxAge:  strconv.FormatInt(int64(c.MaxAge/time.Second), 10),
		forward: c.Preflight == "forward", refuse: c.Foreign == "refuse",
		isForeign: env.Denier(name, "foreign_origin"),
	}
	vary := []string{"Origin", "Access-Control-Request-Method", requestHeaders}
	if p.private {
		vary = append(vary, requestPrivateNetwork)
	}
	p.vary = strings.Join(vary, ", ")
	return p, nil
}

// Handle lets the request pass, and says in the answer or problem whether the page that sent it may read that.
func (c *cors) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if method, _ := x.Request.Preflight(); method != "" {
		return next(x) // the document leaves it to the backend
	}
	from, foreign := c.page(x.Request)
	if foreign && c.refuse {
		c.isForeign(x)
		return nil, c.onProblem(problem.Forbidden.New("Pages of this origin may not send requests here."), "")
	}
	resp, err := next(x)
	if err != nil {
		return nil, c.onProblem(err, from)
	}
	if resp.Status != 101 { // what follows is not HTTP
		c.share(&resp.Header, from)
	}
	return resp, nil
}

// page returns the value of Access-Control-Allow-Origin for r, "" for none, and whether r is of a page that is not allowed.
func (c *cors) page(r *wire.Request) (from string, foreign bool) {
	if c.origins.Any() {
		return "*", false
	}
	if !r.Header.HasKnown(wire.Origin) {
		return "", false
	}
	from, _, once := r.Header.Single("Origin")
	if !once || !c.origins.Match(from) {
		return "", true
	}
	return from, false
}

// share replaces what h says about pages. Whether it depends on the origin is the same for all answers, so that caches never mix
// up those of two pages, or of a page and none (RFC 9111 §4.1).
func (c *cors) share(h *wire.Header, from string) {
	h.Filter(others, 0)
	if !c.origins.Any() && !h.Token(wire.Vary, "Origin") && !h.Token(wire.Vary, "*") {
		h.AddKnown(wire.Vary, "Origin")
	}
	if from == "" {
		return
	}
	h.Add(allowOrigin, from)
	if c.credentials {
		h.Add(allowCredentials, "true")
	}
	if c.expose != "" {
		h.Add(exposeHeaders, c.expose)
	}
}

// others says whether f is none of the fields that this policy owns.
func others(f *wire.Field) bool {
	const prefix = "access-control-"
	return f.ID() != wire.Other || len(f.Name) <= len(prefix) || !wire.EqualFold(f.Name[:len(prefix)], prefix)
}

// onProblem does to an error of the gateway what is done to responses: a page is to learn that it needs a token, or has to wait.
func (c *cors) onProblem(err error, from string) error {
	return plug.Headed(err, func(h *wire.Header) { c.share(h, from) })
}

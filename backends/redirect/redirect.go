// Package redirect is the backend that sends clients somewhere else.
package redirect

import (
	"errors"
	"strings"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// Kind declares the backend redirect.
var Kind = plug.Define("redirect", "Sends the client to another URL.", build)

// Config is what the document says.
type Config struct {
	To     expr.URLTemplate `json:"to" required:"true" short:"true" doc:"Where to: a URL, or a path on the same host. A value in it becomes part of the place where it stands and nothing more: no other host, segment or parameter."`
	Status int              `json:"status" default:"308" enum:"301,302,303,307,308" doc:"Status of the response: 308 and 301 are for good, 307 and 302 for now, 303 is to be fetched with GET; 307 and 308 keep method and body."`
}

type redirect struct {
	to     expr.URLTemplate
	status int
}

func build(c Config, env *plug.Env) (policy.Handler, error) {
	r := &redirect{c.To, c.Status}
	env.Explainer = r
	if to, constant := c.To.Constant(); constant && !safe(to) {
		return nil, errUnsafe
	}
	return r.handle, nil
}

var errUnsafe = errors.New("it leads to another host than it seems to, or cannot stand in a header")

// safe says whether a browser reads to as it was meant: "//host" and "/\host" are other hosts, a control character would end
// the field.
func safe(to string) bool {
	if to == "" || !wire.ValidValue(to) || strings.ContainsAny(to, "\t \\") {
		return false
	}
	return !strings.HasPrefix(to, "//")
}

// handle answers with the place to go to.
func (r *redirect) handle(x *policy.Exchange) (*wire.Response, error) {
	to, err := r.to.Text(x)
	if err != nil {
		return nil, failed(err)
	}
	if !safe(to) {
		return nil, failed(errUnsafe)
	}
	resp := &wire.Response{Status: r.status}
	resp.Header.SetKnown(wire.Location, to)
	return resp, nil
}

// Explain answers, which does no harm.
func (r *redirect) Explain(x *policy.Exchange) (v policy.Verdict) {
	v.Response, v.Err = r.handle(x)
	return v
}

// failed makes a problem of a place that cannot be made of the request. What is missing elsewhere, such as a consumer, is a
// fault of the document.
func failed(err error) error {
	var missing *expr.Missing
	if errors.As(err, &missing) {
		return plug.Failed(err)
	}
	return problem.BadRequest.New("No place to go to can be made of the request.").Because(err)
}

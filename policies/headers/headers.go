// Package headers sets, adds and removes header fields of requests and responses.
package headers

import (
	"errors"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// Kind declares the policy headers.
var Kind = plug.Define("headers", "Sets, adds and removes header fields of requests and responses.", build)

// Config is what the document says.
type Config struct {
	Request  RequestRules  `json:"request" doc:"What is done to the request before it goes on."`
	Response ResponseRules `json:"response" doc:"What is done to the response, and to the gateway's own errors from further inside."`
}

// RequestRules are what is done to requests.
type RequestRules struct {
	Set map[string]expr.Template `json:"set" doc:"Fields to set, by name; they replace those of the same name. One whose value comes out empty is removed; an expression that makes a list sets several."`
	Add map[string]expr.Template `json:"add" doc:"Fields to add beside those of the same name; one whose value comes out empty is not added, and an expression that makes a list adds several."`
	Remove
}

// ResponseRules are what is done to responses.
type ResponseRules struct {
	Set map[string]expr.ResponseTemplate `json:"set" doc:"Fields to set, by name; they replace those of the same name. One whose value comes out empty is removed; an expression that makes a list sets several."`
	Add map[string]expr.ResponseTemplate `json:"add" doc:"Fields to add beside those of the same name; one whose value comes out empty is not added, and an expression that makes a list adds several."`
	Remove
}

// Remove is the same for both.
type Remove struct {
	Names []string `json:"remove" one:"true" doc:"Names of fields to remove, before anything is set or added."`
}

// Check wants something to do.
func (c *Config) Check() error {
	if len(c.Request.Set)+len(c.Request.Add)+len(c.Request.Names)+len(c.Response.Set)+len(c.Response.Add)+len(c.Response.Names) == 0 {
		return errors.New("it does nothing; give request or response")
	}
	return nil
}

type headers struct {
	request, response rules
	asks              bool // values of the response's fields depend on the response
	sent, back        bool // on the body of the request, on that of the response
}

func build(c Config, _ *plug.Env) (policy.Policy, error) {
	in, out := reader{side: "request"}, reader{side: "response"}
	h := &headers{
		request:  rules{in.names(c.Request.Names), in.fields("set", c.Request.Set), in.fields("add", c.Request.Add)},
		response: rules{out.names(c.Response.Names), out.fields("set", plain(c.Response.Set)), out.fields("add", plain(c.Response.Add))},
	}
	h.asks = h.response.uses("response", "")
	h.sent, h.back = h.response.uses("request", "body"), h.response.uses("response", "body")
	return h, errors.Join(append(in.errs, out.errs...)...)
}

// Handle changes the request on its way in and the response on its way out.
func (h *headers) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if err := h.request.apply(&x.Request.Header, x, false); err != nil {
		return nil, refused(err)
	}
	if h.sent { // it will have gone on
		if _, _, err := x.JSON(); err != nil {
			return nil, err
		}
	}
	if h.back {
		policy.AskWhole(x.Request)
	}
	resp, err := next(x)
	if err != nil {
		return nil, h.response.onProblem(x, err)
	}
	var v expr.Vars = x
	if h.asks {
		v = &policy.ResponseVars{Exchange: x, Response: resp}
	}
	bare := h.back && (x.Request.Method == "HEAD" || policy.Bodyless(resp))
	if err := h.response.apply(&resp.Header, v, bare); err != nil {
		resp.Close()
		return nil, plug.Answered(err)
	}
	return resp, nil
}

// refused is the problem of a request of which no header can be made.
func refused(err error) error {
	if errors.Is(err, errValue) {
		return problem.BadRequest.New("The request holds a control character where a header is made of it.").Because(err)
	}
	return plug.Failed(err)
}

package external

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Upstream string        `json:"upstream" min:"1" doc:"The upstream of the service that is called."`
	Request  *RequestCall  `json:"request" doc:"What it is called with for a request, before that goes on."`
	Response *ResponseCall `json:"response" doc:"What it is called with for a response, before that goes back."`
	Timeout  time.Duration `json:"timeout" default:"5s" min:"1ms" max:"5m" doc:"How long its answer may take."`
	OnError  string        `json:"on_error" enum:"fail,pass" default:"fail" doc:"What happens when it does not answer, or with a status that says nothing: fail refuses with 502, pass lets the message go on as it is, but for take_headers of a request."`
}

// Call is what both sides have.
type Call struct {
	Path        string       `json:"path" default:"/" doc:"What it is asked for, a path and perhaps a query; always by POST."`
	Headers     []string     `json:"headers" doc:"Fields of the message that are sent along; [\"*\"] for all but those about its own answer (Accept-Encoding, Range, If-…). X-Forwarded-Method, -Uri, -Proto, -Host and -For, X-Request-Id and the trace are always sent, and Sallyport-Stage, which is request or response."`
	Body        *schema.Size `json:"body" min:"1" max:"64MiB" doc:"Sends the body along, which is read before, up to this size. No body is sent when it is not given."`
	TakeHeaders []string     `json:"take_headers" doc:"Fields of its answer that the message gets. The message's own of these names are removed first, in every spelling, also when the answer has none."`
	TakeBody    bool         `json:"take_body" doc:"Whether the body of a 200, with its Content-Type, takes the place of the message's. A 204 leaves that as it is."`
	Size        schema.Size  `json:"size" default:"1MiB" min:"1" max:"64MiB" doc:"The largest body of an answer."`
}

// RequestCall is about requests.
type RequestCall struct {
	Call
	MayAnswer bool `json:"may_answer" doc:"Whether an answer of 3xx or 4xx goes to the client, instead of the request to its upstream."`
}

// ResponseCall is about responses.
type ResponseCall struct {
	Call
	TakeStatus bool `json:"take_status" doc:"Whether the field Sallyport-Status of its answer is the status of the response; in the call that field is what the status was."`
}

// Check judges the settings.
func (c *Config) Check() error {
	if c.Request == nil && c.Response == nil {
		return errors.New("it does nothing; give request or response")
	}
	var errs []error
	if c.Request != nil {
		errs = append(errs, c.Request.check("request"))
	}
	if c.Response != nil {
		errs = append(errs, c.Response.check("response"))
	}
	return errors.Join(errs...)
}

func (c *Call) check(side string) error {
	var errs []error
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		errs = append(errs, schema.At(side+".path", errors.New("write a path such as /hook, percent-encoded where it needs to be")))
	}
	for i, n := range c.Headers {
		if !wire.Copyable(n) && (n != "*" || len(c.Headers) > 1) {
			errs = append(errs, schema.At(schema.Index(side+".headers", i), fmt.Errorf("%q is no header field that could be copied", n)))
		}
	}
	for i, n := range c.TakeHeaders {
		bad := !wire.Copyable(n) || side == "request" && wire.NameOf(n) == wire.SetCookie || wire.EqualFold(n, "X-Request-Id")
		if bad || wire.EqualFold(n, "Content-Encoding") || wire.EqualFold(n, "Content-Range") || c.TakeBody && wire.EqualFold(n, "Content-Type") {
			errs = append(errs, schema.At(schema.Index(side+".take_headers", i), fmt.Errorf("%q is no header field that could be taken over", n)))
		}
	}
	return errors.Join(errs...)
}

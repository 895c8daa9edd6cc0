// Package function is the backend that asks a function: the request becomes an event, and what the function returns the response.
package function

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/function"
	"sallyport/function/event"
	"sallyport/function/invoke"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// Kind declares the backend function.
var Kind = plug.Define("function", "Asks a function, by an event as Amazon API Gateway makes them for Lambda.", build)

// Config is what the document says.
type Config struct {
	Name      string            `json:"name" short:"true" required:"true" doc:"The function, one of functions."`
	Payload   string            `json:"payload" default:"1.0" enum:"1.0,2.0" doc:"The form of event and result: 1.0 is that of REST APIs, with httpMethod and path, 2.0 that of HTTP APIs, with rawPath and requestContext.http. It may stand beside function, too."`
	Stage     string            `json:"stage" default:"$default" max:"128" doc:"The name of the stage that events tell; one with a name stands before the path where Amazon has it there."`
	Variables map[string]string `json:"stage_variables" doc:"What events have as stageVariables."`
}

// failed is the problem of a function that gives no answer.
var failed = problem.Define("function_error", 502, "Function failed", "The function ended with an error, crashed, could not be started, or returned what is no response; the log tells more under the request's id.")

// maxBody bounds a body, which has to fit into an event.
const maxBody = 10 << 20

// A backend asks one function.
type backend struct {
	function function.Answerer
	payload  string
	place    *event.Place
}

func build(c Config, env *plug.Env) (policy.Handler, error) {
	f, err := find(c.Name, env)
	if err != nil {
		return nil, err
	}
	b := &backend{function: f, payload: c.Payload, place: event.NewPlace(env.Route.Methods, env.Route.Path, c.Stage, c.Variables)}
	env.Explainer = b
	if f, ok := f.(*invoke.Function); ok {
		env.Tend("credentials for AWS "+f.Credentials().Region(), f.Credentials().Keep)
	}
	return b.handle, nil
}

func find(name string, env *plug.Env) (function.Answerer, error) {
	if f := env.Function(name); f != nil {
		return f, nil
	}
	hint := ""
	if near := schema.Nearest(name, env.Functions); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, fmt.Errorf("there is no function %q under functions%s", name, hint)
}

// handle asks the function.
func (b *backend) handle(x *policy.Exchange) (*wire.Response, error) {
	body, err := x.Body(maxBody)
	if err != nil {
		return nil, err
	}
	e, err := event.Make(b.payload, x, b.place, body)
	if err != nil {
		return nil, problem.Internal.Wrap(err)
	}
	x.Function = b.function.Name()
	a, err := b.function.Ask(x, function.Call{ID: id(x), Trace: event.TraceID(x.Trace), Event: e})
	if err != nil {
		return nil, problemOf(err)
	}
	return b.response(x, a)
}

// response reads what the function returned.
func (b *backend) response(x *policy.Exchange, a function.Answer) (resp *wire.Response, err error) {
	if a.Stream != nil {
		resp, err = event.Stream(a.Kind, a.Stream)
	} else {
		resp, err = event.Response(b.payload, a.Result)
	}
	if err != nil {
		b.function.Malformed()
		return nil, failed.Wrap(fmt.Errorf("the function %s returned what is no response: %w", b.function.Name(), err))
	}
	if x.Request.Method == "HEAD" { // RFC 9110 §9.3.2: everything but the body
		length := resp.Length
		resp.Close()
		resp.Length = length
	}
	return resp, nil
}

func problemOf(err error) error {
	var told *problem.Problem
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, function.ErrBusy):
		return problem.Overloaded.Wrap(err)
	case errors.Is(err, function.ErrClosed):
		return problem.Draining.Wrap(err)
	case errors.Is(err, function.ErrTimeout):
		return problem.UpstreamOut.New("The function did not answer in time.").Because(err)
	}
	return failed.Wrap(err)
}

// id is the request's, unless it was given by somebody whose ids cannot stand in a path.
func id(x *policy.Exchange) string {
	if strings.Trim(x.ID, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == "" {
		return x.ID
	}
	return wire.NewID(x.Request, x.Start)
}

// Explain says which function would get what, without the body.
func (b *backend) Explain(x *policy.Exchange) (v policy.Verdict) {
	if length := x.Request.Length; length > maxBody {
		_, v.Err = x.Body(maxBody)
		return v
	}
	e, err := event.Make(b.payload, x, b.place, nil)
	if err != nil {
		v.Err = problem.Internal.Wrap(err)
		return v
	}
	v.Facts = slices.Concat([]policy.Fact{{Name: "name", Value: b.function.Name()}}, b.function.Facts(),
		[]policy.Fact{{Name: "payload", Value: b.payload}, {Name: "event", Value: string(e)}})
	return v
}

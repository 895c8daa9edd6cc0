// Package external has a service look at requests and responses, and change them.
package external

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "external"

var failed = problem.Define("external_failed", 502, "External service failed", "The service that is to look at messages, see the policy external, gives no answer that says anything.")

// Kind declares the policy external.
var Kind = plug.Define(name, "Calls a service for requests and responses, which may change them.", build)

type external struct {
	to                policy.Upstream
	timeout           time.Duration
	request, response *side
	pass              bool // when the service fails

	answered, refused, broken, unread func(*policy.Exchange)
	countPass                         func()
}

// A side is what is done on one side.
type side struct {
	Call
	all        bool     // fields are sent
	withBody   []string // fields that are sent with a body
	mayAnswer  bool
	takeStatus bool
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	to, err := env.To(c.Upstream)
	if err != nil {
		return nil, schema.At("upstream", err)
	}
	e := &external{
		to: to, timeout: c.Timeout, pass: c.OnError == "pass",
		answered: env.Denier(name, "answered"), refused: env.Denier(name, "failed"), broken: env.Denier(name, "response"), unread: env.Denier(name, "body"),
	}
	if e.pass {
		e.countPass = env.Acted(name, "passed")
	}
	if r := c.Request; r != nil {
		e.request = newSide(r.Call)
		e.request.mayAnswer = r.MayAnswer
	}
	if r := c.Response; r != nil {
		e.response = newSide(r.Call)
		e.response.takeStatus = r.TakeStatus
	}
	return e, nil
}

func newSide(c Call) *side {
	return &side{Call: c, all: slices.Equal(c.Headers, []string{"*"}), withBody: append(slices.Clone(c.Headers), policy.OfBody[:]...)}
}

// Asserts names what the upstream is told of a request.
func (e *external) Asserts() []string {
	if e.request == nil {
		return nil
	}
	return e.request.TakeHeaders
}

// Handle has the service look at the request, and at what comes back.
func (e *external) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if e.request != nil {
		resp, err := e.ingoing(x)
		if resp != nil || err != nil {
			return resp, err
		}
	}
	if e.response == nil {
		return next(x)
	}
	if e.response.Body != nil || e.response.TakeBody {
		policy.AskWhole(x.Request)
	}
	resp, err := next(x)
	if err != nil || resp.Switch != nil {
		return resp, err
	}
	if err := e.outgoing(x, resp); err != nil {
		resp.Close()
		return nil, err
	}
	return resp, nil
}

// failure is what becomes of a message when the service fails: an error, or nil for it to go on.
func (e *external) failure(x *policy.Exchange, err error, deny func(*policy.Exchange)) error {
	switch {
	case ends(err):
		return err
	case e.pass && !errors.Is(err, policy.ErrLoop):
		e.countPass()
		return nil
	}
	deny(x)
	if !x.Deadline.IsZero() && time.Until(x.Deadline) <= 0 { // the time was the request's, of a policy timeout, and not the service's
		return problem.UpstreamOut.New("The time for the request was used up.").Because(err)
	}
	return failed.Wrap(err)
}

// ingoing changes a request, or answers it.
func (e *external) ingoing(x *policy.Exchange) (*wire.Response, error) {
	s, r := e.request, x.Request
	var body []byte
	if s.Body != nil && r.Body != nil {
		var err error
		if body, err = x.Body(int64(*s.Body)); err != nil {
			e.unread(x)
			return nil, err
		}
	}
	a, err := e.ask(x, s, &r.Header, 0, body)
	for _, field := range s.TakeHeaders {
		r.Header.DelAlike(field)
	}
	if err != nil {
		return nil, e.failure(x, err, e.refused)
	}
	if a.status >= 300 {
		e.answered(x)
		return a.response(), nil
	}
	for _, field := range s.TakeHeaders {
		a.give(&r.Header, field)
	}
	if s.TakeBody && a.status == 200 {
		x.SetBody(a.body)
		r.Trailer.Reset()
		described(&r.Header, &a.header)
	}
	return nil, nil //nolint:nilnil // the request goes on
}

// described has a header fit a body that came with another one.
func described(h, from *wire.Header) {
	h.Del("Content-Type")
	h.Del("Content-Encoding")
	if kind := from.Get("Content-Type"); kind != "" {
		h.Add("Content-Type", kind)
	}
	policy.Remade(h)
}

// give adds what the answer has of a field.
func (a *answer) give(h *wire.Header, field string) {
	for _, v := range a.header.Values(field) {
		h.Add(field, v)
	}
}

// outgoing changes a response.
func (e *external) outgoing(x *policy.Exchange, resp *wire.Response) error {
	s, head, bare := e.response, x.Request.Method == "HEAD", policy.Bodyless(resp)
	if resp.Status == 206 && (s.Body != nil || s.TakeBody) { // nobody asked for a part
		e.broken(x)
		return problem.BadResponse.Wrap(policy.ErrUnread)
	}
	var body []byte
	if s.Body != nil && resp.Body != nil && !bare && !head {
		vars := policy.ResponseVars{Exchange: x, Response: resp}
		var err error
		if body, err = vars.Body(int64(*s.Body)); err != nil {
			e.broken(x)
			return err
		}
	}
	a, err := e.ask(x, s, &resp.Header, resp.Status, body)
	status := resp.Status
	if err == nil && s.takeStatus {
		status, err = a.wants(status)
	}
	if err != nil {
		return e.failure(x, err, e.broken)
	}
	if status != resp.Status {
		if resp.Status, resp.Reason = status, ""; bare { // a length that it tells is of a body that there is not
			policy.Replace(resp, nil)
			bare = false
		}
	}
	for _, field := range s.TakeHeaders {
		resp.Header.DelAlike(field)
		a.give(&resp.Header, field)
	}
	if !s.TakeBody || a.status != 200 || bare {
		return nil
	}
	if head {
		resp.Length = -1
	} else {
		policy.Replace(resp, a.body)
	}
	described(&resp.Header, &a.header)
	return nil
}

var (
	errStatus   = errors.New("the status that it wants is none from 200 to 599 that has a body, and all of it")
	errStatuses = errors.New("its answer has several Sallyport-Status fields")
)

// wants is the status that the response is to have.
func (a *answer) wants(status int) (int, error) {
	text, found, once := a.header.Single(fieldStatus)
	switch {
	case !found:
		return status, nil
	case !once:
		return status, errStatuses
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 200 || n > 599 || n == 204 || n == 205 || n == 206 || n == 304 {
		return status, errStatus
	}
	return n, nil
}

// response is an answer as the client gets it.
func (a *answer) response() *wire.Response {
	a.header.DelKnown(wire.Date)
	a.header.DelKnown(wire.Server)
	a.header.DelAlike(fieldStatus)
	resp := &wire.Response{Status: a.status, Header: a.header, Length: int64(len(a.body))}
	if len(a.body) > 0 {
		resp.Body = wire.BytesBody(a.body)
	}
	return resp
}

// Package sizelimit bounds the bodies of requests and responses.
package sizelimit

import (
	"errors"
	"io"
	"strings"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "size_limit"

// Kind declares the policy size_limit.
var Kind = plug.Define(name, "Bounds the bodies of requests and responses.", build)

// Config is what the document says.
type Config struct {
	Request  *schema.Size `json:"request" short:"true" doc:"The largest body of a request, in place of the gateway's 10MiB; none for no bound; of several the smallest counts."`
	Response *schema.Size `json:"response" doc:"The largest body of a response; none, as without it, for no bound."`
}

// Check wants something to bound.
func (c *Config) Check() error {
	if c.Request == nil && c.Response == nil {
		return errors.New("it bounds nothing; give request, response or both")
	}
	return nil
}

type limit struct {
	request, response         int64 // unset or schema.Unlimited for none
	denyRequest, denyResponse func(*policy.Exchange)
}

const unset = -1

func build(c Config, env *plug.Env) (policy.Policy, error) {
	l := &limit{unset, int64(schema.Unlimited), env.Denier(name, "request"), env.Denier(name, "response")}
	if c.Request != nil {
		l.request = int64(*c.Request)
	}
	if c.Response != nil {
		l.response = int64(*c.Response)
	}
	return l, nil
}

// Handle refuses what is known to be too large at once. A body of unknown length is cut off where it
// becomes too large.
func (l *limit) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if err := l.take(x); err != nil {
		l.denyRequest(x)
		return nil, err
	}
	resp, err := next(x)
	switch {
	case err != nil:
		if errors.Is(err, wire.ErrBodyTooLarge) && l.request != unset {
			l.denyRequest(x)
		}
		return nil, err
	case l.response == int64(schema.Unlimited) || resp.Body == nil:
		return resp, nil
	case resp.Length > l.response:
		l.denyResponse(x)
		resp.Close()
		return nil, problem.BadResponse.New("The upstream's response is larger than %s.", shown(l.response))
	case resp.Length < 0:
		resp.Body = &bounded{resp.Body, l.response, func() { l.denyResponse(x) }}
	}
	return resp, nil
}

func (l *limit) take(x *policy.Exchange) error {
	r := x.Request
	switch {
	case l.request == unset:
		return nil
	case r.Length > l.request:
		return problem.BodyTooBig.New("The body may have at most %s.", shown(l.request))
	case l.request == 0 && r.Length < 0: // a BodyLimit of 0 is none
		return problem.BodyTooBig.New("No body is wanted here.")
	}
	most := l.request
	if most == int64(schema.Unlimited) {
		most = 0
	}
	if !x.BodyBound || most > 0 && (r.BodyLimit == 0 || most < r.BodyLimit) {
		x.BodyBound, r.BodyLimit = true, most
	}
	return nil
}

// shown is a size as a client reads it: 10MiB, or 500 bytes.
func shown(n int64) string {
	s := schema.Size(n).String()
	if strings.HasSuffix(s, "B") {
		return s
	}
	return s + " bytes"
}

// errTooLarge ends a response in the middle: its head is out already, so the client sees it cut short.
var errTooLarge = errors.New("the response is larger than its size_limit")

// bounded is a body that fails beyond its bound.
type bounded struct {
	io.ReadCloser
	left  int64
	count func()
}

// Read reads.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.count()
		return n - 1, errTooLarge
	}
	return n, err
}

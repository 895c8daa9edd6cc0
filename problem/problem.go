// Package problem makes the gateway's own error answers (RFC 9457). Nothing else does.
//
// A sort of problem is declared once, as a package variable where it arises:
//
//	var limited = problem.Define("rate_limited", 429, "Too many requests", "The limit of a rate_limit policy is used up.")
//
// Code that meets it returns limited.New("Try again in %d s.", n) or failed.Wrap(err); the gateway's edge turns
// it into bytes.
package problem

import (
	"errors"
	"fmt"
)

// A Type is one sort of problem.
type Type struct {
	Name   string // snake_case, as in the contract and in docs/reference/problems.md
	Status int
	Title  string // what the client reads, the same each time
	Help   string // one sentence for the reference: when it arises and what to do
}

// all holds the declared types, in order of declaration.
var all []*Type

// Problems that more than one package raises.
var (
	BadRequest     = Define("bad_request", 400, "Bad request", "The request breaks the rules of HTTP, or can be read in more than one way.")
	NoCredentials  = Define("missing_credentials", 401, "Credentials required", "The request shows no credentials where they are needed.")
	BadCredentials = Define("invalid_credentials", 401, "Invalid credentials", "The request shows credentials that nobody has.")
	Forbidden      = Define("forbidden", 403, "Forbidden", "Whoever sent the request may not do this.")
	Limited        = Define("rate_limited", 429, "Too many requests", "Too much was asked for in a time: the limit of a rate_limit policy or of a plan is used up, or credentials were guessed; Retry-After says in how many seconds there is room again.")
	RequestSlow    = Define("request_timeout", 408, "Request timeout", "The client did not send its request in time.")
	BodyTooBig     = Define("body_too_large", 413, "Body too large", "The request's body is larger than the route allows; see the size_limit policy.")
	BadMedia       = Define("unsupported_media_type", 415, "Unsupported media type", "The body is of a type, or in an encoding, that the route does not take.")
	Invalid        = Define("validation_failed", 400, "Validation failed", "The body breaks a rule of the route; errors says which, and where, as JSON Pointers (RFC 6901).")
	Misdirected    = Define("misdirected_request", 421, "Misdirected request", "The host of the request is not served on this connection.")
	Internal       = Define("internal", 500, "Internal error", "The gateway met an error that it did not expect; its log tells more under the request's id.")
	Overloaded     = Define("overloaded", 503, "Overloaded", "The gateway or the upstream has no room for the request right now.")
	BadResponse    = Define("response_invalid", 502, "Invalid response", "The upstream's response breaks a rule of the route, such as its size_limit, or cannot be read where a rule needs its body.")
	Draining       = Define("draining", 503, "Draining", "The gateway is about to stop, or has not loaded a good document yet.")
	UpstreamOut    = Define("upstream_timeout", 504, "Upstream timeout", "The upstream did not answer in time.")
)

// Define declares a type. Two of one name are a bug in the program, so it panics.
func Define(name string, status int, title, help string) *Type {
	if ByName(name) != nil {
		panic("problem: two types are named " + name)
	}
	t := &Type{name, status, title, help}
	all = append(all, t)
	return t
}

// All returns the declared types in order of declaration.
func All() []*Type { return all }

// ByName returns the type of that name, nil when there is none.
func ByName(name string) *Type {
	for _, t := range all {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// A Problem is one occurrence of a type: an error of which the client may see type, detail and headers, and
// the log the cause.
type Problem struct {
	*Type
	Detail string
	Header [][2]string    // fields of the answer, such as Retry-After
	Extra  map[string]any // further members of the document (RFC 9457 §3.2)
	Break  bool           // the client gets no answer: its connection breaks, on purpose
	cause  error
	first  [1][2]string // where Header begins: most have one field at most
}

// New tells the client what happened this time.
func (t *Type) New(format string, args ...any) *Problem {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &Problem{Type: t, Detail: format}
}

// Wrap keeps cause for the log and tells the client no more than the title.
func (t *Type) Wrap(cause error) *Problem { return &Problem{Type: t, cause: cause} }

// With adds a header field to the answer.
func (p *Problem) With(name, value string) *Problem {
	if p.Header == nil {
		p.Header = p.first[:0]
	}
	p.Header = append(p.Header, [2]string{name, value})
	return p
}

// Because keeps cause for the log.
func (p *Problem) Because(cause error) *Problem {
	p.cause = cause
	return p
}

// Error says what the log needs: name, detail and cause.
func (p *Problem) Error() string {
	s := p.Name
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.cause != nil {
		s += ": " + p.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.cause }

// From makes any error a problem. One that nobody declared tells the client nothing but 500.
func From(err error) *Problem {
	if p, ok := err.(*Problem); ok { //nolint:errorlint // the common case, without an allocation; within finds the rest
		return p
	}
	return within(err)
}

func within(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return Internal.Wrap(err)
}

// Package event makes events for functions of requests, and responses of what functions return: the forms in which Amazon API Gateway
// calls Lambda functions, 1.0 (REST) and 2.0 (HTTP API), field for field. It does nothing else; package function runs functions.
//
// v1.go and v2.go are the events, who.go is what both say of who sent a request, result.go and stream.go are the way back.
package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/policy"
	"sallyport/wire"
)

// The versions of payloads.
const (
	V1 = "1.0"
	V2 = "2.0"
)

// A Place is what events say of the route that a request came by. It is made once.
type Place struct {
	resource string // "/users/{id}", "/files/{path+}"; "" for the path of the request
	key      string // "GET /users/{id}"
	stage    string
	vars     map[string]string
}

// NewPlace makes the place of a route of those methods and that path, as in its match; a regular expression is no path, so path is "" then.
func NewPlace(methods []string, path, stage string, vars map[string]string) *Place {
	p := &Place{resource: strings.ReplaceAll(path, "...}", "+}"), stage: stage, vars: vars}
	method := "ANY"
	if len(methods) == 1 {
		method = methods[0]
	}
	p.key = "$default"
	if path != "" {
		p.key = method + " " + p.resource
	}
	return p
}

// What stands where AWS has an account and a region, and there is none.
const (
	Account = "000000000000"
	Region  = "local"
)

// Make makes the event of the request of x, whose body is given. It does not keep x.
func Make(version string, x *policy.Exchange, p *Place, body []byte) ([]byte, error) {
	var event any
	if version == V2 {
		event = newV2(x, p, body)
	} else {
		event = newV1(x, p, body)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(event); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// clock is how events write times.
const clock = "02/Jan/2006:15:04:05 -0700"

func epoch(t time.Time) int64 { return t.UnixMilli() }

// encoded returns a body as the text of a JSON document can hold it: as it is, or in base64.
func encoded(body []byte, asText bool) (text string, base64ed bool) {
	if asText && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// isText says whether a body of that type goes into an event 2.0 as it is.
func isText(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch {
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "+json"), strings.HasSuffix(kind, "+xml"):
		return true
	}
	return kind == "application/json" || kind == "application/xml" || kind == "application/javascript"
}

// host is whom the client asked for, without port.
func host(r *wire.Request) string { return r.Host }

// authority is the field Host, which is not among the others.
func authority(r *wire.Request) string {
	if r.Port == "" {
		return r.Host
	}
	return r.Host + ":" + r.Port
}

// port is the one that the client connected to, as X-Forwarded-Port says it.
func port(r *wire.Request) string {
	switch {
	case r.Port != "":
		return r.Port
	case r.Scheme == "https":
		return "443"
	}
	return "80"
}

// fields yields the fields that a function gets: those that an upstream would get, and those that Amazon adds.
func fields(x *policy.Exchange, yield func(name, value string)) {
	r := x.Request
	if r.Host != "" {
		yield("Host", authority(r))
	}
	for name, value := range r.Header.All() {
		if !strings.EqualFold(name, "X-Amzn-Trace-Id") { // anybody's: what the function calls would be told of in a trace of theirs
			yield(name, value)
		}
	}
	if !r.Header.Has("X-Forwarded-Port") {
		yield("X-Forwarded-Port", port(r))
	}
	if t := TraceID(x.Trace); t != "" {
		yield("X-Amzn-Trace-Id", t)
	}
}

// TraceID writes a position in a trace as AWS X-Ray does.
func TraceID(t wire.Trace) string {
	id := t.TraceID()
	if id == "" {
		return ""
	}
	sampled := "0"
	if t.Sampled {
		sampled = "1"
	}
	return "Root=1-" + id[:8] + "-" + id[8:] + ";Parent=" + t.Parent[36:52] + ";Sampled=" + sampled
}

// domainPrefix is the first label of a host.
func domainPrefix(host string) string {
	first, _, _ := strings.Cut(host, ".")
	return first
}

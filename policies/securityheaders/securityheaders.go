// Package securityheaders sets the fields by which browsers protect those who use a site, and removes those that tell attackers
// what it runs on.
package securityheaders

import (
	"strconv"
	"strings"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/wire"
)

// Kind declares the policy security_headers.
var Kind = plug.Define("security_headers", "Sets the fields by which browsers protect those who use a site, where they are absent, and removes those that tell what it runs on.", build)

type headers struct {
	fields   []field
	remove   []string
	override bool
}

// A field is one to set.
type field struct {
	name, value string
	secure      bool // in answers to requests that came by TLS only
}

func build(c Config, _ *plug.Env) (policy.Policy, error) {
	h := &headers{remove: c.Remove, override: c.Override}
	add := func(name, value string) {
		if value != "" && value != "off" {
			h.fields = append(h.fields, field{name: name, value: value})
		}
	}
	if c.HSTS.MaxAge > 0 {
		h.fields = append(h.fields, field{"Strict-Transport-Security", c.HSTS.value(), true})
	}
	if c.Nosniff == nil || *c.Nosniff {
		add("X-Content-Type-Options", "nosniff")
	}
	frames, _ := c.frames() // Check has judged it
	if frames.options == "" && frames.ancestors != "" && c.Override {
		h.remove = append(h.remove, "X-Frame-Options") // it cannot name origins, and would say otherwise
	}
	add("X-Frame-Options", frames.options)
	add("Content-Security-Policy", csp(c.ContentSecurityPolicy, frames.ancestors))
	add("Referrer-Policy", c.ReferrerPolicy)
	add("Permissions-Policy", c.PermissionsPolicy)
	add("Cross-Origin-Opener-Policy", c.CrossOriginOpenerPolicy)
	add("Cross-Origin-Embedder-Policy", c.CrossOriginEmbedderPolicy)
	add("Cross-Origin-Resource-Policy", c.CrossOriginResourcePolicy)
	return h, nil
}

// value writes the field.
func (h *HSTS) value() string {
	s := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if h.IncludeSubdomains {
		s += "; includeSubDomains"
	}
	if h.Preload {
		s += "; preload"
	}
	return s
}

// csp adds what is said about frames to a policy that says nothing about them.
func csp(policy, ancestors string) string {
	switch policy = strings.TrimRight(policy, "; "); {
	case policy == "":
		return ancestors
	case ancestors == "" || strings.Contains(strings.ToLower(policy), "frame-ancestors"):
		return policy
	}
	return policy + "; " + ancestors
}

// Handle changes the answer, or the gateway's own error.
func (h *headers) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	secure := byTLS(x.Request)
	resp, err := next(x)
	if err != nil {
		return nil, plug.Headed(err, func(to *wire.Header) { h.apply(to, secure) })
	}
	h.apply(&resp.Header, secure)
	return resp, nil
}

// byTLS says whether the client came by TLS, to the gateway or to a proxy that is trusted; nobody else's X-Forwarded-Proto gets here.
func byTLS(r *wire.Request) bool {
	return r.Scheme == "https" || r.Header.Known(wire.XForwardedProto) == "https"
}

func (h *headers) apply(to *wire.Header, secure bool) {
	for _, name := range h.remove {
		to.Del(name)
	}
	for i := range h.fields {
		f := &h.fields[i]
		switch {
		case f.secure && !secure, !h.override && to.Has(f.name):
		default:
			to.Set(f.name, f.value)
		}
	}
}

// Explain lists what would be changed.
func (h *headers) Explain(x *policy.Exchange) (v policy.Verdict) {
	for _, name := range h.remove {
		v.Changes = append(v.Changes, policy.Change{Side: "response", Op: "remove", Name: name})
	}
	for _, f := range h.fields {
		if !f.secure || byTLS(x.Request) {
			v.Changes = append(v.Changes, policy.Change{Side: "response", Op: "set", Name: f.name, Value: f.value})
		}
	}
	if !h.override {
		v.Why = "where the upstream does not say it itself"
	}
	return v
}

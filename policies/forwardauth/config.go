package forwardauth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/expr"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Upstream string `json:"upstream" short:"true" min:"1" doc:"The upstream that decides."`
	Path     string `json:"path" default:"/" doc:"What it is asked for, a path and perhaps a query."`
	Method   string `json:"method" default:"GET" enum:"GET,HEAD,POST,request" doc:"The method of the question; request for that of the request."`

	RequestHeaders []string     `json:"request_headers" doc:"Fields of the request that the question has as well, [Authorization, Cookie] when it is not given; [\"*\"] for all but those about its own answer (Accept-Encoding, Range, If-…). X-Forwarded-Method, -Uri, -Proto, -Host and -For always tell what is asked for and by whom, and X-Request-Id and the trace which request it is."`
	Body           *schema.Size `json:"body" min:"1" max:"16MiB" doc:"Sends the body along, which is read before and refused with 413 if it is larger than this. No body is sent when it is not given."`

	ResponseHeaders []string `json:"response_headers" doc:"Fields of the answer that the request goes on with. The client's own of these names are removed first, in every spelling, also when the answer has none."`
	ClientHeaders   []string `json:"client_headers" doc:"Fields of the answer that the client gets as well when the request goes on, such as Set-Cookie."`
	Subject         string   `json:"subject" default:"" doc:"The field of the answer that says who sent the request: auth.subject."`
	Consumer        string   `json:"consumer" default:"" doc:"The field of the answer that names the consumer. One that there is not refuses the request."`

	Keep     bool          `json:"keep" doc:"Leaves Authorization in the request, for the upstream to see. It is taken out by default when the service was told it. Cookies stay: they may be the upstream's own."`
	Timeout  time.Duration `json:"timeout" default:"5s" min:"1ms" max:"5m" doc:"How long the answer may take."`
	FailOpen bool          `json:"fail_open" doc:"Lets requests pass when no answer can be had, or one of 500 and up. They are refused with 503 otherwise, as they are in any case when the answer is another one that is no decision."`
	Cache    *CacheConfig  `json:"cache" doc:"Keeps answers for a while; every request is asked about when it is not given."`
}

// CacheConfig says which answers hold for which requests.
type CacheConfig struct {
	TTL     time.Duration `json:"ttl" short:"true" default:"30s" min:"1ms" max:"1h" doc:"How long an answer that lets in holds. One with Set-Cookie, or with Cache-Control of no-store, no-cache or private, is not kept."`
	DenyTTL time.Duration `json:"deny_ttl" default:"2s" max:"1m" doc:"How long a 401 or 403 holds. Redirects and failures never do."`
	Key     []expr.Label  `json:"key" one:"true" max:"20" doc:"Expressions that the answer depends on, beside the fields of request_headers, which always count. When it is not given: method, scheme, host, path, query and client."`
	Max     int           `json:"max" default:"10000" min:"1" max:"1000000" doc:"How many answers are kept; they may have 16 MiB in all."`
}

// Check judges the settings.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		wrong("path", "write a path such as /verify, percent-encoded where it needs to be")
	}
	if c.Body != nil && (c.Method == "GET" || c.Method == "HEAD") {
		wrong("body", "a question with the method %s has no body; write method: POST, or request", c.Method)
	}
	for _, l := range []struct {
		setting string
		names   []string
		good    func(string) bool
	}{
		{"request_headers", c.RequestHeaders, func(n string) bool { return n == "*" && len(c.RequestHeaders) == 1 || wire.Copyable(n) }},
		{"response_headers", c.ResponseHeaders, func(n string) bool { return wire.Copyable(n) && wire.NameOf(n) != wire.SetCookie }},
		{"client_headers", c.ClientHeaders, wire.Copyable},
	} {
		for i, n := range l.names {
			if !l.good(n) {
				wrong(schema.Index(l.setting, i), "%q is no header field that could be copied", n)
			}
		}
	}
	for setting, name := range map[string]string{"subject": c.Subject, "consumer": c.Consumer} {
		if name != "" && !wire.Copyable(name) {
			wrong(setting, "%q is no name of a header field", name)
		}
	}
	if c.Cache != nil && c.Cache.DenyTTL > c.Cache.TTL {
		wrong("cache.deny_ttl", "it is longer than ttl; what is refused should be asked about again sooner")
	}
	return errors.Join(errs...)
}

package balance

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// A Config is the settings of one upstream.
type Config struct {
	Targets        []Target      `json:"targets" meant:"true" max:"4096" doc:"Where the calls go: URLs, or maps with more about each. A name in one is looked up again and again; each of its addresses gets its part of the calls."`
	Discover       *Discover     `json:"discover" doc:"Where targets are found, beside those that are listed or in place of them."`
	Balance        Balance       `json:"balance" default:"p2c_ewma" doc:"How a target is chosen: p2c_ewma draws two and takes the one that answers sooner, round_robin takes them in turn, least_request the one with the fewest calls under way, random any, consistent_hash the one that the call's key belongs to; all by weight."`
	Sticky         *Sticky       `json:"sticky" doc:"Keeps a client with the target that answered it first, by a cookie."`
	Health         *Health       `json:"health" doc:"How targets are asked at intervals whether they are well: a path, or a map with more. Those that are not get no calls."`
	Outliers       Outliers      `json:"outliers" doc:"When a target is taken out of service because of how calls to it end. One that cannot be connected to is out at once; it is tried again after a second, then after ever longer, up to eject."`
	Timeouts       Timeouts      `json:"timeouts" doc:"How long the parts of a call may take."`
	MaxConnections int           `json:"max_connections" default:"1024" min:"1" max:"1000000" doc:"Connections to each target at most; further calls wait until one is free."`
	MaxPending     int           `json:"max_pending" default:"1024" min:"0" max:"1000000" doc:"Calls that wait for a connection to each target at most, no longer than timeouts.connect; further ones are answered 503 overloaded."`
	SlowStart      time.Duration `json:"slow_start" default:"none" max:"1d" doc:"How long a target that came later than the others, or comes back into service, has fewer calls than its weight says: a tenth at first, then ever more; none for not at all."`
	Host           Host          `json:"host" default:"target" doc:"What the targets get as Host: target for the host of their URL, preserve for the one that the client asked for, or a name."`
	Protocol       Protocol      `json:"protocol" default:"auto" doc:"What is spoken with the targets: h1 and h2 are HTTP/1.1 and HTTP/2, h2c is HTTP/2 without TLS; auto is what an https target chooses, h1 with http and h2c with h2c URLs."`
	TLS            *TLS          `json:"tls" doc:"How TLS is spoken with https targets. Without it their certificates have to be from an authority that the system trusts, and for the host of their URL."`

	Retry          Retry           `json:"retry" doc:"When a call that failed is made again."`
	Hedge          *Hedge          `json:"hedge" doc:"When a call that takes long is sent to a second target as well. None unless given."`
	CircuitBreaker *CircuitBreaker `json:"circuit_breaker" doc:"When no more calls go to a target that fails too many of them. None unless given; {} for the values below."`

	Auth any `json:"auth" later:"credentials for upstreams"`
}

// A Target is one address of an upstream.
type Target struct {
	URL    *url.URL `json:"url" required:"true" short:"true" doc:"Where it is, http://host:port, https, or h2c for HTTP/2 without TLS; a path in it is put in front of each call's."`
	Weight int      `json:"weight" default:"1" min:"0" max:"1000000" doc:"Share of the calls that it gets, against the weights of the others; 0 is none."`
	Tags   []string `json:"tags" doc:"Words that /api/status shows with it."`

	Priority int `json:"priority" default:"0" min:"0" max:"1000" doc:"Targets of the lowest number get the calls as long as half of them, by weight, are in service; of what the rest of them cannot carry the next number gets its share."`

	at string // what is dialled, when that is one of the addresses of a name
}

// Outliers is when a target is taken out of service.
type Outliers struct {
	ConsecutiveFailures int            `json:"consecutive_failures" default:"5" min:"1" max:"1000000" doc:"Calls that may fail in a row at a target until it is out: connections that broke before the answer began, answers that break HTTP or do not begin in time, and statuses of 500 and up but 501 and 505. A target is left in service while no other one does better."`
	Eject               time.Duration  `json:"eject" default:"10s" min:"1ms" max:"1d" doc:"How long it is out; each time in a row twice as long, up to eight times. Then one call is let through to see whether it is back."`
	MaxEjected          schema.Percent `json:"max_ejected" default:"50%" doc:"Share of the targets that may be out because calls to them fail. One may in any case unless this is 0%, but never the last in service."`
}

// Timeouts is how long the parts of a call may take.
type Timeouts struct {
	Connect        time.Duration `json:"connect" default:"2s" min:"1ms" max:"10m" doc:"For a connection to be made, and for one to become free when all are in use."`
	ResponseHeader time.Duration `json:"response_header" default:"30s" doc:"From the end of the request to the head of the response; none for no bound."`
	Idle           time.Duration `json:"idle" default:"60s" min:"1s" max:"1d" doc:"Without a byte of a body either way; also how long a connection that no call uses is kept."`
	Total          time.Duration `json:"total" default:"none" doc:"For the whole call, up to the end of the response; none for no bound."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	seen, weight := map[string]int{}, 0
	for i, t := range c.Targets {
		weight += t.Weight
		if why := c.Protocol.unlike(t.URL.Scheme); why != "" {
			errs = append(errs, schema.At(schema.Join(schema.Index("targets", i), "url"), errors.New(why)))
		}
		key := t.address() + t.base()
		if first, twice := seen[key]; twice {
			errs = append(errs, schema.At(schema.Index("targets", i), fmt.Errorf("it is the same as targets[%d]; give one of them more weight instead", first)))
		}
		seen[key] = i
	}
	for i, t := range c.Discover.listed() {
		if why := c.Protocol.unlike(t.URL.Scheme); why != "" {
			errs = append(errs, schema.At("discover", fmt.Errorf("target %d: %s", i, why)))
		}
	}
	if len(c.Targets) == 0 && c.Discover == nil {
		errs = append(errs, errors.New("it has no targets; list them in targets, or say in discover where they are found"))
	} else if weight == 0 && c.Discover == nil {
		errs = append(errs, schema.At("targets", errors.New("every weight is 0, so that no target gets a call")))
	}
	return errors.Join(errs...)
}

// Check judges the URL. What it says does not repeat it: it may hold a password.
func (t *Target) Check() error {
	wrong := func(format string, args ...any) error { return schema.At("url", fmt.Errorf(format, args...)) }
	u := t.URL
	if defaultPort(u.Scheme) == "" {
		return wrong("the URL begins with %s: write http, https or h2c", u.Scheme)
	}
	if u.User != nil {
		return wrong("a URL with a name or password in it; credentials for upstreams come later")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return wrong("a target's URL ends with its path; a query or fragment belongs to calls")
	}
	if fault := wire.ParseAuthority(u.Host, &wire.Request{Scheme: "http"}); fault != nil {
		return wrong("%s", plain(fault))
	}
	if _, _, fault := wire.Canonical(rooted(u.EscapedPath()), func(b []byte) string { return string(b) }); fault != nil {
		return wrong("%s", plain(fault))
	}
	return nil
}

// plain is a fault's reason as part of a message.
func plain(f *wire.Fault) string {
	return strings.ToLower(f.Reason[:1]) + strings.TrimSuffix(f.Reason[1:], ".")
}

func rooted(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// authority is host and port in canonical spelling, the port "" when the URL has none.
func (t *Target) authority() (host, port string) {
	var r wire.Request
	r.Scheme = "http"
	_ = wire.ParseAuthority(t.URL.Host, &r) // Check has seen it
	return r.Host, r.Port
}

// address is what is dialled.
func (t *Target) address() string {
	if t.at != "" {
		return t.at
	}
	host, port := t.authority()
	if port == "" {
		port = defaultPort(t.URL.Scheme)
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// host is the value of Host that means the target itself (RFC 9110 §7.2).
func (t *Target) host() string {
	host, port := t.authority()
	if port == "" || port == defaultPort(t.URL.Scheme) {
		return host
	}
	return host + ":" + port
}

// base is the path of the URL without a final slash, "" for none.
func (t *Target) base() string {
	text, _, _ := wire.Canonical(rooted(t.URL.EscapedPath()), func(b []byte) string { return string(b) })
	return strings.TrimRight(text, "/")
}

// text is the URL in canonical spelling.
func (t *Target) text() string { return t.URL.Scheme + "://" + t.host() + t.base() }

// defaultPort is the port that URLs of a scheme mean when they say none, "" for a scheme that no target has.
func defaultPort(scheme string) string {
	switch scheme {
	case "http", "h2c":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// place is the URL, with the address in the place of a name that was looked up.
func (t *Target) place() string {
	if t.at == "" {
		return t.text()
	}
	return t.URL.Scheme + "://" + strings.TrimSuffix(t.at, ":"+defaultPort(t.URL.Scheme)) + t.base()
}

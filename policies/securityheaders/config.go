package securityheaders

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/origin"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	HSTS    HSTS     `json:"hsts" doc:"Strict-Transport-Security: browsers are to come by TLS only from now on; sent in answers to requests that came by TLS."`
	Nosniff *bool    `json:"nosniff" doc:"X-Content-Type-Options: nosniff, so that browsers take an answer for what its Content-Type says; true when it is not given."`
	Frames  []string `json:"frames" one:"true" default:"[deny]" doc:"Which pages may show an answer in a frame (X-Frame-Options, and frame-ancestors of Content-Security-Policy): deny for none, same_origin, origins such as https://app.example.com, or off to say nothing."`

	ReferrerPolicy        string `json:"referrer_policy" default:"strict-origin-when-cross-origin" enum:"no-referrer,no-referrer-when-downgrade,origin,origin-when-cross-origin,same-origin,strict-origin,strict-origin-when-cross-origin,unsafe-url,off" doc:"How much of the address of a page its links tell other sites (Referrer-Policy); off says nothing."`
	ContentSecurityPolicy string `json:"content_security_policy" default:"" doc:"What a page may load and run (Content-Security-Policy), such as default-src 'self'; frames is added to it unless it has frame-ancestors."`
	PermissionsPolicy     string `json:"permissions_policy" default:"" doc:"What of the device a page may use (Permissions-Policy), such as camera=(), geolocation=(self)."`

	CrossOriginOpenerPolicy   string `json:"cross_origin_opener_policy" default:"" enum:",same-origin,same-origin-allow-popups,noopener-allow-popups,unsafe-none" doc:"Whether a page keeps a hold of windows of other origins (Cross-Origin-Opener-Policy)."`
	CrossOriginEmbedderPolicy string `json:"cross_origin_embedder_policy" default:"" enum:",require-corp,credentialless,unsafe-none" doc:"What of other origins a page may load (Cross-Origin-Embedder-Policy)."`
	CrossOriginResourcePolicy string `json:"cross_origin_resource_policy" default:"" enum:",same-origin,same-site,cross-origin" doc:"Which pages may load an answer without asking by CORS (Cross-Origin-Resource-Policy)."`

	Remove   []string `json:"remove" one:"true" default:"[Server, X-Powered-By, X-AspNet-Version, X-AspNetMvc-Version]" doc:"Fields that tell what the upstream runs on, to be removed; [] for none."`
	Override bool     `json:"override" doc:"Replaces what the upstream says itself; without it these fields are set where they are absent."`
}

// HSTS is Strict-Transport-Security (RFC 6797).
type HSTS struct {
	MaxAge            time.Duration `json:"max_age" short:"true" default:"365d" min:"0s" doc:"For how long; none to say nothing."`
	IncludeSubdomains bool          `json:"include_subdomains" doc:"Whether it holds for all names below the host as well."`
	Preload           bool          `json:"preload" doc:"Whether browsers may have the host in the lists that they come with; that cannot be taken back within months."`
}

// The least that the lists of browsers ask for.
const preloadAge = 365 * 24 * time.Hour

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	if h := c.HSTS; h.Preload && (h.MaxAge < preloadAge || !h.IncludeSubdomains) {
		wrong("hsts.preload", "the lists of browsers take hosts with max_age of 365d or more and include_subdomains only")
	}
	for _, f := range []struct{ setting, value string }{{"content_security_policy", c.ContentSecurityPolicy}, {"permissions_policy", c.PermissionsPolicy}} {
		if !wire.ValidValue(f.value) {
			wrong(f.setting, "the value holds a control character; write it in one line")
		}
	}
	if _, err := c.frames(); err != nil {
		errs = append(errs, err)
	}
	for i, name := range c.Remove {
		if !wire.ValidToken(name) || keep(name) {
			wrong(fmt.Sprintf("remove[%d]", i), "%q is none that can be removed", name)
		}
	}
	return errors.Join(errs...)
}

// keep says whether a field is the gateway's, or makes a message what it is.
func keep(name string) bool {
	switch wire.NameOf(name) {
	case wire.ContentLength, wire.TransferEncoding, wire.Connection, wire.Trailer, wire.Upgrade, wire.XRequestID, wire.ContentType, wire.ContentEncoding:
		return true
	}
	return false
}

// A framing is what is said about frames.
type framing struct {
	options   string // X-Frame-Options, "" for what it cannot say
	ancestors string // frame-ancestors of Content-Security-Policy, "" for nothing
}

func (c *Config) frames() (framing, error) {
	if len(c.Frames) == 1 {
		switch c.Frames[0] {
		case "off":
			return framing{}, nil
		case "deny":
			return framing{"DENY", "frame-ancestors 'none'"}, nil
		case "same_origin":
			return framing{"SAMEORIGIN", "frame-ancestors 'self'"}, nil
		}
	}
	if len(c.Frames) == 0 {
		return framing{}, schema.At("frames", errors.New("nothing is given; write deny, same_origin, origins or off"))
	}
	list := []string{"frame-ancestors"}
	for i, text := range c.Frames {
		if text == "same_origin" {
			list = append(list, "'self'")
			continue
		}
		p, err := origin.Parse(text)
		switch {
		case text == "deny" || text == "off":
			err = fmt.Errorf("%s stands alone", text)
		case err == nil && p.Null():
			err = errors.New("null cannot be named here")
		}
		if err != nil {
			return framing{}, schema.At(fmt.Sprintf("frames[%d]", i), err)
		}
		list = append(list, p.String())
	}
	return framing{ancestors: strings.Join(list, " ")}, nil
}

package config

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// ClientHeaders is what clients may say although the gateway takes it out by default.
type ClientHeaders struct {
	Pass []string `json:"pass" max:"100" doc:"Header fields that reach policies and targets from any client as sent, although such are taken out by default: X-User-Id and its like, and names with _. The gateway's own, such as X-Forwarded-For, cannot be among them."`
}

// Check judges the names.
func (c *ClientHeaders) Check() error {
	var errs []error
	for i, name := range c.Pass {
		if wrong := wrongPass(name); wrong != "" {
			errs = append(errs, schema.At(schema.Index("pass", i), fmt.Errorf("%q %s", name, wrong)))
		}
	}
	return errors.Join(errs...)
}

// own are the names that the gateway says itself, one that ends in - for all that begin so.
var own = []string{"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-request-id", "sallyport-", "x-sallyport-"}

// wrongPass says why name cannot be passed, "" when it can. Servers that read _ and . as - would take another spelling of one of
// the gateway's own for the gateway's.
func wrongPass(name string) string {
	if !wire.ValidToken(name) {
		return "is no name of a header field; write one such as X-User-Id"
	}
	folded := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
	for _, o := range own {
		if folded == o || strings.HasSuffix(o, "-") && strings.HasPrefix(folded, o) {
			return "is the gateway's own; what proxies say of their clients is for trusted_proxies"
		}
	}
	if !wire.Managed(name) && !strings.Contains(name, "_") {
		return "is none that is taken out; leave it away here"
	}
	return ""
}

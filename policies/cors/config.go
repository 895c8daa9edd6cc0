package cors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/origin"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Origins        []origin.Pattern `json:"origins" one:"true" required:"true" doc:"The pages that may read answers, by their origin: https://app.example.com, https://*.example.com for all names below one, {regex} for the whole of an origin, or * for all pages, without credentials."`
	Credentials    bool             `json:"credentials" doc:"Whether pages may send cookies and other credentials of the browser along and read the answer."`
	Methods        []string         `json:"methods" one:"true" doc:"The methods that pages may use; those of the routes at the path when it is not given. With * all, without credentials."`
	Headers        []string         `json:"headers" one:"true" doc:"The header fields that pages may send; those that they ask for when it is not given. With * all, without credentials."`
	Expose         []string         `json:"expose" one:"true" doc:"The header fields of answers that pages may read beside the usual ones, such as X-Request-Id; * for all, without credentials."`
	MaxAge         time.Duration    `json:"max_age" min:"0s" default:"10m" doc:"How long browsers remember the answer to a preflight; they have bounds of their own, two hours in Chromium."`
	PrivateNetwork bool             `json:"private_network" doc:"Whether pages of the internet may reach this gateway in a private network (Access-Control-Allow-Private-Network)."`
	Preflight      string           `json:"preflight" enum:"answer,forward" default:"answer" doc:"Whether preflights are answered here, or sent on through all policies to the backend, whose answer is left as it is."`
	Foreign        string           `json:"foreign" enum:"pass,refuse" default:"pass" doc:"What happens to requests of other pages: pass, without leave to read the answer, or refuse, with 403."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	if len(c.Origins) == 0 {
		wrong("origins", "no page is let in; name the origins of those that may read answers, such as https://app.example.com")
	}
	for i := range c.Origins {
		switch p := &c.Origins[i]; {
		case !p.Any():
		case c.Credentials:
			wrong(fmt.Sprintf("origins[%d]", i), "* with credentials would let every page on the internet act for whoever visits it; name the origins, or leave credentials out")
		case len(c.Origins) > 1:
			wrong(fmt.Sprintf("origins[%d]", i), "* is every origin, so the others say nothing; keep one or the other")
		}
	}
	lists := []struct {
		setting string
		names   []string
		instead string
	}{
		{"methods", c.Methods, "leave methods out, which allows those of the routes"},
		{"headers", c.Headers, "leave headers out, which allows those that are asked for"},
		{"expose", c.Expose, "name the fields"},
	}
	for _, l := range lists {
		for i, name := range l.names {
			at := fmt.Sprintf("%s[%d]", l.setting, i)
			switch {
			case !wire.ValidToken(name):
				wrong(at, "%q is no name", name)
			case name == "*" && c.Credentials:
				wrong(at, "* stands for itself in browsers when there are credentials; %s", l.instead)
			case name == "*" && len(l.names) > 1 && !wildcardBeside(l.setting, l.names):
				wrong(at, "* is all, so the others say nothing; keep one or the other")
			case l.setting == "methods" && name != strings.ToUpper(name) && slices.Contains(usual, strings.ToUpper(name)):
				wrong(at, "methods have a case; write %s", strings.ToUpper(name))
			}
		}
	}
	return errors.Join(errs...)
}

var usual = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// wildcardBeside says whether what stands beside * is what it does not stand for: Authorization has to be named.
func wildcardBeside(setting string, names []string) bool {
	return setting == "headers" && !slices.ContainsFunc(names, func(name string) bool {
		return name != "*" && !wire.EqualFold(name, "Authorization")
	})
}

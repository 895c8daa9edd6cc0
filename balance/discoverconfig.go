package balance

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire/dns"
)

// Discover is where targets are found, beside those that are listed. One of DNS, Service and File says where.
type Discover struct {
	DNS      string        `json:"dns" default:"" doc:"A name and its port, orders.internal:8080, or a URL with them: each address that the name has is a target."`
	Service  string        `json:"dns_srv" default:"" doc:"The name of SRV records, _http._tcp.orders.internal, or a URL with it: each gives the name, port, weight and priority of targets."`
	File     targetFile    `json:"file" default:"" doc:"A file with a list of targets, as it could stand in targets, relative to the document. It is followed; one that is wrong changes nothing."`
	Interval time.Duration `json:"interval" default:"none" min:"1s" max:"1d" doc:"How often is looked; none for as long as answers say that they hold, between 1s and 5m, and for 5s with a file."`
	Stale    time.Duration `json:"stale" default:"1h" max:"30d" doc:"How long the last good answer is used when names cannot be found any more."`
	Family   dns.Family    `json:"family" default:"auto" enum:"auto,ipv4,ipv6,both" doc:"Which addresses of a name are used: auto is those of IPv4 where it has some and this machine can send there, otherwise those of IPv6."`

	Consul     any `json:"consul" later:"finding targets by Consul"`
	Kubernetes any `json:"kubernetes" later:"finding targets by Kubernetes; a headless service can be followed by dns"`

	target  Target // what DNS says, with the name in the place of addresses
	service Target // what Service says
}

// defaults are how names in targets are followed.
var defaults = Discover{Stale: time.Hour, Family: dns.Auto}

// Check judges the settings together.
func (d *Discover) Check() error {
	given := 0
	for _, one := range []string{d.DNS, d.Service, d.File.path} {
		if one != "" {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("it says %d places to look at; write one of dns, dns_srv and file", given)
	}
	var err error
	switch {
	case d.DNS != "":
		d.target, err = located("dns", d.DNS)
	case d.Service != "":
		d.service, err = located("dns_srv", d.Service)
		if _, port := d.service.port(); err == nil && port != "" {
			err = schema.At("dns_srv", errors.New("a name with a port; SRV records say the port"))
		}
	}
	return err
}

// listed are the targets that d has before anybody looks.
func (d *Discover) listed() []Target {
	switch {
	case d == nil:
		return nil
	case d.DNS != "":
		return []Target{d.target}
	case d.Service != "":
		return []Target{d.service}
	}
	return d.File.found.targets
}

func (t *Target) port() (host, port string) {
	if t.URL == nil {
		return "", ""
	}
	return t.authority()
}

// located reads a name, with or without what makes it a URL.
func located(setting, text string) (Target, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, schema.At(setting, errors.New("write a name and port such as orders.internal:8080"))
	}
	t := Target{URL: u, Weight: 1}
	if err := t.Check(); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		return Target{}, schema.At(setting, err)
	}
	if t.literal() {
		return Target{}, schema.At(setting, errors.New("this is an address and no name; write it in targets"))
	}
	return t, nil
}

// literal says whether t is at an address that need not be looked up. Names of this machine are left to the system (RFC 6761 §6.3).
func (t *Target) literal() bool {
	host, _ := t.authority()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// A targetFile is a file of targets; the zero value is none.
type targetFile struct {
	path  string
	found finding // when the document was loaded
}

// UnmarshalNode reads the file that n names, so that a document whose targets are wrong is refused. What the file says later is the
// business of its source.
func (f *targetFile) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file, such as targets.yaml")
		return errs
	}
	f.path = n.Text
	if !filepath.IsAbs(f.path) {
		f.path = filepath.Join(filepath.Dir(n.File), f.path)
	}
	var err error
	if f.found, err = readTargets(f.path); err == nil {
		return nil
	}
	var inner schema.Errors
	if errors.As(err, &inner) {
		return inner
	}
	errs.Add(n, path, "%v", err)
	return errs
}

// JSONSchema says that it is text.
func (f *targetFile) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *targetFile) SchemaKind() string { return "name of a file" }

package routetest

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"sallyport/balance"
	"sallyport/config"
)

// stubbed returns doc with upstreams whose targets are stubs, and to which upstream each address belongs. All that is about how targets are
// found, asked for their health and connected to is gone; what remains is tested: how they are chosen, tried again and left out.
// Listeners speak HTTP/1.1, with TLS where they have it. Nothing is logged.
func stubbed(doc *config.Document) (*config.Document, map[string]string) {
	d := *doc
	d.Telemetry.AccessLog.Path, d.Telemetry.AccessLog.When = "off", nil
	d.Listeners = slices.Clone(doc.Listeners)
	for i := range d.Listeners {
		d.Listeners[i].Protocols = nil
	}
	d.Upstreams = map[string]*balance.Config{}
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(doc.Upstreams)) {
		c := *doc.Upstreams[name]
		c.Targets = slices.Clone(c.Targets)
		if len(c.Targets) == 0 {
			c.Targets = []balance.Target{{URL: found(c.Discover, name), Weight: 1}}
		}
		c.Discover, c.Health, c.TLS, c.Protocol = nil, nil, nil, "h1"
		if host := c.Targets[0].URL.Host; c.Host == (balance.Host{}) && oneHost(c.Targets) {
			_ = c.Host.UnmarshalText([]byte(host)) // it was read already
		}
		for i := range c.Targets {
			lead(&c.Targets[i], name, owner)
		}
		d.Upstreams[name] = &c
	}
	return &d, owner
}

// found is the target in place of those that would be found by d.
func found(d *balance.Discover, upstream string) *url.URL {
	if d != nil && d.DNS != "" {
		text := d.DNS
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			return u
		}
	}
	return &url.URL{Scheme: "http", Host: upstream + ".upstream"}
}

func oneHost(targets []balance.Target) bool {
	return !slices.ContainsFunc(targets, func(t balance.Target) bool { return t.URL.Host != targets[0].URL.Host })
}

// lead makes t a target in memory, of the upstream of that name.
func lead(t *balance.Target, name string, owner map[string]string) {
	u := *t.URL
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	address := net.JoinHostPort(strings.ToLower(host), port)
	for other := owner[address]; other != "" && other != name; other = owner[address] {
		host = name + "." + host // an address of two upstreams has two stubs
		address = net.JoinHostPort(strings.ToLower(host), port)
	}
	owner[address] = name
	u.Scheme, u.Host = "http", address
	if port == "80" {
		u.Host = strings.TrimSuffix(address, ":80")
	}
	t.URL = &u
}

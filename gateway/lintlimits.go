package gateway

import (
	"net"
	"net/netip"
	"slices"

	"sallyport/schema"
)

// This file finds what has no bounds, and what is watched but not held.

// limiting are the kinds of policies that bound what one client or all of them may use up.
var limiting = []string{"rate_limit", "quota", "concurrency", "load_shed"}

func (b *builder) bounds(rules []*rule) {
	limits := b.doc.Root.Field("limits")
	if b.doc.Limits.BodySize == schema.Unlimited {
		b.finds(endlessBody, limits.Field("body_size"), "limits.body_size", "a client may send a body without end to every route that has no size_limit of its own")
	}
	for _, r := range rules {
		for _, s := range r.Value.steps {
			b.unbounded(s)
			for _, list := range s.inner {
				for _, t := range list {
					b.unbounded(t)
				}
			}
		}
	}
	b.endless(rules)
	if b.public() {
		b.open(rules)
	}
}

// unbounded finds steps that take a bound away or do not hold it.
func (b *builder) unbounded(s step) {
	n := s.node
	b.content(s)
	if s.kind == "size_limit" && (n.Text == "none" || fieldText(n, "request") == "none") {
		b.once(endlessRoute, s, "bodies of requests have no bound here")
	}
	if fieldText(n, "dry_run") == "true" {
		b.once(dryRun, s, "dry_run is on: it counts and does not act")
	}
	if fieldText(n, "on_store_error") == "allow" {
		b.once(failsOpen, s, "while its counters cannot be reached everybody passes; local keeps counting in each gateway")
	}
	if _, guarded := s.policy.(*conditional); s.kind == "fault" && fieldText(n, "header") != "" && !guarded {
		b.once(faultsForAll, s, "whoever sends %s has requests fail as they like", fieldText(n, "header"))
	}
	if s.kind == "fault" {
		b.once(onPurpose, s, "requests fail here on purpose")
	}
}

func fieldText(n *schema.Node, name string) string {
	if f := n.Field(name); f != nil {
		return f.Text
	}
	return ""
}

// endless finds routes that wait for an upstream for ever.
func (b *builder) endless(rules []*rule) {
	waits := map[string][]string{}
	for _, r := range rules {
		if slices.Contains(r.Value.kinds, "timeout") {
			continue
		}
		for _, name := range r.Value.upstreams {
			waits[name] = append(waits[name], r.Name)
		}
	}
	for _, name := range b.names {
		c := b.doc.Upstreams[name]
		if t := c.Timeouts; t.ResponseHeader <= 0 && t.Total <= 0 && c.Retry.PerTryTimeout <= 0 && len(waits[name]) > 0 {
			b.finds(endlessWait, b.doc.Root.Field("upstreams").Field(name).Field("timeouts"), schema.Join("upstreams", name)+".timeouts",
				"nothing bounds how long an answer takes to begin, and no timeout does on %s", some(waits[name]))
		}
	}
}

// public says whether some listener is open to other machines.
func (b *builder) public() bool {
	for i := range b.doc.Listeners {
		if l := &b.doc.Listeners[i]; !l.RedirectToHTTPS && !private(l.Address) {
			return true
		}
	}
	return false
}

// private says whether nobody but this machine reaches address.
func private(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// open notes the routes to upstreams that everybody may use as often as they like.
func (b *builder) open(rules []*rule) {
	free := map[string][]string{}
	for _, r := range rules {
		v := r.Value
		held := slices.ContainsFunc(v.kinds, func(k string) bool {
			return slices.Contains(limiting, k) || slices.Contains(authenticates, k) || k == "ip_filter"
		})
		if (v.forwards || v.backend == "compose") && !held {
			free[v.api] = append(free[v.api], r.Name)
		}
	}
	for _, a := range b.doc.All() {
		if names := free[a.Name]; len(names) > 0 {
			path, n := placeOf(a)
			b.finds(openRoutes, n, path, "everybody may use %s as often as they like", some(names))
		}
	}
}

package balance

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// This file makes of what the document says, and of what its sources know, the list of targets that an upstream has now.

// maxTargets is how many targets an upstream may have.
const maxTargets = 4096

// A spot is a target of the document, of a file or of a service, before its name is looked up.
type spot struct {
	Target
	addresses []netip.Addr // of its name
	named     bool         // it has one, which is looked up; otherwise it is dialled as it is
	each      bool         // each address has the weight, which they share otherwise
}

// list returns the targets of u now. Its sources come from find.
func (u *Upstream) list(find func(sourceKey) *source) []Target {
	c := u.settings
	spots := make([]spot, 0, len(c.Targets))
	for _, t := range c.Targets {
		spots = append(spots, u.spot(t, find))
	}
	d := c.Discover
	switch {
	case d == nil:
	case d.DNS != "":
		p := u.spot(d.target, find)
		p.each = true
		spots = append(spots, p)
	case d.Service != "":
		s := find(u.sourceKey(kindService, strings.Trim(d.service.name(), "[]")))
		for _, t := range s.found.targets {
			at := *d.service.URL // scheme and path
			at.Host = t.URL.Host
			t.URL = &at
			spots = append(spots, u.spot(t, find))
		}
	default:
		s := find(u.sourceKey(kindFile, d.File.path))
		if !s.known { // it was read with the document
			s.known, s.tried, s.found, s.good = true, true, d.File.found, time.Now()
		}
		for _, t := range s.found.targets {
			spots = append(spots, u.spot(t, find))
		}
	}
	return shared(slices.DeleteFunc(spots, u.misfit))
}

// misfit says, and tells, that the URL of a target does not go with the protocol, as may be in a file that has changed since the document was
// read.
func (u *Upstream) misfit(s spot) bool {
	why := u.settings.Protocol.unlike(s.URL.Scheme)
	if why != "" {
		u.registry.o.Log.Warn("a target is left out", "upstream", u.name, "target", s.text(), "error", why)
	}
	return why != ""
}

// spot looks the name of t up in what is known.
func (u *Upstream) spot(t Target, find func(sourceKey) *source) spot {
	if u.registry.o.Resolver == nil || t.literal() {
		return spot{Target: t}
	}
	s := find(u.sourceKey(kindDNS, t.name()))
	return spot{Target: t, addresses: s.found.addresses, named: true}
}

// name is the host of t's URL.
func (t *Target) name() string {
	host, _ := t.authority()
	return host
}

// sourceKey is that of a source which u follows.
func (u *Upstream) sourceKey(kind, name string) sourceKey {
	d := u.settings.Discover
	if d == nil {
		d = &defaults
	}
	k := sourceKey{kind: kind, name: name, interval: d.Interval, stale: d.Stale, family: d.Family}
	if kind != kindDNS {
		k.family = ""
	}
	if kind == kindFile {
		k.stale = 0
	}
	return k
}

// shared makes a target of each address. The addresses of a name share its weight, so that a name counts as much as it did before it had
// more of them: weights are multiplied by what makes the shares whole numbers.
func shared(spots []spot) (list []Target) {
	times := 1
	for i := range spots {
		if p := &spots[i]; !p.each && len(p.addresses) > 1 {
			times = lcm(times, len(p.addresses))
		}
	}
	seen := map[string]bool{}
	for _, p := range spots {
		if !p.named {
			p.Weight *= times
			list = append(list, p.Target)
			continue
		}
		if p.Weight *= times; !p.each && p.Weight > 0 && len(p.addresses) > 0 {
			p.Weight = max(1, p.Weight/len(p.addresses))
		}
		_, port, _ := net.SplitHostPort(p.address())
		for _, a := range p.addresses {
			t := p.Target
			t.at = net.JoinHostPort(a.String(), port)
			if id := t.at + " " + t.text(); !seen[id] {
				seen[id] = true
				list = append(list, t)
			}
		}
	}
	list = list[:min(len(list), maxTargets)]
	reduce(list, times)
	return list
}

// lcm is the least common multiple, or one number near it when it grows out of hand: the shares are a little off then.
func lcm(a, b int) int { return min(a/gcd(a, b)*b, 55440) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// reduce divides weights that were multiplied by what they have in common.
func reduce(list []Target, times int) {
	common := 0
	for _, t := range list {
		common = gcd(common, t.Weight)
	}
	if times == 1 || common <= 1 {
		return
	}
	for i := range list {
		list[i].Weight /= common
	}
}

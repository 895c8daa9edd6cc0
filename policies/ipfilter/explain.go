package ipfilter

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"sallyport/policy"
)

// Explain says which network decides.
func (f *filter) Explain(x *policy.Exchange) policy.Verdict {
	client := x.Client.Unmap().WithZone("")
	v := f.judge(client)
	switch {
	case !client.IsValid():
		return policy.Verdict{Why: "the client has no address", Err: denied.New("")}
	case v.waits != nil:
		return policy.Verdict{Why: "a list has not been fetched, so nobody can tell; an explanation fetches nothing", Err: unknown.New("").With("Retry-After", "5")}
	case v.denied:
		return policy.Verdict{Why: f.which(client, false) + fmt.Sprintf(" denies %v", client), Err: denied.New("")}
	case !v.allowed:
		return policy.Verdict{Why: fmt.Sprintf("nothing allows %v", client), Err: denied.New("")}
	}
	if by := f.which(client, true); by != "" {
		return policy.Verdict{Why: by + fmt.Sprintf(" allows %v", client)}
	}
	return policy.Verdict{Why: fmt.Sprintf("nothing denies %v", client)}
}

// which names the network that allows, or denies, an address, and the list that it stands in.
func (f *filter) which(a netip.Addr, allows bool) string {
	own := f.deny
	if allows {
		own = f.allow
	}
	if p, found := narrowest(own, a); found {
		return shown(p)
	}
	for _, s := range f.sources {
		now := s.now.Load()
		if now == nil {
			continue
		}
		tables := []*bart.Lite{now.deny}
		if allows {
			tables[0] = now.allow
		}
		if s.allows == allows {
			tables = append(tables, now.bare)
		}
		for _, t := range tables {
			if p, found := narrowest(t, a); found {
				return shown(p) + " of " + s.name
			}
		}
	}
	return ""
}

// narrowest returns the smallest of the networks that hold a.
func narrowest(t *bart.Lite, a netip.Addr) (best netip.Prefix, found bool) {
	if t == nil {
		return best, false
	}
	return t.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen()))
}

// shown is a network as people write it: a single address without its length.
func shown(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

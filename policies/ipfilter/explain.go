package ipfilter

import (
	"fmt"
	"net/netip"

	"sallyport/policy"
)

// Explain says which network decides.
func (f *filter) Explain(x *policy.Exchange) (v policy.Verdict) {
	client := x.Client.Unmap().WithZone("")
	if !client.IsValid() {
		return policy.Verdict{Why: "the client has no address", Err: denied.New("")}
	}
	if p, found := narrowest(f.lists[1], client); found {
		return policy.Verdict{Why: fmt.Sprintf("%v denies %v", shown(p), client), Err: denied.New("")}
	}
	if f.all {
		return policy.Verdict{Why: fmt.Sprintf("nothing denies %v", client)}
	}
	if p, found := narrowest(f.lists[0], client); found {
		return policy.Verdict{Why: fmt.Sprintf("%v allows %v", shown(p), client)}
	}
	return policy.Verdict{Why: fmt.Sprintf("nothing allows %v", client), Err: denied.New("")}
}

// narrowest returns the smallest of the networks that hold a.
func narrowest(list []netip.Prefix, a netip.Addr) (best netip.Prefix, found bool) {
	for _, p := range list {
		if p.Contains(a) && (!found || p.Bits() > best.Bits()) {
			best, found = p, true
		}
	}
	return best, found
}

// shown is a network as people write it: a single address without its length.
func shown(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// Package ipfilter lets requests in, or keeps them out, by the address they come from.
package ipfilter

import (
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "ip_filter"

var (
	denied  = problem.Define("ip_denied", 403, "Forbidden", "The address that the request came from is not let in; see the ip_filter policy.")
	unknown = problem.Define("ip_list_unavailable", 503, "Address list unavailable", "A list that decides about addresses, see the ip_filter policy, has not been fetched yet.")
)

// Kind declares the policy ip_filter.
var Kind = plug.Define(name, "Lets requests in, or keeps them out, by the address they come from.", build)

type filter struct {
	allow, deny *bart.Lite // what stands in the document
	restricts   bool       // there is an allow in the document or a feed to let in by, so that nobody else is let in
	sources     []source

	isDenied, isUnlisted, isUnknown func(*policy.Exchange)
}

// A source is a list of elsewhere, and what those of its networks mean that stand there without a word.
type source struct {
	*list
	name   string // as the document has it, for people
	allows bool
	lax    bool // while there is nothing yet, nobody is kept out
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	f := &filter{
		allow: table(c.Allow), deny: table(c.Deny), restricts: len(c.Allow) > 0,
		isDenied: env.Denier(name, "denied"), isUnlisted: env.Denier(name, "not_allowed"),
	}
	if err := f.files(&c, env); err != nil {
		return nil, err
	}
	if len(c.Feeds) > 0 {
		f.isUnknown = env.Denier(name, "unavailable")
		f.feeds(&c, env)
	}
	return f, nil
}

func table(networks []netip.Prefix) *bart.Lite {
	t := &bart.Lite{}
	for _, p := range networks {
		t.Insert(p)
	}
	return t
}

// Handle looks the client's address up. What has none, such as a client on a Unix socket, is not let in.
func (f *filter) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	v := f.judge(x.Client.Unmap().WithZone(""))
	if v.waits != nil {
		if _, err := x.Await(v.waits.first, firstFetch); err != nil {
			return nil, err
		}
		v = f.judge(x.Client.Unmap().WithZone(""))
	}
	switch {
	case v.waits != nil:
		f.isUnknown(x)
		return nil, unknown.New("").With("Retry-After", "5")
	case v.denied:
		f.isDenied(x)
		return nil, denied.New("")
	case !v.allowed:
		f.isUnlisted(x)
		return nil, denied.New("")
	}
	return next(x)
}

// firstFetch is how long a request waits for the first fetch of a list.
const firstFetch = 2 * time.Second

// A verdict is what the lists say of an address: that it is denied, that it is allowed, or neither.
type verdict struct {
	denied, allowed bool
	waits           *list // which has nothing yet, and without which nobody can tell
}

// judge asks all lists about an address.
func (f *filter) judge(client netip.Addr) (v verdict) {
	if !client.IsValid() || f.deny.Lookup(client) {
		v.denied = true
		return v
	}
	restricts, unlisted := f.restricts, (*list)(nil)
	v.allowed = f.allow.Lookup(client)
	for i := range f.sources {
		s := &f.sources[i]
		now := s.now.Load()
		switch {
		case now == nil && s.allows:
			unlisted = s.list
		case now == nil && !s.lax:
			v.waits = s.list
		}
		if now == nil {
			continue
		}
		says := now.lookup(client)
		if says.deny || says.bare && !s.allows {
			return verdict{denied: true}
		}
		restricts = restricts || now.allow != nil || s.allows && now.bare != nil
		v.allowed = v.allowed || says.allow || says.bare && s.allows
	}
	v.allowed = v.allowed || !restricts
	if !v.allowed && v.waits == nil {
		v.waits = unlisted
	}
	return v
}

// Package ipfilter lets requests in, or keeps them out, by the address they come from.
package ipfilter

import (
	"errors"
	"net/netip"

	"github.com/gaissmai/bart"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "ip_filter"

var denied = problem.Define("ip_denied", 403, "Forbidden", "The address that the request came from is not let in; see the ip_filter policy.")

// Kind declares the policy ip_filter.
var Kind = plug.Define(name, "Lets requests in, or keeps them out, by the address they come from.", build)

// Config is what the document says.
type Config struct {
	Allow []netip.Prefix `json:"allow" one:"true" doc:"Networks and addresses that are let in; when there are any, nobody else is."`
	Deny  []netip.Prefix `json:"deny" one:"true" doc:"Networks and addresses that are kept out, also when they are allowed."`
	File  *File          `json:"file" doc:"A file with more of them, read at each load: one a line, # begins a comment; with allow or deny in front, otherwise it extends allow if that alone is set, and deny if not."`
}

// Check wants something to filter by.
func (c *Config) Check() error {
	if len(c.Allow)+len(c.Deny) == 0 && c.File == nil {
		return errors.New("it filters nothing; give allow, deny or file")
	}
	return nil
}

type filter struct {
	allow, deny *bart.Lite
	lists       [2][]netip.Prefix // what is in allow and deny, for Explain
	all         bool              // there is no allow list, so that everybody not denied is let in

	isDenied, isUnlisted func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	allow, deny := c.Allow, c.Deny
	if f := c.File; f != nil {
		bare := &deny
		if len(c.Allow) > 0 && len(c.Deny) == 0 {
			bare = &allow
		}
		*bare = append(*bare, f.bare...)
		allow, deny = append(allow, f.allow...), append(deny, f.deny...)
	}
	return &filter{
		allow: table(allow), deny: table(deny), lists: [2][]netip.Prefix{allow, deny}, all: len(allow) == 0,
		isDenied: env.Denier(name, "denied"), isUnlisted: env.Denier(name, "not_allowed"),
	}, nil
}

func table(list []netip.Prefix) *bart.Lite {
	t := &bart.Lite{}
	for _, p := range list {
		t.Insert(p)
	}
	return t
}

// Handle looks the client's address up. What has none, such as a client on a Unix socket, is not let in.
func (f *filter) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	client := x.Client.Unmap().WithZone("")
	if !client.IsValid() || f.deny.Contains(client) {
		f.isDenied(x)
		return nil, denied.New("")
	}
	if !f.all && !f.allow.Contains(client) {
		f.isUnlisted(x)
		return nil, denied.New("")
	}
	return next(x)
}

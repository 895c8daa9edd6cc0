package gateway

import (
	"strings"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/wire"
)

// A rewritten path did not go through the table, so what the table refuses for doubt has to be asked again: with /open
// stripped, /open/%2fadmin goes out as /%2fadmin, which some servers read as /admin.

// A careful upstream asks before it sends.
type careful struct {
	policy.Upstream
	snapshot *snapshot // complete by the time of the first request
}

// Send sends c unless a server could read its path as one that a stricter route guards.
func (u *careful) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	if f, ok := x.Request.State.(*flow); ok && !sameplace(c.Target, f.matched) {
		if err := u.doubt(x, f, c); err != nil {
			return nil, err
		}
	}
	return u.Upstream.Send(x, c)
}

// sameplace says whether target is path, with or without a query.
func sameplace(target, path string) bool {
	return strings.HasPrefix(target, path) && (len(target) == len(path) || target[len(path)] == '?')
}

func (u *careful) doubt(x *policy.Exchange, f *flow, c *wire.Call) error {
	if f.rule == nil || f.rule.Value.raw {
		return nil
	}
	path, _, _ := strings.Cut(c.Target, "?")
	_, doubtful, fault := wire.Canonical(path, x.Request.Keep)
	if fault != nil || doubtful && u.snapshot.table.Reads(x, c.Method, path, true, f.rule) {
		return problem.BadRequest.New("The path can be read in more than one way.")
	}
	return nil
}

// A rule is a route in the table.
type rule = route.Rule[*served]

package gateway

import (
	"slices"
	"strings"

	"sallyport/balance"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/wire"
)

// A rewritten path did not go through the table, so it is asked about before it goes out. With /open stripped, /open/admin
// goes out as /admin, and /open/%2fadmin as /%2fadmin, which some servers read as /admin: if the gateway guards
// /admin of the same upstream, neither may pass as /open.

// A careful upstream asks before it sends.
type careful struct {
	policy.Upstream
	snapshot *snapshot // complete by the time of the first request
}

// Send sends c unless a server could read its path as one that the gateway guards.
func (u *careful) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	f, ours := x.Request.State.(*flow)
	if ours && !u.Allows(x, c) {
		return nil, problem.BadRequest.New("The path leads, or could be read so that it leads, to one that the gateway guards.")
	}
	resp, err := u.Upstream.Send(x, c)
	if ours && err == nil {
		f.sent = append(f.sent, resp.Claim())
	}
	return resp, err
}

// Retrying returns u with rules of its own for when calls are made again.
func (u *careful) Retrying(again *balance.Again) policy.Upstream {
	to := u.Upstream.(interface {
		Retrying(again *balance.Again) policy.Upstream
	})
	return &careful{to.Retrying(again), u.snapshot}
}

// Allows says whether a call that was made of the request of x may go out.
func (u *careful) Allows(x *policy.Exchange, c *wire.Call) bool {
	f, ours := x.Request.State.(*flow)
	return !ours || isPath(c.Target, f.matched) || u.passes(x, f, c)
}

// isPath says whether target is path, with or without a query.
func isPath(target, path string) bool {
	return strings.HasPrefix(target, path) && (len(target) == len(path) || target[len(path)] == '?')
}

// passes says whether a call to another path than the one that was matched may go out.
func (u *careful) passes(x *policy.Exchange, f *flow, c *wire.Call) bool {
	if f.rule == nil || f.rule.Value.raw {
		return true
	}
	path, _, _ := strings.Cut(c.Target, "?")
	_, doubtful, fault := wire.Canonical(path, x.Request.Keep)
	if fault != nil {
		return false
	}
	// A route without parameters leads where the document says, on purpose.
	if !doubtful && len(f.rule.Match.Path.Names()) == 0 {
		return true
	}
	v := f.rule.Value
	asked := v.rewritten
	if v.copied != nil && u.Upstream != nil && !slices.Contains(v.upstreams, u.Name()) {
		asked = v.copied
	}
	return !u.snapshot.table.Reads(x, c.Method, path, doubtful, asked)
}

// guarding are the kinds of policies that keep requests out by who sends them. Which of two routes has another limit is no
// reason to refuse a path.
var guarding = slices.Concat(plug.Guards, authenticates)

// exposes says whether what other keeps of an upstream from clients would be open by found, which has rewritten the path.
func exposes(found, other *served) bool {
	if other.blocks {
		return true
	}
	if !slices.ContainsFunc(other.upstreams, func(name string) bool { return slices.Contains(found.upstreams, name) }) {
		return false
	}
	for i, g := range other.guards {
		if slices.Contains(guarding, other.kinds[i]) && !slices.Contains(found.guards, g) {
			return true
		}
	}
	return false
}

// A rule is a route in the table.
type rule = route.Rule[*served]

package balance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// A Prospect is a target as a call would find it right now.
type Prospect struct {
	TargetStatus
	Share float64   // of the calls that it gets while the targets are as they are
	Call  wire.Call // as it would be sent there
}

// Explain says what would become of c, a call on behalf of x, without sending it.
func (u *Upstream) Explain(x *policy.Exchange, c wire.Call) []Prospect {
	r := u.roster.Load()
	status := u.Snapshot().Targets
	out := make([]Prospect, len(r.targets))
	now := time.Now()
	shares := u.shares(r, x, &c, u.registry.clock(now))
	for i, t := range r.targets {
		p := &out[i]
		p.Share, p.Call = shares[t], c
		if i < len(status) {
			p.TargetStatus = status[i]
		}
		u.limit(&sending{x: x, c: &p.Call, retry: &u.retry, headBy: c.HeadBy}, now)
		u.address(x, &p.Call, t, c.Target, c.Host)
	}
	return out
}

// shares is what part of the calls like c each target gets while all stays as it is: the one that the client sticks to, or that the
// call's key belongs to, has it; otherwise it is by priority and weight. When none is in service, any may be tried.
func (u *Upstream) shares(r *roster, x *policy.Exchange, c *wire.Call, now int64) map[*target]float64 {
	if t, _ := r.badges.find(u.settings.Sticky, c.Header); t != nil && t.in() && !t.breaker.shut(now) {
		return map[*target]float64{t: 1}
	}
	var been tried
	if u.balance.way == ConsistentHash {
		been.key, been.keyed = u.balance.hash.On.of(x)
	}
	if been.keyed {
		g := r.groups[u.level(r, now, &been)]
		if t := g.highest(&bound{u: u, g: g, now: now}, &been, false); t != nil {
			return map[*target]float64{t: 1}
		}
	}
	out := map[*target]float64{}
	left := int64(whole)
	var sum float64
	for _, g := range r.groups {
		u.look(g, now)
		part := min(g.health.carries.Load(), left)
		left -= part
		var weight float64
		for _, t := range g.targets {
			if t.takes(now) {
				weight += float64(t.step) * u.ramp(t, now)
			}
		}
		for _, t := range g.targets {
			if t.takes(now) {
				out[t] = float64(part) * float64(t.step) * u.ramp(t, now) / weight
				sum += out[t]
			}
		}
	}
	if sum == 0 {
		for _, t := range r.targets {
			if !t.seat.drained.Load() {
				out[t] = float64(t.step)
				sum += out[t]
			}
		}
	}
	for t := range out {
		out[t] /= sum
	}
	return out
}

// Explain says in words when a call of that method is made again.
func (r *Again) Explain(method string) string {
	if r.Attempts == 0 {
		return "none, but for targets that no connection can be made to"
	}
	safe := slices.Contains(r.Methods, method)
	var on []string
	for _, c := range r.On {
		if safe || c.word == connectFailure {
			on = append(on, c.String())
		}
	}
	tries := fmt.Sprintf("%d more tries", r.Attempts)
	if r.Attempts == 1 {
		tries = "1 more try"
	}
	switch {
	case len(on) == 0:
		return "none for " + method
	case safe:
		return tries + " on " + strings.Join(on, ", ")
	}
	return fmt.Sprintf("%s on %s only, since %s may not be made twice", tries, strings.Join(on, ", "), method)
}

// String is the condition as it is written.
func (c *Condition) String() string {
	switch {
	case c.word != "":
		return c.word
	case c.first != c.last:
		return fmt.Sprintf("%dxx", c.first/100)
	}
	return fmt.Sprint(c.first)
}

package balance

import (
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
	shares := r.shares()
	status := u.Snapshot().Targets
	out := make([]Prospect, len(r.targets))
	now := time.Now()
	for i, t := range r.targets {
		p := &out[i]
		p.Share, p.Call = shares[t], c
		if i < len(status) {
			p.TargetStatus = status[i]
		}
		u.limit(&sending{x: x, c: &p.Call, headBy: c.HeadBy}, now)
		u.address(x, &p.Call, t, c.Target, c.Host)
	}
	return out
}

// shares is what part of the calls each target gets: those of the first group with some in service, by weight; when all are
// out, any may be tried.
func (r *roster) shares() map[*target]float64 {
	out := map[*target]float64{}
	for _, g := range r.groups {
		sum := uint64(0)
		for _, t := range g.targets {
			if t.in() {
				sum += t.step
			}
		}
		if sum == 0 {
			continue
		}
		for _, t := range g.targets {
			if t.in() {
				out[t] = float64(t.step) / float64(sum)
			}
		}
		return out
	}
	sum := uint64(0)
	for _, t := range r.targets {
		sum += t.step
	}
	for _, t := range r.targets {
		out[t] = float64(t.step) / float64(max(sum, 1))
	}
	return out
}

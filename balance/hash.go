package balance

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// This file is consistent_hash. It is weighted rendezvous hashing: every target draws a number for the key of a call, scaled by its
// weight, and the highest has the call. Gateways agree without talking, shares are as exact as chance, and when a target
// leaves its keys move and no others. docs/decisions/0041 compares it with a ring and with Maglev.

// Hash is the settings of consistent_hash.
type Hash struct {
	On   Key  `json:"on" required:"true" doc:"What calls that belong together have in common: ip (an IPv6 client is its /64), header:NAME, cookie:NAME or an expression. A call that has none goes by chance."`
	Load Load `json:"load" default:"125%" doc:"How many calls a target may have under way against the mean of all, by weight, before others take over its further ones; always 4 at least; none for no bound."`
}

// A Load is how much more than the mean a target may have to do; 0 is no bound.
type Load float64

const (
	leastLoad = 105
	mostLoad  = 10_000
)

// UnmarshalNode reads 125% or none.
func (l *Load) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if *l = 0; n.Text == "none" {
		return nil
	}
	number, ok := strings.CutSuffix(n.Text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent >= leastLoad && percent <= mostLoad) {
		errs.Add(n, path, "%q: write a percentage from %d%% to %d%%, such as 125%%, or none", n.Text, leastLoad, mostLoad)
		return errs
	}
	*l = Load(percent / 100)
	return nil
}

// JSONSchema describes the setting for editors.
func (*Load) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^(none|[0-9.]+%|.*\$\{.*)$`}
}

// SchemaKind says what the setting is, for the reference.
func (*Load) SchemaKind() string {
	return fmt.Sprintf("percentage from %d%% to %d%%, or none", leastLoad, mostLoad)
}

// A Key is what the target of a call is chosen by.
type Key struct {
	is    string // "ip", "header", "cookie" or "expression"
	name  string // of the header field or cookie
	label expr.Label
}

// UnmarshalNode reads the setting out of the document.
func (k *Key) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	word, name, named := strings.Cut(n.Text, ":")
	switch {
	case n.Text == "ip":
		k.is = "ip"
	case named && (word == "header" || word == "cookie") && !strings.HasPrefix(name, ":"):
		k.is, k.name = word, name
		if !wire.ValidToken(name) {
			errs.Add(n, path, "%q is no name of a %s; write one such as %s:X-Tenant", name, word, word)
		} else if word == "header" && strings.EqualFold(name, "host") {
			errs.Add(n, path, "the host is no header field here; write request.host")
		}
	case n.Text == "header" || n.Text == "cookie":
		errs.Add(n, path, "the name is missing; write one such as %s:X-Tenant", n.Text)
	default:
		k.is = "expression"
		if errs = k.label.UnmarshalNode(n, path); len(errs) > 0 && wire.ValidToken(n.Text) && !strings.Contains(n.Text, ".") {
			errs = nil
			errs.Add(n, path, "%q is no expression, and none of ip, header:NAME and cookie:NAME; if it is a header, write header:%s", n.Text, n.Text)
		}
	}
	return errs
}

// JSONSchema describes the setting for editors.
func (*Key) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "examples": []any{"ip", "header:X-Tenant", "cookie:session", "request.params.tenant"}}
}

// SchemaKind says what the setting is, for the reference.
func (*Key) SchemaKind() string { return "ip, header:NAME, cookie:NAME or an expression" }

// of returns the hash of what x has in common with others, and whether it has anything.
func (k *Key) of(x *policy.Exchange) (uint64, bool) {
	var value string
	switch k.is {
	case "ip":
		return hashAddr(x.Client), x.Client.IsValid()
	case "header":
		value = x.Request.Header.Get(k.name)
	case "cookie":
		value, _ = x.Request.Header.Cookie(k.name)
	case "expression":
		var err error
		if value, err = k.label.Text(x); err != nil {
			return 0, false
		}
	}
	return policy.Mix(policy.Hash(value)), value != ""
}

// hashAddr is the hash of an IPv4 address, or of the /64 of an IPv6 address, since that is what one subscriber has.
func hashAddr(a netip.Addr) uint64 {
	b, h := a.As16(), uint64(14695981039346656037)
	n := len(b)
	if a.Is6() && !a.Is4In6() {
		n = 8
	}
	for _, c := range b[:n] {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return policy.Mix(h)
}

// A class is the targets of a group that have the same weight. Among them the highest number wins whatever the weight is, which
// saves all but one logarithm.
type class struct {
	weight  float64
	seeds   []uint64  // hash of each target's URL
	targets []*target // in the same order
}

// classes sorts targets by weight.
func classes(targets []*target) (all []class) {
next:
	for _, t := range targets {
		seed := policy.Mix(policy.Hash(t.url))
		for i := range all {
			if c := &all[i]; c.weight == float64(t.step) {
				c.seeds, c.targets = append(c.seeds, seed), append(c.targets, t)
				continue next
			}
		}
		all = append(all, class{float64(t.step), []uint64{seed}, []*target{t}})
	}
	return all
}

// keep returns the target that the call's key belongs to, of those that have something for it and are not over their bound.
func (u *Upstream) keep(g *group, now int64, been *tried) pick {
	room := bound{u: u, g: g, now: now}
	for _, due := range []bool{true, false} { // one that is due may turn out to be looked at by another call
		if best := g.highest(&room, been, due); best != nil {
			if p := take(best, u.ask(best, now, been)); p.target != nil {
				return p
			}
		}
	}
	return pick{}
}

// highest returns the target with the highest number for the call's key among those that can take it.
func (g *group) highest(room *bound, been *tried, due bool) (best *target) {
	top := math.Inf(-1)
	for i := range g.classes {
		c := &g.classes[i]
		var first *target
		var high uint64
		for j, seed := range c.seeds {
			h := policy.Mix(been.key ^ seed)
			if h < high || first != nil && h == high {
				continue
			}
			if t := c.targets[j]; room.takes(t, been, due) { // asked of few: only of those above all before
				first, high = t, h
			}
		}
		if first == nil {
			continue
		}
		if len(g.classes) == 1 {
			return first
		}
		evenly := (float64(high>>11) + 0.5) / (1 << 53) // between 0 and 1
		if score := c.weight / -math.Log(evenly); score > top {
			best, top = first, score
		}
	}
	return best
}

// A bound is how much targets of a group may have to do for consistent_hash.
type bound struct {
	u   *Upstream
	g   *group
	now int64
	per float64 // calls that a target may have under way for each unit of its weight; 0 until it is known
}

// spare is how many calls any target may have under way: what few of them do is no load, and a client's belong together.
const spare = 4

// takes says whether t can take the call. With due set, one that is out and has to be looked at can.
func (b *bound) takes(t *target, been *tried, due bool) bool {
	if t.seat.drained.Load() || been.n > 0 && been.has(t) {
		return false
	}
	if t.breaker.is(open, b.now) || !due && t.breaker.shut(b.now) {
		return false
	}
	if !t.in() {
		return due && t.due(b.now)
	}
	busy := t.inflight.Load()
	if busy < spare || b.u.balance.hash.Load == 0 {
		return true
	}
	if b.per == 0 {
		b.measure()
	}
	return float64(busy) < math.Ceil(b.per*float64(t.step)*b.u.ramp(t, b.now))
}

// measure finds the bound from what the targets in service have under way, the call in question counted in.
func (b *bound) measure() {
	usual := b.g.usual(b.now)
	b.per = float64(b.u.balance.hash.Load) * (usual.calls + 1) / usual.weight
}

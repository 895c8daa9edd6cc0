package gateway

import (
	"fmt"
	"slices"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// This file builds policies that stand in another one, such as any_of.

// maxWithin bounds how deep policies stand in each other.
const maxWithin = 5

// within builds the items of a policy that others stand in, a list of steps for each.
func (b *builder) within(items []*schema.Node, path, where string, under []string) (lists [][]step) {
	if b.depth >= maxWithin {
		if len(items) > 0 {
			b.errs.Add(items[0], path, "policies stand in each other more than %d deep", maxWithin)
		}
		return nil
	}
	b.depth++
	defer func() { b.depth-- }()
	n := 0
	for i, item := range items {
		at, place := schema.Index(path, i), fmt.Sprintf("%s[%d]", where, i)
		var list []step
		if item.Kind != schema.List {
			list = b.item(item, at, place, under)
		}
		if b.holdsNothing(item) {
			b.errs.Add(item, at, "there is no policy in it, which would let everybody in or nobody")
		}
		for j, part := range item.Items {
			list = append(list, b.item(part, schema.Index(at, j), fmt.Sprintf("%s[%d]", place, j), under)...)
		}
		for _, s := range list {
			if s.kind != "any_of" && !slices.Contains(plug.Authenticates, s.kind) && !slices.Contains(plug.Guards, s.kind) {
				b.errs.Add(item, at, "%s can be no alternative: it neither finds out who sent a request nor keeps any out; put it before or behind", s.kind)
			}
		}
		for j := range list {
			list[j].policy = strictly(list[j].policy)
		}
		if n += len(list); n > maxSteps {
			b.errs.Add(item, at, "more than %d policies come together here", maxSteps)
			return nil
		}
		lists = append(lists, list)
	}
	return lists
}

// alternativesAt is where the policies stand in the settings n of another one: they may be all that is given.
func alternativesAt(n *schema.Node, path string) string {
	if n.Kind == schema.Map {
		return path + ".policies"
	}
	return path
}

// holdsNothing says whether an item is an empty list, or the name of one.
func (b *builder) holdsNothing(item *schema.Node) bool {
	if use := item.Field("use"); use != nil {
		named := b.doc.Root.Field("policies").Field(use.Text)
		return named != nil && len(named.List()) == 0
	}
	return item.Kind == schema.List && len(item.Items) == 0
}

// lent are steps as what they stand in may know them.
func lent(lists [][]step) [][]plug.Step {
	out := make([][]plug.Step, len(lists))
	for i, list := range lists {
		for _, s := range list {
			out[i] = append(out[i], plug.Step{Kind: s.kind, Policy: s.policy, Bare: bare(s.policy), Node: s.node})
		}
	}
	return out
}

// strictly makes a condition one that has to hold.
func strictly(p policy.Policy) policy.Policy {
	if c, ok := p.(*conditional); ok {
		return &must{&conditional{c.when, strictly(c.policy), c.asserts, c.deny}}
	}
	return p
}

// A must is a conditional policy that refuses where its condition does not hold.
type must struct{ *conditional }

func notHeld() error { return problem.Forbidden.Wrap(plug.ErrNotHeld) }

// Handle asks the condition first.
func (m *must) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	switch holds, err := m.when.Bool(x); {
	case err != nil:
		m.deny(x)
		return nil, plug.Failed(err)
	case !holds:
		m.deny(x)
		return nil, notHeld()
	}
	return m.policy.Handle(x, next)
}

// Explain says what the policy says where its condition holds.
func (m *must) Explain(x *policy.Exchange) policy.Verdict {
	switch holds, err := m.when.Bool(x); {
	case err != nil:
		return policy.Verdict{Why: "nobody can tell whether " + m.when.String() + " holds", Err: plug.Failed(err)}
	case !holds:
		return policy.Verdict{Why: m.when.String() + " does not hold", Err: notHeld()}
	}
	if e, can := m.policy.(policy.Explainer); can {
		return e.Explain(x)
	}
	return policy.Verdict{Why: "it runs"}
}

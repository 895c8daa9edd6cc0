package upstream

import (
	"fmt"

	"sallyport/policy"
	"sallyport/rewrite"
)

// Explain fills the call as it would be sent, for each upstream that may get it.
func (b *backend) Explain(x *policy.Exchange) (v policy.Verdict) {
	if b.rewrite != nil {
		before := rewrite.PlaceOf(x)
		defer before.Restore(x)
		if err := b.rewrite.Apply(x); err != nil {
			return policy.Verdict{Why: "no request can be made of this one", Err: err}
		}
	}
	b.fill(x)
	if b.mirror != nil {
		v.Facts = []policy.Fact{{Name: "mirror", Value: b.mirror.Explain(x).Why}}
	}
	if b.split == nil {
		v.Calls = []policy.Call{{Upstream: b.to.Name(), Share: 1, Chosen: true, Call: x.Out}}
		return v
	}
	key := b.split.key(x)
	for i := range b.split.parts {
		p := &b.split.parts[i]
		c := policy.Call{Upstream: p.to.Name(), Share: p.share / float64(b.split.sum), Call: x.Out}
		if key != "" {
			c.Chosen = b.split.stick(key) == p.to
		}
		v.Calls = append(v.Calls, c)
	}
	if v.Why = "by chance"; key != "" {
		v.Why = fmt.Sprintf("%s sticks to one of them", b.split.sticky.String())
	} else if !b.split.sticky.IsZero() {
		v.Why = fmt.Sprintf("by chance, since %s has no value", b.split.sticky.String())
	}
	return v
}

package authorize

import (
	"fmt"

	"sallyport/policy"
)

// Explain says which rule does not hold. It shows expressions, not what they look at.
func (p *rules) Explain(x *policy.Exchange) policy.Verdict {
	for i := range p.list {
		r := &p.list[i]
		holds, err := r.holds(x)
		if holds && err == nil {
			continue
		}
		refused, _ := p.refusal(x, r, err)
		why := fmt.Sprintf("rule %d does not hold: %s", i+1, r.If)
		if err != nil {
			why = fmt.Sprintf("rule %d cannot be evaluated: %s", i+1, r.If)
		}
		if p.dryRun {
			return policy.Verdict{Why: why + "; it is a dry run"}
		}
		return policy.Verdict{Why: why, Err: refused}
	}
	if len(p.list) == 1 {
		return policy.Verdict{Why: fmt.Sprintf("%s holds", p.list[0].If)}
	}
	return policy.Verdict{Why: fmt.Sprintf("all %d rules hold", len(p.list))}
}

package anyof

import (
	"errors"
	"fmt"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
)

// Explain asks each alternative what it would do, until one wins or ends it.
func (p *anyOf) Explain(x *policy.Exchange) policy.Verdict {
	p.begin(x.Request)
	t := p.newTry()
	t.begin(x, nil)
	var out policy.Verdict
	var worst refusal
	for i := range p.all {
		v, unknown := p.ask(x, i, &out.Facts)
		switch {
		case unknown:
			t.restore(x)
			continue
		case v.Err == nil:
			p.all[i].clean(x.Request)
			v.Facts, v.Why = out.Facts, fmt.Sprintf("alternative %d, %s, lets it in", i+1, p.all[i].names())
			if v.Response != nil {
				v.Why = fmt.Sprintf("alternative %d, %s, answers", i+1, p.all[i].names())
			}
			if v.Asks {
				v.Why = fmt.Sprintf("alternative %d, %s, decides; what it asks cannot be told without asking", i+1, p.all[i].names())
			}
			return v
		}
		if r := (refusal{how: t.how(x, nil, v.Err), by: i, err: v.Err}); r.how > worst.how {
			worst = r
		}
		if worst.how == final {
			break
		}
		t.restore(x)
	}
	return t.ended(x, &worst, out)
}

// ended is what comes of a request that no alternative knows.
func (t *try) ended(x *policy.Exchange, worst *refusal, out policy.Verdict) policy.Verdict {
	p := t.p
	if worst.how <= missing {
		for i := range p.all {
			var more []policy.Fact
			if got, unknown := p.ask(x, i, &more); unknown {
				p.all[i].clean(x.Request)
				got.Facts, got.Why = out.Facts, fmt.Sprintf("alternative %d, %s, lets in whom nobody knows", i+1, p.all[i].names())
				return got
			}
			t.restore(x)
		}
	}
	out.Why, out.Err = "no alternative lets it in", p.answer(worst)
	return out
}

// ask explains one alternative, a fact for each of its steps. unknown says that it would let the request in without knowing whose it is.
func (p *anyOf) ask(x *policy.Exchange, i int, facts *[]policy.Fact) (all policy.Verdict, unknown bool) {
	a := &p.all[i]
	if len(a.steps) == 0 {
		all.Err = problem.Forbidden.Wrap(plug.ErrNotHeld)
	}
	for _, s := range a.steps {
		v := policy.Verdict{Why: "it runs"}
		if e, can := s.Policy.(policy.Explainer); can {
			v = e.Explain(x)
		}
		said := v.Why
		if v.Err != nil && x.Denied.Policy == "" {
			x.Denied.Policy = s.Kind
		}
		var refused *problem.Problem
		if errors.As(v.Err, &refused) {
			said += " → " + refused.Name
		}
		*facts = append(*facts, policy.Fact{Name: fmt.Sprintf("%d %s", i+1, s.Kind), Value: said})
		*facts = append(*facts, v.Facts...)
		all.Asks = all.Asks || v.Asks
		all.Changes = append(all.Changes, v.Changes...)
		if all.Err, all.Response = v.Err, v.Response; v.Err != nil || v.Response != nil {
			return all, false
		}
	}
	return all, a.identifies && x.Auth.Type == "" && all.Err == nil
}

func (a *alternative) names() (list string) {
	for i, s := range a.steps {
		if i > 0 {
			list += " and "
		}
		list += s.Kind
	}
	return list
}

package ratelimit

import (
	"fmt"
	"strings"
	"time"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/telemetry"
)

// Explain says what is left and whether the request would pass. It takes nothing.
func (l *limiter) Explain(x *policy.Exchange) policy.Verdict {
	cost, err := l.cost.of(x)
	if err != nil {
		return policy.Verdict{Why: "what the request costs cannot be told", Err: err}
	}
	var room [store.MaxLimits]store.Status
	before, after := room[:l.count], make([]store.Status, l.count)
	key := l.per.key(l.limits, x)
	l.limits.Look(key, 0, 0, before)
	wait, ok := l.limits.Look(key, cost, l.patienceOf(x), after)
	v := policy.Verdict{Why: fmt.Sprintf("%s, counted %s", strings.Join(l.rates, " and "), l.per.explain(x))}
	for i, rate := range l.rates {
		text := fmt.Sprintf("%d left", before[i].Remaining)
		if ok && cost > 0 {
			text = fmt.Sprintf("%d left, %d after this request", before[i].Remaining, after[i].Remaining)
		}
		if before[i].Reset > 0 {
			text += fmt.Sprintf("; all of them in %s", schema.FormatDuration(before[i].Reset.Round(time.Millisecond)))
		}
		v.Facts = append(v.Facts, policy.Fact{Name: rate, Value: text})
	}
	if cost != 1 {
		v.Facts = append(v.Facts, policy.Fact{Name: "cost", Value: fmt.Sprint(cost)})
	}
	switch {
	case !ok && l.dryRun:
		v.Facts = append(v.Facts, policy.Fact{Name: "dry_run", Value: "it would be refused, and passes"})
	case !ok:
		v.Err = refusal(wait, before)
	case wait > 0:
		v.Facts = append(v.Facts, policy.Fact{Name: "held back", Value: schema.FormatDuration(wait.Round(time.Millisecond))})
	}
	return v
}

// explain says what x counts for.
func (p *Per) explain(x *policy.Exchange) string {
	what, value, secret := p.is, "", false
	switch p.is {
	case "consumer":
		if x.Consumer != nil {
			value = x.Consumer.Name
		}
	case "subject":
		value = x.Auth.Subject
	case "route":
		value = x.Route
	case "header":
		what, value, secret = "header "+p.header, x.Request.Header.Get(p.header), telemetry.SecretName(p.header)
	case "expression":
		what = p.label.String()
		value, _ = p.label.Text(x)
		for _, ref := range p.label.Uses() {
			secret = secret || mayBeSecret(ref)
		}
	}
	switch {
	case p.is == "ip":
		return "per ip " + network(x)
	case value == "":
		return fmt.Sprintf("per ip %s, since there is no %s", network(x), what)
	case secret:
		return fmt.Sprintf("per %s, whose value is not shown", what)
	}
	return fmt.Sprintf("per %s %q", what, value)
}

func mayBeSecret(r expr.Ref) bool {
	return r.Field == "cookies" || r.Field == "body" || r.Field == "claims" || r.Key == "" && (r.Field == "headers" || r.Field == "query") || telemetry.SecretName(r.Key)
}

// network is what counts as one client.
func network(x *policy.Exchange) string {
	a := x.Client
	if a.Is6() && !a.Is4In6() {
		p, _ := a.Prefix(64)
		return p.String()
	}
	return a.String()
}

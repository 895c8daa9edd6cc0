package ratelimit

import (
	"fmt"
	"strings"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
)

// Explain says what is left and whether the request would pass. It takes nothing.
func (l *limiter) Explain(x *policy.Exchange) policy.Verdict {
	cost, err := l.cost.of(x)
	if err != nil {
		return policy.Verdict{Why: "what the request costs cannot be told", Err: err}
	}
	var room [store.MaxLimits]store.Status
	before, after := room[:l.count], make([]store.Status, l.count)
	key := l.per.Of(l.limits.Keys, x)
	l.limits.Look(key, 0, 0, before)
	wait, ok := l.limits.Look(key, cost, l.patienceOf(x), after)
	v := policy.Verdict{Why: fmt.Sprintf("%s, counted %s", strings.Join(l.rates, " and "), l.per.Explain(x))}
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

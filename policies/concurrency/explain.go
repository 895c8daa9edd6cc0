package concurrency

import (
	"fmt"

	"sallyport/policy"
	"sallyport/schema"
)

// Explain says how many are under way. It takes no place.
func (l *limit) Explain(x *policy.Exchange) policy.Verdict {
	busy, waiting, most := l.gates.Look(l.per.Of(l.gates.Keys, x), &l.bound)
	v := policy.Verdict{Why: fmt.Sprintf("%d of %d are under way, counted %s", busy, most, l.per.Explain(x))}
	if l.bound.Adaptive {
		v.Facts = append(v.Facts, policy.Fact{Name: "adaptive", Value: fmt.Sprintf("the limit is between %d and %d", l.bound.Least, l.bound.Most)})
	}
	if l.bound.Queue > 0 {
		v.Facts = append(v.Facts, policy.Fact{Name: "queue", Value: fmt.Sprintf("%d of %d wait, each for up to %s", waiting, l.bound.Queue, schema.FormatDuration(l.bound.Patience))})
	}
	switch {
	case busy < most:
	case l.dryRun:
		v.Facts = append(v.Facts, policy.Fact{Name: "dry_run", Value: "it would be refused, and passes"})
	case waiting >= l.bound.Queue:
		v.Err = full()
	}
	return v
}

package loadshed

import (
	"fmt"
	"math"

	"sallyport/policy"
	"sallyport/schema"
)

// Explain says how likely the request would be shed.
func (s *shedder) Explain(x *policy.Exchange) policy.Verdict {
	over, by := s.over(x)
	odds := s.odds(over, x)
	now := s.strain.At(x.Start)
	v := policy.Verdict{Why: fmt.Sprintf("%s priority, shed %.0f %% of the time as things are", classes[s.priority.of(x)], 100*max(odds, 0))}
	for i, value := range [signals]string{
		fmt.Sprintf("%.0f %%", 100*now.Memory), schema.FormatDuration(now.Latency), fmt.Sprintf("%.0f %%", 100*now.CPU), fmt.Sprint(s.strain.Inflight()),
	} {
		if !math.IsInf(s.bounds[i], 1) {
			v.Facts = append(v.Facts, policy.Fact{Name: signal(i).String(), Value: value})
		}
	}
	switch {
	case odds > 0 && s.countDry != nil:
		v.Facts = append(v.Facts, policy.Fact{Name: "dry_run", Value: "it would be shed by " + by.String() + ", and passes"})
	case odds >= 1:
		v.Err = refusal()
	}
	return v
}

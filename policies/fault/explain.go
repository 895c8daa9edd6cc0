package fault

import (
	"fmt"

	"sallyport/policy"
	"sallyport/schema"
)

// Explain says what is left to chance, and what happens for sure.
func (f *injector) Explain(x *policy.Exchange) (v policy.Verdict) {
	var p plan
	if f.header != "" {
		f.asked(x, &p)
	}
	asks := p != plan{}
	if d := f.delay; d != nil {
		value := schema.FormatDuration(d.For)
		if d.UpTo != nil {
			value += " to " + schema.FormatDuration(*d.UpTo)
		}
		v.Facts = append(v.Facts, policy.Fact{Name: "delay", Value: fmt.Sprintf("%s for %v of the requests", value, d.Percent)})
	}
	if a := f.abort; a != nil {
		what := "a reset"
		if a.Status != nil {
			what = fmt.Sprint(*a.Status)
		}
		v.Facts = append(v.Facts, policy.Fact{Name: "abort", Value: fmt.Sprintf("%s for %v of the requests", what, a.Percent)})
		if a.Percent == 100 && p.status == 0 && !p.reset {
			if p.reset = a.Reset; !p.reset {
				p.status = *a.Status
			}
		}
	}
	if p.delay > 0 {
		v.Facts = append(v.Facts, policy.Fact{Name: "asked for", Value: "delay " + schema.FormatDuration(p.delay)})
	}
	switch {
	case p.reset:
		v.Err = reset()
	case p.status > 0:
		v.Err = of(p.status)
	}
	switch {
	case asks:
		v.Why = "the request asks for it by " + f.header
	case v.Err != nil:
		v.Why = "it fails every request"
	case len(v.Facts) > 0:
		v.Why = "by chance"
	default:
		v.Why = "the request does not ask for a fault"
	}
	return v
}

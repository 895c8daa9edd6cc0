package timeout

import (
	"fmt"
	"time"

	"sallyport/policy"
	"sallyport/schema"
)

// Explain sets the deadline like Handle, for whatever comes next to see.
func (t timeout) Explain(x *policy.Exchange) policy.Verdict {
	v := policy.Verdict{Why: fmt.Sprintf("504 unless the answer begins within %s", schema.FormatDuration(t.after))}
	if by := time.Now().Add(t.after); x.Deadline.IsZero() || by.Before(x.Deadline) {
		x.Deadline = by
	} else {
		v.Why = fmt.Sprintf("%s, but an earlier timeout ends sooner", schema.FormatDuration(t.after))
	}
	return v
}

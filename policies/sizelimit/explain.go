package sizelimit

import (
	"fmt"
	"strings"

	"sallyport/policy"
	"sallyport/schema"
)

// Explain bounds the body like Handle, for whatever reads it.
func (l *limit) Explain(x *policy.Exchange) (v policy.Verdict) {
	var why []string
	switch l.request {
	case unset:
	case int64(schema.Unlimited):
		why = append(why, "any size of request")
	default:
		why = append(why, fmt.Sprintf("a request of up to %s", shown(l.request)))
		if x.Request.Length >= 0 {
			why[0] += fmt.Sprintf(", this one has %s", shown(x.Request.Length))
		}
	}
	if l.response != int64(schema.Unlimited) {
		why = append(why, fmt.Sprintf("a response of up to %s", shown(l.response)))
	}
	return policy.Verdict{Why: strings.Join(why, "; "), Err: l.take(x)}
}

package mirror

import (
	"fmt"

	"sallyport/policy"
)

// Explain says whether the request of x would be copied. Nothing is sent.
func (m *Mirror) Explain(x *policy.Exchange) policy.Verdict {
	r, to := x.Request, m.to.Name()
	switch {
	case m.Percent == 0:
		return policy.Verdict{Why: "no request is copied to " + to}
	case r.Upgrade != "":
		return policy.Verdict{Why: "it asks for a switch of protocols, and is not copied to " + to}
	case r.Length < 0 && r.Body != nil:
		return policy.Verdict{Why: fmt.Sprintf("its body is of unknown length, and it is not copied to %s", to)}
	case r.Length > int64(m.MaxBody):
		return policy.Verdict{Why: fmt.Sprintf("its body is larger than %v, and it is not copied to %s", m.MaxBody, to)}
	case m.Percent < 100:
		return policy.Verdict{Why: fmt.Sprintf("by chance, %v of the requests are copied to %s", m.Percent, to)}
	}
	return policy.Verdict{Why: "a copy goes to " + to}
}

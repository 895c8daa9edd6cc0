package rewrite

import (
	"fmt"
	"strings"

	"sallyport/policy"
)

// Explain rewrites the request for good: nothing in front is asked again.
func (p policyOf) Explain(x *policy.Exchange) policy.Verdict {
	r := x.Request
	path, query, host := r.Path.Text, r.Query, x.Host
	if err := p.Apply(x); err != nil {
		return policy.Verdict{Why: "no request can be made of this one", Err: err}
	}
	var why []string
	for _, part := range []struct{ name, before, after string }{{"path", path, r.Path.Text}, {"query", query, r.Query}, {"host", host, x.Host}} {
		switch part.before {
		case part.after:
		case "":
			why = append(why, fmt.Sprintf("%s %s", part.name, part.after))
		default:
			why = append(why, fmt.Sprintf("%s %s becomes %s", part.name, part.before, part.after))
		}
	}
	if len(why) == 0 {
		return policy.Verdict{Why: "it changes nothing of this request"}
	}
	return policy.Verdict{Why: strings.Join(why, ", ")}
}

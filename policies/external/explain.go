package external

import (
	"fmt"

	"sallyport/policy"
)

// Explain says what would be called. What comes of it, nobody can tell without calling.
func (e *external) Explain(x *policy.Exchange) (v policy.Verdict) {
	if s := e.request; s != nil {
		v.Why = fmt.Sprintf("%s is called by POST %s, and may change the request", e.to.Name(), s.Path)
		v.Asks = true
		for _, n := range s.TakeHeaders {
			v.Facts = append(v.Facts, policy.Fact{Name: "takes over", Value: n})
			if x.Request.Header.Has(n) {
				v.Changes = append(v.Changes, policy.Change{Side: "request", Op: "remove", Name: n})
			}
			x.Request.Header.DelAlike(n)
		}
	}
	if s := e.response; s != nil {
		v.Facts = append(v.Facts, policy.Fact{Name: "responses", Value: fmt.Sprintf("%s is called by POST %s, and may change them", e.to.Name(), s.Path)})
		v.Asks = true
		if s.Body != nil || s.TakeBody {
			policy.AskWhole(x.Request)
		}
	}
	return v
}

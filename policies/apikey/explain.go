package apikey

import (
	"errors"
	"fmt"
	"time"

	"sallyport/identity"
	"sallyport/policy"
	"sallyport/problem"
)

// Explain says whose key it is, or why it is not good, without showing it.
func (p *apiKey) Explain(x *policy.Exchange) policy.Verdict {
	v, found, err := p.judge(x, time.Now())
	if err == nil && !found {
		return policy.Verdict{Why: "there is no key, and it is optional"}
	}
	if err != nil {
		foreign, _ := p.foreign(x.Request)
		x.Denied = policy.Denial{Policy: name, Reason: string(v.Why), Foreign: foreign && v.Why == identity.Unknown}
		return policy.Verdict{Why: p.why(&v, err), Err: err}
	}
	out := policy.Verdict{Why: fmt.Sprintf("the key %s of the consumer %s", v.ID, v.Consumer.Name)}
	if v.Consumer.Plan != "" {
		out.Facts = []policy.Fact{{Name: "plan", Value: v.Consumer.Plan}}
	}
	before := x.Request.Header.Clone()
	query := x.Request.Query
	p.admit(x, &v)
	for name := range before.All() {
		if !x.Request.Header.Has(name) {
			out.Changes = append(out.Changes, policy.Change{Side: "request", Op: "remove", Name: name})
		}
	}
	if x.Request.Query != query {
		out.Facts = append(out.Facts, policy.Fact{Name: "query", Value: "the key does not go upstream"})
	}
	return out
}

var reasons = map[identity.Why]string{
	identity.Missing:   "there is no key",
	identity.Guessing:  "too many wrong keys came from there",
	identity.Malformed: "the key is malformed: it is nobody's",
	identity.Unknown:   "nobody has this key",
	identity.Expired:   "the key %s is expired",
	identity.Revoked:   "the key %s is revoked",
	identity.Orphaned:  "the key %s is good, but that consumer is gone",
	identity.Address:   "the key %s may not be used from there",
	identity.Route:     "the key %s is not for this route",
}

// why says in words why a key is not good.
func (p *apiKey) why(v *identity.KeyVerdict, err error) string {
	if v.Why == identity.Ambiguous {
		var bad *problem.Problem
		if errors.As(err, &bad) && bad.Detail != "" {
			return "nobody can tell which key is meant"
		}
	}
	text := reasons[v.Why]
	if v.ID != "" {
		return fmt.Sprintf(text, v.ID+" of the consumer "+v.Owner)
	}
	return text
}

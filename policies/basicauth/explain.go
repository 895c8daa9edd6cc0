package basicauth

import (
	"fmt"

	"sallyport/identity"
	"sallyport/policy"
)

// Explain says who the request is of, or why it is nobody's. It checks the password, which takes its time.
func (g *guard) Explain(x *policy.Exchange) (v policy.Verdict) {
	a, why, err := g.judge(x)
	switch {
	case err != nil:
		return policy.Verdict{Why: reason(why, a.Name), Err: err}
	case why == identity.Missing && g.optional:
		return policy.Verdict{Why: "the request shows no user name and password, and need not"}
	case why != "":
		return policy.Verdict{Why: reason(why, a.Name), Err: g.refusal(why)}
	}
	v.Why = fmt.Sprintf("%s shows the right password", a.Name)
	if a.Consumer != nil {
		v.Why += ", consumer " + a.Consumer.Name
	}
	if !g.keep {
		v.Changes = []policy.Change{{Side: "request", Op: "remove", Name: "Authorization"}}
	}
	g.pass(x, &a)
	return v
}

// reason says why a request is nobody's.
func reason(why identity.Why, user string) string {
	switch why {
	case identity.Missing:
		return "the request shows no user name and password"
	case identity.Malformed:
		return "Authorization: Basic is not followed by base64 of USER:PASSWORD in UTF-8 without control characters"
	case identity.Ambiguous:
		return "the request has more than one Authorization field"
	case identity.Guessing:
		return "too many wrong passwords came from there, or for " + user
	case identity.Unknown:
		return "there is no such user here"
	case identity.Password:
		return user + " has another password"
	case identity.Orphaned:
		return "the consumer of " + user + " is gone"
	default:
		return "too many passwords are being checked"
	}
}

package cors

import (
	"fmt"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// Explain says which pattern the page that sent the request is allowed by, and what the answer would say.
func (c *cors) Explain(x *policy.Exchange) (v policy.Verdict) {
	if method, _ := x.Request.Preflight(); method != "" {
		return policy.Verdict{Why: "the backend answers this preflight"}
	}
	from, foreign := c.page(x.Request)
	v.Why = c.why(x.Request, foreign)
	if foreign && c.refuse {
		v.Err = problem.Forbidden.New("Pages of this origin may not send requests here.")
		return v
	}
	var h wire.Header
	c.share(&h, from)
	for name, value := range h.All() {
		op := "set"
		if wire.NameOf(name) == wire.Vary {
			op = "add"
		}
		v.Changes = append(v.Changes, policy.Change{Side: "response", Op: op, Name: name, Value: value})
	}
	return v
}

// Why says in a line what the policy thinks of a preflight.
func (c *cors) why(r *wire.Request, foreign bool) string {
	text, found, once := r.Header.Single("Origin")
	switch {
	case c.origins.Any():
		return "every page may read the answer"
	case !found:
		return "the request names no origin, so it is of no page of another"
	case !once:
		return "the request names several origins"
	case foreign:
		return fmt.Sprintf("no origin allows %.100q; its pages may not read the answer", text)
	}
	pattern, _ := c.origins.Which(text)
	return fmt.Sprintf("%s allows pages of %s", pattern, text)
}

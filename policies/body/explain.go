package body

import "sallyport/policy"

// Explain changes the request like Handle, and says which responses would be changed.
func (b *bodies) Explain(x *policy.Exchange) (v policy.Verdict) {
	if m := b.request; m != nil {
		before := x.Request.Body
		switch err := b.remake(x); {
		case err != nil:
			return policy.Verdict{Why: "no body can be made of this request", Err: err}
		case m.value != nil:
			v.Why = "the body is made anew"
		case before == nil:
			v.Why = "there is no body"
		case x.Request.Body == before:
			v.Why = "the body stays as it is"
		default:
			v.Why = "the body is changed"
		}
	}
	if err := b.look(x); err != nil {
		return policy.Verdict{Why: "the body cannot be read, which the response is to be made of", Err: err}
	}
	if b.response != nil {
		policy.AskWhole(x.Request)
		v.Facts = append(v.Facts, policy.Fact{Name: "responses", Value: "their bodies are made anew"})
	}
	return v
}

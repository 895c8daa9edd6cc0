package xmljson

import "sallyport/policy"

// Explain changes the request like Handle, and says what is made of responses.
func (v *converter) Explain(x *policy.Exchange) (e policy.Verdict) {
	if m := v.request; m != nil {
		before := x.Request.Body
		switch err := v.ask(x); {
		case err != nil:
			return policy.Verdict{Why: "nothing can be made of the body", Err: err}
		case before == nil:
			e.Why = "there is no body"
		case x.Request.Header.Get("Content-Type") == m.contentType:
			e.Why = "the body becomes " + m.to
			e.Changes = append(e.Changes, policy.Change{Side: "request", Op: "set", Name: "Content-Type", Value: m.contentType})
		default:
			e.Why = "the body stays as it is"
		}
	}
	if m := v.response; m != nil {
		policy.AskWhole(x.Request)
		e.Facts = append(e.Facts, policy.Fact{Name: "makes of responses", Value: m.to})
	}
	return e
}

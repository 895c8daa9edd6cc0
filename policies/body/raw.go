package body

// The variables of expressions, with bodies as they were written: what is handed on keeps its order and its digits.

import (
	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/policy"
	"sallyport/problem"
)

// asking are the variables of a request.
type asking struct {
	*policy.Exchange
	checked expr.Raw
}

// Lookup returns any variable.
func (v *asking) Lookup(root, field, key string) (any, bool, error) {
	if root != "request" || field != "body" {
		return v.Exchange.Lookup(root, field, key)
	}
	if v.checked == nil {
		x := v.Exchange
		switch d := policy.Describe(&x.Request.Header); {
		case x.Request.Body == nil:
			return nil, false, nil
		case d.Encoded:
			return nil, false, problem.BadMedia.New("The body is read here, so it cannot have a Content-Encoding.").With("Accept-Encoding", "identity")
		case !d.UTF8():
			return nil, false, problem.BadMedia.New("The body is read here, so its text has to be UTF-8.")
		}
		b, err := x.Body(policy.MaxBody)
		if err != nil || len(b) == 0 {
			return nil, false, err
		}
		if v.checked, err = jsonspan.Check(b); err != nil {
			return nil, false, problem.BadRequest.New("The body is no valid JSON: %s.", err)
		}
	}
	return v.checked, true, nil
}

// answering are the variables of a response.
type answering struct {
	*policy.ResponseVars
	asking  asking
	checked expr.Raw
}

// Lookup returns any variable.
func (v *answering) Lookup(root, field, key string) (any, bool, error) {
	if root != "response" {
		return v.asking.Lookup(root, field, key)
	}
	if field != "body" {
		return v.ResponseVars.Lookup(root, field, key)
	}
	if v.checked == nil {
		if policy.Describe(&v.Response.Header).Encoded {
			return nil, false, problem.BadResponse.Wrap(errUnread)
		}
		b, err := v.Body(policy.MaxBody)
		if err != nil || len(b) == 0 {
			return nil, false, err
		}
		if v.checked, err = jsonspan.Check(b); err != nil {
			return nil, false, problem.BadResponse.Wrap(err)
		}
	}
	return v.checked, true, nil
}

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
	size    int64 // of bodies, at most
	checked expr.Raw
}

// Lookup returns any variable.
func (v *asking) Lookup(root, field, key string) (any, bool, error) {
	if root != "request" || field != "body" {
		return v.Exchange.Lookup(root, field, key)
	}
	return v.body()
}

func (v *asking) body() (any, bool, error) {
	if v.checked != nil {
		return v.checked, true, nil
	}
	b, err := v.JSONBytes(v.size)
	if err != nil || len(b) == 0 {
		return nil, false, err
	}
	if v.checked, err = jsonspan.Check(b); err != nil {
		return nil, false, problem.BadRequest.New("The body is no valid JSON: %s.", err)
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
			return nil, false, problem.BadResponse.Wrap(policy.ErrUnread)
		}
		b, err := v.Body(v.asking.size)
		if err != nil || len(b) == 0 {
			return nil, false, err
		}
		if v.checked, err = jsonspan.Check(b); err != nil {
			return nil, false, problem.BadResponse.Wrap(err)
		}
	}
	return v.checked, true, nil
}

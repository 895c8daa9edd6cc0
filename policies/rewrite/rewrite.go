// Package rewrite changes where a request goes, for the policies behind it and the backend. Package sallyport/rewrite says how.
package rewrite

import (
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/rewrite"
	"sallyport/wire"
)

// Kind declares the policy rewrite.
var Kind = plug.Define("rewrite", "Changes path, query and host of a request, for the policies behind it and the backend.", build)

type policyOf struct{ *rewrite.Rewrite }

func build(c rewrite.Config, _ *plug.Env) (policy.Policy, error) {
	return policyOf{rewrite.New(c)}, nil
}

// Handle rewrites the request, and puts it back for whatever stands in front: log, metrics, and policies that call next
// once more.
func (p policyOf) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	before := rewrite.PlaceOf(x)
	if err := p.Apply(x); err != nil {
		return nil, err
	}
	defer before.Restore(x)
	return next(x)
}

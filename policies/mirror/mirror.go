// Package mirror sends copies of requests to another upstream, as they are where the policy stands.
package mirror

import (
	"sallyport/mirror"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// Kind declares the policy mirror.
var Kind = plug.Define("mirror", "Sends copies of requests to another upstream and throws its answers away.", build)

type copies struct{ to *mirror.Mirror }

func build(c mirror.Config, env *plug.Env) (policy.Policy, error) {
	to, err := env.To(c.Upstream)
	if err != nil {
		return nil, schema.At("upstream", err)
	}
	return copies{mirror.New(c, to, env.Errands, env.Acted)}, nil
}

// Handle sends a copy of x as it is now, and lets x go on.
func (m copies) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	if err := m.to.Copy(x); err != nil {
		return nil, err
	}
	return next(x)
}

// Explain says whether x would be copied.
func (m copies) Explain(x *policy.Exchange) policy.Verdict { return m.to.Explain(x) }

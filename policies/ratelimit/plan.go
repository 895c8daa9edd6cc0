package ratelimit

import (
	"sallyport/identity"
	"sallyport/per"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/wire"
)

// A Plan limits the consumers of one plan, each by itself. It counts over all routes that it is asked on.
type Plan struct {
	limiter  *limiter
	settings string
}

// OfPlan makes the limiter of a plan that has rates. One of the same name and rates counts on from where another left off.
func OfPlan(p *identity.Plan, env *plug.Env) (*Plan, error) {
	settings := p.Limits()
	limits, err := env.State.Limiter("plan "+p.Name, settings)
	if err != nil {
		return nil, err
	}
	by := "plan " + p.Name
	if !wire.ValidToken(p.Name) { // it stands in a structured field (RFC 9651 §3.3.3)
		by = "plan"
	}
	l := &limiter{
		limits: limits, count: len(settings.List), per: per.Consumer(),
		notice: newNotice(p.Rates(), by, p.Settings.RateLimit.LegacyHeaders), deny: env.Denier("plan", "limited"),
	}
	for _, r := range p.Rates() {
		l.rates = append(l.rates, r.String())
	}
	return &Plan{l, p.Key()}, nil
}

// Is says whether l is that of a plan, and nothing about it changed.
func (l *Plan) Is(p *identity.Plan) bool { return l.settings == p.Key() }

// Handle is that of the policy.
func (l *Plan) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	return l.limiter.Handle(x, next)
}

// Explain is that of the policy.
func (l *Plan) Explain(x *policy.Exchange) policy.Verdict { return l.limiter.Explain(x) }

// Package ratelimit limits how many requests are let through in a time, counted by client, consumer, route or whatever an
// expression makes.
package ratelimit

import (
	"strconv"
	"time"

	"sallyport/per"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/store"
	"sallyport/wire"
)

const name = "rate_limit"

// Kind declares the policy rate_limit.
var Kind = plug.Define(name, "Limits how many requests are let through in a time, by client, consumer, route or any expression.", build)

type limiter struct {
	limits   *store.Limiter
	count    int // of limits
	per      per.Key
	cost     Cost
	patience time.Duration // 0 means reject at once
	dryRun   bool
	notice   *notice
	rates    []string // as they are written, for Explain

	// The one that dryRun calls for; a series that stays 0 would only puzzle.
	deny     func(*policy.Exchange)
	countDry func()
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	settings := c.limits()
	limits, err := env.State.Limiter(name+" "+env.Where, settings)
	if err != nil {
		return nil, err
	}
	if c.OnStoreError != "" {
		env.Warn("on_store_error has no effect with scope local, whose counters are in this process and cannot fail")
	}
	l := &limiter{
		limits: limits, count: len(settings.List), per: c.Per, cost: c.Cost, patience: c.maxDelay(), dryRun: c.DryRun,
		notice: newNotice(c.rates(), c.Per.Is(), c.LegacyHeaders),
	}
	for _, r := range c.rates() {
		l.rates = append(l.rates, r.String())
	}
	if c.DryRun {
		l.countDry = env.Denied(name, "dry_run")
	} else {
		l.deny = env.Denier(name, "limited")
	}
	return l, nil
}

// Handle takes the request's cost from its bucket and passes it on, or refuses it. Either way the answer tells what is left.
func (l *limiter) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	cost, err := l.cost.of(x)
	if err != nil {
		return nil, err
	}
	var room [store.MaxLimits]store.Status
	left := room[:l.count]
	wait, ok := l.limits.Take(l.per.Of(l.limits.Keys, x), cost, l.patienceOf(x), left)
	if l.dryRun {
		if !ok {
			l.countDry()
		}
		return next(x)
	}
	told := l.notice.tell(x.Request, left)
	if !ok {
		l.deny(x)
		return nil, told.on(refusal(wait, left))
	}
	if wait > 0 {
		if err := x.Pause(wait); err != nil {
			return nil, err
		}
	}
	resp, err := next(x)
	if err != nil {
		return nil, told.on(problem.From(err))
	}
	told.onto(&resp.Header)
	return resp, nil
}

// patienceOf is how long x may be held back: never beyond its deadline.
func (l *limiter) patienceOf(x *policy.Exchange) time.Duration {
	if l.patience == 0 || x.Deadline.IsZero() {
		return l.patience
	}
	return min(l.patience, max(time.Until(x.Deadline), 0))
}

// refusal tells when to come back: once there is room or, when there never is enough, once all of it is there.
func refusal(wait time.Duration, left []store.Status) *problem.Problem {
	if wait != store.Never {
		after := max(seconds(wait), 1)
		return problem.Limited.New("Try again in %d s.", after).With("Retry-After", strconv.FormatInt(after, 10))
	}
	after := int64(1)
	for _, s := range left {
		after = max(after, seconds(s.Reset))
	}
	return problem.Limited.New("The request costs more than the limit ever allows.").With("Retry-After", strconv.FormatInt(after, 10))
}

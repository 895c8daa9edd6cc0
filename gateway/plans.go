package gateway

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sallyport/config"
	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policies/ratelimit"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file holds consumers to their plans: a step of its own, right behind the last one that finds out who sent a request, on every route that does not
// say plans: off. Whatever limits the route has as well hold too, so the stricter wins.

// planKind names the step in explanations, and in the metrics of what it refuses.
const planKind = "plan"

// planned puts the step into a chain, unless nobody in it finds out who sent a request, or the route has plans off.
func (b *builder) planned(a *config.API, r *config.Route, steps []step) []step {
	if r.Plans == "off" || r.Plans == "" && a.Plans == "off" {
		return steps
	}
	last := -1
	for i, s := range steps {
		if s.identifies() {
			last = i
		}
	}
	if last < 0 {
		return steps
	}
	s := step{kind: planKind, guard: planKind, node: steps[last].node, path: steps[last].path, api: steps[last].api}
	s.policy = &planStep{b.book, b.gateway.plans, b.gateway.plans.env.Denier(planKind, "no_plan")}
	return slices.Insert(slices.Clone(steps), last+1, s)
}

// A planStep counts requests of consumers against their plans.
type planStep struct {
	book *identity.Book
	all  *planner
	lost func(*policy.Exchange)
}

// Handle asks the plan of the consumer, if there is one.
func (p *planStep) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	limit, err := p.of(x)
	switch {
	case err != nil:
		p.lost(x)
		return nil, err
	case limit == nil:
		return next(x)
	}
	return limit.Handle(x, next)
}

// of is what x is counted by, nil for nothing. A plan that is nowhere, since the document that had it has it no more, allows nothing.
func (p *planStep) of(x *policy.Exchange) (*ratelimit.Plan, error) {
	if x.Consumer == nil || x.Consumer.Plan == "" {
		return nil, nil
	}
	plan := p.book.Plan(x.Consumer.Plan)
	if plan == nil {
		return nil, problem.Internal.Wrap(fmt.Errorf("the plan %q of the consumer %q is neither in the document nor in the store", x.Consumer.Plan, x.Consumer.Name))
	}
	if len(plan.Rates()) == 0 {
		return nil, nil
	}
	return p.all.limit(plan)
}

// Explain says what is left of the plan.
func (p *planStep) Explain(x *policy.Exchange) policy.Verdict {
	limit, err := p.of(x)
	switch {
	case err != nil:
		return policy.Verdict{Why: fmt.Sprintf("there is no plan %q", x.Consumer.Plan), Err: err}
	case limit == nil && x.Consumer != nil:
		return policy.Verdict{Why: fmt.Sprintf("the plan %q limits nothing", x.Consumer.Plan)}
	case limit == nil:
		return policy.Verdict{Why: "no consumer is known"}
	}
	v := limit.Explain(x)
	v.Why = fmt.Sprintf("the plan %s: %s", x.Consumer.Plan, v.Why)
	return v
}

// A planner has one limiter for each plan that somebody used, for the life of the process: all routes count by it, and a reload changes nothing
// of what was counted, unless it changes the plan.
type planner struct {
	env *plug.Env

	now atomic.Pointer[map[string]*ratelimit.Plan]
	mu  sync.Mutex // held by who changes now
}

func newPlanner(env *plug.Env) *planner {
	p := &planner{env: env}
	p.now.Store(&map[string]*ratelimit.Plan{})
	return p
}

// limit is the limiter of a plan.
func (p *planner) limit(plan *identity.Plan) (*ratelimit.Plan, error) {
	if l := (*p.now.Load())[plan.Name]; l != nil && l.Is(plan) {
		return l, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := *p.now.Load()
	if l := all[plan.Name]; l != nil && l.Is(plan) {
		return l, nil
	}
	l, err := ratelimit.OfPlan(plan, p.env)
	if err != nil {
		return nil, problem.Internal.Wrap(err)
	}
	all = maps.Clone(all)
	all[plan.Name] = l
	p.now.Store(&all)
	return l, nil
}

// retain forgets the plans that there are no more.
func (p *planner) retain(b *identity.Book) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := maps.Clone(*p.now.Load())
	maps.DeleteFunc(all, func(name string, _ *ratelimit.Plan) bool { return b.Plan(name) == nil })
	p.now.Store(&all)
}

package gateway

import (
	"slices"

	"sallyport/policy"
)

// preflight explains what a browser is told that asks whether a page may send a request of method; compare flow.preflight. It returns
// false for a question that is left to the routes.
func (e *explaining) preflight(method string) bool {
	x := &e.flow.x
	r := x.Request
	r.Method = method
	defer func() { r.Method = "OPTIONS" }()
	got := e.table.Explain(x)
	p, err := e.asked(x, method)
	switch {
	case err != nil:
		e.candidates(&got, nil)
		e.refused("routes", err)
		return true
	case p == nil:
		return false
	}
	if p.rule != nil {
		e.flow.take(p.rule)
		e.flow.guessed()
	}
	list, done := e.guards(p.steps)
	if c, err := corsOf(p.steps, x); !done && (c == nil || err != nil) {
		e.flow.leave()
		return false // an error is the same in the route's own explanation
	}
	e.candidates(&got, p.rule)
	if p.rule != nil {
		e.take(p.rule)
		e.flow.guessed()
		e.version()
	}
	if !done {
		return e.permit(p, list)
	}
	e.out.Policies = list
	return true
}

// guards explains the policies that a preflight passes; the others are not reached.
func (e *explaining) guards(steps []step) (list []ExplainedPolicy, done bool) {
	for i := range steps {
		s := &steps[i]
		p := e.step(s, done || !slices.Contains(preflightGuards, s.kind))
		done = done || p.Outcome == "refuses" || p.Outcome == "answers"
		list = append(list, p)
	}
	return list, done
}

// permit explains what cors answers; false is for a question that is left to the routes.
func (e *explaining) permit(p *permission, list []ExplainedPolicy) bool {
	x := &e.flow.x
	c, _ := corsOf(p.steps, x)
	at := slices.IndexFunc(p.steps, func(s step) bool {
		inner, holds, err := unconditional(s.policy, x)
		return err == nil && holds && inner == c
	})
	resp, err := c.(policy.Preflighter).Preflight(x, func() string { return e.methods(x, p) })
	if resp == nil && err == nil { // it goes on, through all policies
		if p.rule == nil {
			return false
		}
		x.Request.Method = "OPTIONS"
		if p.rule.Value.raw {
			x.Request.Path.Text = x.Request.Path.Raw
		}
		e.chain(p.rule)
		return true
	}
	said := c.(policy.Explainer).Explain(x)
	list[at].Why, e.out.Policies = e.mask(said.Why), list
	if err != nil {
		list[at].Outcome = "refuses"
		e.refused("cors", err)
		return true
	}
	list[at].Outcome = "answers"
	e.answered("cors", resp)
	return true
}

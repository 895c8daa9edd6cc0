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
	found, err := e.asked(x, method)
	switch {
	case err != nil:
		e.candidates(&got, nil)
		e.refused("routes", err)
		return true
	case found == nil:
		return false
	}
	e.flow.take(found)
	list, done := e.guards(found.Value.steps)
	if p, err := corsOf(found.Value.steps, x); !done && (p == nil || err != nil) {
		e.flow.leave()
		return false // an error is the same in the route's own explanation
	}
	e.candidates(&got, found)
	e.take(found)
	if !done {
		e.permit(found, list)
		return true
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

// permit explains what cors answers.
func (e *explaining) permit(found *rule, list []ExplainedPolicy) {
	x, steps := &e.flow.x, found.Value.steps
	p, _ := corsOf(steps, x)
	at := slices.IndexFunc(steps, func(s step) bool {
		inner, holds, err := unconditional(s.policy, x)
		return err == nil && holds && inner == p
	})
	resp, err := p.(policy.Preflighter).Preflight(x, func() string { return e.methods(x, found) })
	if resp == nil && err == nil { // it goes on, through all policies
		x.Request.Method = "OPTIONS"
		if found.Value.raw {
			x.Request.Path.Text = x.Request.Path.Raw
		}
		e.chain(found)
		return
	}
	said := p.(policy.Explainer).Explain(x)
	list[at].Why, e.out.Policies = e.doc.Mask(said.Why), list
	if err != nil {
		list[at].Outcome = "refuses"
		e.refused("cors", err)
		return
	}
	list[at].Outcome = "answers"
	e.answered("cors", resp)
}

package compose

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/policy"
)

// Explain tells of the graph, level by level, and which calls would be sent first.
func (b *backend) Explain(x *policy.Exchange) (v policy.Verdict) {
	r := newRun(b, x, time.Now())
	defer r.client.close()
	for _, c := range b.calls {
		line := fmt.Sprintf("%s: %s %s of %s", c.name, c.Method, c.Path.String(), c.Upstream)
		if c.level == 0 {
			call, why, err := r.foretell(c)
			if err != nil {
				return policy.Verdict{Why: "the call " + c.name + " cannot be made of this request", Err: err}
			}
			if call != nil {
				v.Calls = append(v.Calls, *call)
			}
			line += why
		}
		if len(c.needs) > 0 {
			line += ", behind " + strings.Join(named(c.needs), " and ")
		}
		if !c.ForEach.IsZero() {
			line += ", for each of " + c.ForEach.String()
		}
		if !c.When.IsZero() {
			line += ", when " + c.When.String()
		}
		if c.flows {
			line += ", and a large answer goes out while it comes"
		}
		v.Graph = append(v.Graph, policy.Fact{Name: fmt.Sprintf("level %d", c.level+1), Value: line})
	}
	return v
}

// foretell makes a call that waits for no other. One that is optional may fail.
func (r *run) foretell(c *call) (call *policy.Call, why string, err error) {
	made, err := r.wanted(c)
	var j *job
	if err == nil && made && c.ForEach.IsZero() {
		j, err = r.job(c, &r.vars)
	}
	switch {
	case err != nil && c.OnError.how == fail:
		return nil, "", r.wrong(c, err)
	case err != nil:
		return nil, " (fails: " + errors.Unwrap(err).Error() + ")", nil
	case !made:
		return nil, " (left out)", nil
	case j == nil:
		return nil, "", nil
	}
	call = &policy.Call{Upstream: c.to.Name(), Share: 1, Why: c.name, Chosen: true, Call: j.out}
	if c.Retry != nil {
		call.Retry = c.Retry.Explain(c.Method) + "; as the call says"
	}
	return call, "", nil
}

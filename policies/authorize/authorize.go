// Package authorize lets requests pass that meet rules: expressions about the request and about who sent it.
package authorize

import (
	"errors"
	"fmt"

	"sallyport/expr"
	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/wire"
)

const name = "authorize"

// Kind declares the policy authorize.
var Kind = plug.Define(name, "Lets a request pass only if every rule holds, and says which one does not.", build)

// Config is what the document says.
type Config struct {
	Rules  []Rule `json:"rules" short:"true" one:"true" min:"1" max:"100" doc:"What has to hold; the first rule that does not refuses the request. Up to 1 MiB of a body is read, and only if a rule needs it."`
	DryRun bool   `json:"dry_run" doc:"Logs what would be refused, counts it as reason dry_run of the metric sallyport_policy_denials_total, and lets it pass."`
}

// A Rule is one thing that has to hold.
type Rule struct {
	If      expr.Condition `json:"if" short:"true" doc:"An expression that is true for requests that may pass. One that cannot be evaluated, since the request lacks something, refuses."`
	Message string         `json:"message" default:"" max:"500" doc:"What the client is told when the rule does not hold, as the detail of the problem."`
	Status  int            `json:"status" enum:"403,404" default:"403" doc:"The status when it does not hold: 403 forbidden, or 404 as if there were no such route."`
}

// Check wants a rule.
func (c *Config) Check() error {
	if len(c.Rules) == 0 {
		return errors.New("it asks for nothing; give rules")
	}
	return nil
}

type rules struct {
	list       []rule
	dryRun     bool
	challenges []string // what authentication before this asks for

	deny, denyFailed, denyUnknown func(*policy.Exchange)
	countDry                      func()
	told                          told
}

type rule struct {
	Rule
	ofWhom bool             // it is about who sent the request
	broken error            // that it does not hold, for the log
	once   []identity.Place // what it looks at the first value of
}

// holds asks the rule. What it looks at may stand in the request once: the upstream could go by the other value.
func (r *rule) holds(x *policy.Exchange) (bool, error) {
	holds, err := r.If.Bool(x)
	if !holds || err != nil {
		return false, err
	}
	for _, p := range r.once {
		if _, _, err := p.Take(x.Request); err != nil {
			return false, fmt.Errorf("%s is given more than once", p)
		}
	}
	return true, nil
}

// placesOf are the maps of a request that have the first value of each name.
var placesOf = map[string]string{"query": "query:", "cookies": "cookie:"}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	p := &rules{dryRun: c.DryRun, challenges: env.Challenges}
	for i, r := range c.Rules {
		of := rule{Rule: r, broken: fmt.Errorf("rule %d does not hold: %s", i+1, r.If)}
		for _, use := range r.If.Uses() {
			of.ofWhom = of.ofWhom || use.Root == "auth" || use.Root == "consumer"
			if in, found := placesOf[use.Field]; found && use.Root == "request" && use.Key != "" {
				if place, wrong := identity.ParsePlace(in + use.Key); wrong == "" {
					of.once = append(of.once, place)
				}
			}
		}
		p.list = append(p.list, of)
	}
	if c.DryRun {
		p.countDry = env.Denied(name, "dry_run")
		return p, nil
	}
	p.deny, p.denyFailed, p.denyUnknown = env.Denier(name, "denied"), env.Denier(name, "failed"), env.Denier(name, "unknown_sender")
	return p, nil
}

// Handle asks the rules in order.
func (p *rules) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	for i := range p.list {
		r := &p.list[i]
		holds, err := r.holds(x)
		if holds && err == nil {
			continue
		}
		refused, deny := p.refusal(x, r, err)
		if !p.dryRun {
			deny(x)
			return nil, refused
		}
		p.countDry()
		p.told.tell(x, refused)
		if readFailed(err) { // part of the body is gone: it cannot go on
			return nil, refused
		}
		break
	}
	return next(x)
}

// refusal is why the request may not pass r, and what counts that. What a rule needs and the request lacks is a refusal as any other: a guard that
// tells what it looks for is half a guard. A body that cannot be read is told of as such.
func (p *rules) refusal(x *policy.Exchange, r *rule, err error) (*problem.Problem, func(*policy.Exchange)) {
	var read *problem.Problem
	switch {
	case errors.As(err, &read):
		return read, p.denyFailed
	case r.ofWhom && x.Auth.Type == "" && x.Consumer == nil && len(p.challenges) > 0 && r.Status == 403:
		refused := problem.NoCredentials.New("%s", r.Message).Because(r.broken)
		for _, c := range p.challenges {
			refused.With("WWW-Authenticate", c)
		}
		return refused, p.denyUnknown
	}
	cause, deny := r.broken, p.deny
	if err != nil {
		cause, deny = fmt.Errorf("%w: %w", r.broken, err), p.denyFailed
	}
	if r.Status == 404 {
		return route.NoRoute.New("").Because(cause), deny
	}
	return problem.Forbidden.New("%s", r.Message).Because(cause), deny
}

// readFailed says whether an evaluation failed since the body could not be read.
func readFailed(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p)
}

// Rules are the expressions that have to hold.
func (p *rules) Rules() (list []expr.Expr) {
	for _, r := range p.list {
		list = append(list, r.If.Expr)
	}
	return list
}

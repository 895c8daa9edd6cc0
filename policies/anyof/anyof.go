// Package anyof lets a request in when one of several policies does.
package anyof

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "any_of"

// Kind declares the policy any_of.
var Kind = plug.Define(name, "Lets a request in when one of several policies does: the first of them that knows it wins.", build)

// Config is what the document says.
type Config struct {
	Policies  []*schema.Node `json:"policies" short:"true" min:"1" max:"20" kind:"policies" doc:"The policies, asked in order until one lets the request in; a list among them, and a name that stands for several, has to let it in as a whole. They are policies that authenticate, ip_filter and authorize."`
	OnInvalid string         `json:"on_invalid" enum:"refuse,next" default:"refuse" doc:"What credentials that are wrong mean for the request: that it is refused, or that the next policy is asked. Credentials that are not there, or that look as if they were meant for another policy, such as a token of another issuer, never end it."`
}

// Check wants a policy.
func (c *Config) Check() error {
	if len(c.Policies) == 0 {
		return errors.New("nothing would let a request in; give policies")
	}
	return nil
}

// An anyOf asks its alternatives in turn.
type anyOf struct {
	all     []alternative
	onward  bool     // wrong credentials do not end it
	asserts []string // what any of them tells the upstream of the client
	early   []string // those of asserts that none of them reads

	tries       sync.Pool // of *try
	counts      map[policy.Denial]func()
	denyMissing func(*policy.Exchange)
}

// An alternative is one way in: all of its steps have to let the request in.
type alternative struct {
	steps      []plug.Step
	identifies bool // one of the steps authenticates
	challenges []string
	share
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	p := &anyOf{onward: c.OnInvalid == "next", counts: map[policy.Denial]func(){}, denyMissing: env.Denier(name, "missing_credentials")}
	lists, ok := env.Policies(c.Policies, p.counters(env.Denied))
	if !ok {
		return nil, nil
	}
	for _, steps := range lists {
		a := alternative{steps: steps}
		for _, s := range steps {
			a.learn(s)
		}
		p.all = append(p.all, a)
		p.asserts = append(p.asserts, a.asserts...)
	}
	p.sort()
	p.tries.New = func() any { return p.newTry() }
	return p, nil
}

// counters are what the policies in p count by: they stop a request only if p does, which counts it then. What they would have stopped, they
// count themselves.
func (p *anyOf) counters(real plug.Counters) plug.Counters {
	return func(policyName, reason string) func() {
		count := real(policyName, reason)
		if reason == "dry_run" {
			return count
		}
		p.counts[policy.Denial{Policy: policyName, Reason: reason}] = count
		return func() {}
	}
}

// learn takes up what a step says of itself.
func (a *alternative) learn(s plug.Step) {
	if n, ok := s.Bare.(interface{ Identifies() bool }); ok {
		a.identifies = a.identifies || n.Identifies()
	}
	a.identifies = a.identifies || slices.Contains(plug.Authenticates, s.Kind)
	if c, ok := s.Bare.(policy.Challenger); ok && c.Challenge() != "" {
		a.challenges = append(a.challenges, c.Challenge())
	}
	a.share.learn(s.Bare)
}

// Identifies says whether one of the alternatives finds out who sent a request.
func (p *anyOf) Identifies() bool {
	return slices.ContainsFunc(p.all, func(a alternative) bool { return a.identifies })
}

// Asserts names what any of the alternatives tells the upstream of a client.
func (p *anyOf) Asserts() []string { return p.asserts }

// Challenge is what all of the alternatives ask for.
func (p *anyOf) Challenge() string {
	var all []string
	for _, a := range p.all {
		all = append(all, a.challenges...)
	}
	return strings.Join(all, ", ")
}

// Handle asks one alternative after the other. What one that does not win has changed of the request is undone.
func (p *anyOf) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	p.begin(x.Request)
	t := p.tries.Get().(*try)
	t.begin(x, next)
	resp, err := t.run(x)
	t.end()
	p.tries.Put(t)
	return resp, err
}

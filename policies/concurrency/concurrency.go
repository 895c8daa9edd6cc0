// Package concurrency limits how many requests are under way at once, to a number or to what their backend turns out to
// take.
package concurrency

import (
	"time"

	"sallyport/per"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/store"
	"sallyport/wire"
)

const name = "concurrency"

// Kind declares the policy concurrency.
var Kind = plug.Define(name, "Limits how many requests are under way at once; those over the limit wait or are refused with 503.", build)

type limit struct {
	gates *store.Gates
	per   per.Key
	bound store.Bound

	dryRun             bool
	denyFull, denyLate func(*policy.Exchange)
	countDry           func() // the one that dryRun calls for; a series that stays 0 would only puzzle
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	l := &limit{gates: env.State.Gates(env.Where), per: c.Per, bound: c.bound(), dryRun: c.DryRun}
	if c.DryRun {
		l.countDry = env.Denied(name, "dry_run")
		return l, nil
	}
	l.denyFull = env.Denier(name, "full")
	if c.Queue.Size > 0 {
		l.denyLate = env.Denier(name, "waited")
	}
	return l, nil
}

// Handle lets x in if there is room, or once there is. x keeps its place until its answer has gone out, since until then somebody
// works for it.
func (l *limit) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	key := l.per.Of(l.gates.Keys, x)
	if l.inside(x, key) {
		return next(x)
	}
	gate, err := l.enter(x, key)
	if err != nil {
		return nil, err
	}
	x.Hold(gate)
	var began time.Time
	if l.bound.Adaptive {
		began = time.Now()
	}
	resp, err := next(x)
	if l.bound.Adaptive {
		gate.Observe(began, time.Since(began), outcome(resp, err))
	}
	if err != nil {
		x.Drop(gate) // nobody works for it any more
	}
	return resp, err
}

// inside says whether x has its place already: a policy in front may call next again.
func (l *limit) inside(x *policy.Exchange, key store.Key) bool {
	for _, h := range x.Held() {
		if g, ok := h.(*store.Gate); ok && g.Is(l.gates, key) {
			return true
		}
	}
	return false
}

func (l *limit) enter(x *policy.Exchange, key store.Key) (*store.Gate, error) {
	if l.dryRun {
		gate, over := l.gates.Force(key, &l.bound)
		if over {
			l.countDry()
		}
		return gate, nil
	}
	gate, waiting, answer := l.gates.Come(key, &l.bound)
	switch answer {
	case store.Enter:
		return gate, nil
	case store.Wait:
		return l.wait(x, waiting)
	}
	l.denyFull(x)
	return nil, full()
}

// wait has x wait for a place.
func (l *limit) wait(x *policy.Exchange, w *store.Waiting) (*store.Gate, error) {
	settled, err := x.Await(w.Ready(), l.bound.Patience)
	gate := w.Leave()
	switch {
	case err != nil && gate != nil:
		gate.Release() // it came too late
		return nil, err
	case err != nil:
		return nil, err
	case gate != nil:
		return gate, nil
	case settled: // in favour of who came later
		l.denyFull(x)
		return nil, full()
	}
	l.denyLate(x)
	return nil, problem.Overloaded.New("No place became free in time.").With("Retry-After", "1")
}

func full() error {
	return problem.Overloaded.New("Too many requests are under way.").With("Retry-After", "1")
}

// outcome says what an answer tells of the load. One that failed or was refused at once took no time that could be compared.
func outcome(resp *wire.Response, err error) store.Outcome {
	if err != nil {
		if overloaded(problem.From(err).Status) {
			return store.Dropped
		}
		return store.Untold
	}
	switch {
	case overloaded(resp.Status):
		return store.Dropped
	case resp.Status >= 500:
		return store.Untold
	}
	return store.Answered
}

// overloaded says whether an answer of that status says of itself that there is too much to do.
func overloaded(status int) bool { return status == 429 || status == 503 || status == 504 }

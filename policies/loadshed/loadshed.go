// Package loadshed refuses some requests when the gateway itself has too much to do, so that it can answer the others.
package loadshed

import (
	"math"
	"math/rand/v2"
	"strconv"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/telemetry"
	"sallyport/wire"
)

const name = "load_shed"

// Kind declares the policy load_shed.
var Kind = plug.Define(name, "Refuses some requests with 503 when the gateway itself is overloaded, those of low priority first.", build)

// A signal is what an overload shows by.
type signal uint8

const (
	memory signal = iota
	latency
	cpu
	inflight
	signals
)

func (s signal) String() string { return [...]string{"memory", "latency", "cpu", "inflight"}[s] }

type shedder struct {
	strain   *telemetry.Strain
	bounds   [signals]float64 // +Inf for none
	priority Priority
	chance   func() float64 // from 0 up to 1

	deny     [signals]func(*policy.Exchange)
	countDry func()
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	s := &shedder{strain: env.Strain, priority: c.Priority, chance: rand.Float64}
	s.bounds = [signals]float64{share(c.Memory.Ratio()), math.Inf(1), share(c.CPU.Ratio()), math.Inf(1)}
	if c.Latency > 0 {
		s.bounds[latency] = float64(c.Latency)
	}
	if c.Inflight != nil {
		s.bounds[inflight] = float64(*c.Inflight)
	}
	if c.DryRun {
		s.countDry = env.Denied(name, "dry_run")
		return s, nil
	}
	for i := range s.deny {
		if !math.IsInf(s.bounds[i], 1) {
			s.deny[i] = env.Denier(name, signal(i).String())
		}
	}
	return s, nil
}

// share is a bound on a share, of which all is no bound.
func share(of float64) float64 {
	if of >= 1 {
		return math.Inf(1)
	}
	return of
}

// Handle refuses x by chance, the more likely the more there is to do.
func (s *shedder) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	over, by := s.over(x)
	if over <= -1 {
		return next(x) // as mostly
	}
	odds := s.odds(over, x)
	if odds <= 0 || s.chance() >= odds {
		return next(x)
	}
	if s.countDry != nil {
		s.countDry()
		return next(x)
	}
	s.deny[by](x)
	return nil, refusal()
}

// refusal tells clients to come back at different times.
func refusal() error {
	return problem.Overloaded.New("The gateway has too much to do.").With("Retry-After", strconv.Itoa(1+rand.IntN(5)))
}

// odds is how likely x is to be shed: each class is from one whole number of over to the next.
func (s *shedder) odds(over float64, x *policy.Exchange) float64 {
	class := s.priority.of(x)
	if class == critical {
		return 0
	}
	return min(1, max(0, over-float64(class-normal)))
}

// over says how far the worst signal is from its bound, which is 0: at -1 requests of low priority begin to be shed, at 1 all of normal
// are.
func (s *shedder) over(x *policy.Exchange) (over float64, by signal) {
	now := s.strain.At(x.Start)
	over = math.Inf(-1)
	worst := func(o float64, of signal) {
		if o > over {
			over, by = o, of
		}
	}
	// Of a share: half way from the bound to all of it.
	worst((now.Memory-s.bounds[memory])/((1-s.bounds[memory])/2), memory)
	worst((now.CPU-s.bounds[cpu])/((1-s.bounds[cpu])/2), cpu)
	// Of the time: twice as much.
	if l := float64(now.Latency); l > s.bounds[latency]/2 {
		worst(math.Log2(l/s.bounds[latency]), latency)
	}
	// Of the requests: a quarter more. They are counted now, since they can become many from one look to the next.
	if most := s.bounds[inflight]; !math.IsInf(most, 1) {
		worst((float64(s.strain.Inflight())-most)/(most/4), inflight)
	}
	return over, by
}

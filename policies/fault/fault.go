// Package fault makes requests fail or wait on purpose, so that somebody can see how what is in front of the gateway takes
// it.
package fault

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "fault"

// injected is declared with one status; each problem has its own.
var injected = problem.Define("fault_injected", 503, "Fault injected", "A fault policy made the request fail on purpose, with the status that it says; nothing is wrong.")

// noAnswer is the status of requests whose connection was broken on purpose, in the log and the metrics only. Operators know the number from
// other proxies.
const noAnswer = 444

// Kind declares the policy fault.
var Kind = plug.Define(name, "Delays requests or makes them fail on purpose, to try how clients take it.", build)

type injector struct {
	delay    *Delay
	abort    *Abort
	header   string
	maxDelay time.Duration
	chance   func() float64 // from 0 up to 1

	countDelay           func()
	denyAbort, denyReset func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	f := &injector{delay: c.Delay, abort: c.Abort, header: c.Header, maxDelay: defaultMaxDelay, chance: rand.Float64}
	if c.MaxDelay != nil {
		f.maxDelay = *c.MaxDelay
	}
	f.countDelay = env.Acted(name, "delay")
	f.denyAbort, f.denyReset = env.Denier(name, "abort"), env.Denier(name, "reset")
	return f, nil
}

// A plan is what is to happen to one request.
type plan struct {
	delay  time.Duration
	status int
	reset  bool
}

// Handle does to x what chance, or x itself where it may, asks for. The access line tells of it in its field fault.
func (f *injector) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	p := f.draw()
	if f.header != "" {
		f.asked(x, &p)
	}
	if p.delay > 0 {
		x.Fault = add(x.Fault, "delay "+schema.FormatDuration(p.delay))
		f.countDelay()
		if err := x.Pause(p.delay); err != nil {
			return nil, err
		}
	}
	switch {
	case p.reset:
		x.Fault = add(x.Fault, "reset")
		f.denyReset(x)
		return nil, reset()
	case p.status > 0:
		x.Fault = add(x.Fault, "abort "+strconv.Itoa(p.status))
		f.denyAbort(x)
		return nil, of(p.status)
	}
	return next(x)
}

func of(status int) *problem.Problem {
	t := *injected
	t.Status = status
	return t.New("The gateway was told to fail this request.")
}

func reset() *problem.Problem {
	p := of(noAnswer)
	p.Break = true
	return p
}

func add(list, item string) string {
	if list == "" {
		return item
	}
	return list + ", " + item
}

// draw leaves to chance what happens.
func (f *injector) draw() (p plan) {
	if d := f.delay; d != nil && f.hits(d.Percent) {
		if p.delay = d.For; d.UpTo != nil {
			p.delay += time.Duration(f.chance() * float64(*d.UpTo-d.For)).Round(time.Microsecond)
		}
	}
	if a := f.abort; a != nil && f.hits(a.Percent) {
		if p.reset = a.Reset; !a.Reset {
			p.status = *a.Status
		}
	}
	return p
}

func (f *injector) hits(share schema.Percent) bool { return share > 0 && f.chance() < share.Ratio() }

// asked adds what x asks for. What cannot be read is not done.
func (f *injector) asked(x *policy.Exchange, p *plan) {
	value := x.Request.Header.Get(f.header)
	if value == "" {
		return
	}
	x.Request.Header.Del(f.header)
	for item := range strings.SplitSeq(value, ",") {
		what, how, _ := strings.Cut(strings.TrimSpace(item), "=")
		switch what {
		case "delay":
			if d, err := schema.ParseDuration(how); err == nil && d > 0 {
				p.delay = min(d, f.maxDelay)
			}
		case "abort":
			if status, err := strconv.Atoi(how); err == nil && status >= 400 && status <= 599 {
				p.status, p.reset = status, false
			}
		case "reset":
			p.reset = true
		}
	}
}

package ratelimit

import (
	"errors"
	"fmt"
	"time"

	"sallyport/per"
	"sallyport/schema"
	"sallyport/store"
)

// Config is what the document says.
type Config struct {
	Rate          *schema.Rate   `json:"rate" short:"true" doc:"How many requests in which time."`
	Limits        []schema.Rate  `json:"limits" max:"8" doc:"Several rates in place of one: a request passes when all of them have room, and uses up none if one has not."`
	Burst         *int64         `json:"burst" min:"1" doc:"How many requests may come at once after a rest; as many as the rate has when it is not given. For algorithm gcra with one rate."`
	Per           per.Key        `json:"per" default:"ip" doc:"What is counted apart: ip (an IPv6 client is its /64), consumer, subject, route, header:NAME or an expression. Requests that have no such value count by ip, apart from those that have."`
	Cost          Cost           `json:"cost" default:"" doc:"An expression for what a request costs, 1 if it is not given; parts are rounded up, and 0 always passes."`
	Algorithm     string         `json:"algorithm" enum:"gcra,sliding_window,fixed_window" default:"gcra" doc:"How it is counted: gcra refills steadily, sliding_window weighs the last period into this one, fixed_window starts anew with each."`
	OnLimit       string         `json:"on_limit" enum:"reject,delay" default:"reject" doc:"Whether a request over the limit is refused with 429 or held back until there is room."`
	MaxDelay      *time.Duration `json:"max_delay" min:"1ms" max:"5m" doc:"How long on_limit: delay holds a request back before it is refused after all; 1s when it is not given."`
	DryRun        bool           `json:"dry_run" doc:"Counts what would be refused, as reason dry_run of the metric sallyport_policy_denials_total, and lets it pass untold."`
	Scope         string         `json:"scope" enum:"local,cluster" default:"local" doc:"Whether each gateway counts for itself or all of them together."`
	OnStoreError  string         `json:"on_store_error" enum:"local,allow,deny" default:"" doc:"What happens while the counters of scope cluster cannot be reached; the counters of scope local always can."`
	LegacyHeaders bool           `json:"legacy_headers" doc:"Adds X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset (in seconds) to the answers."`
}

// defaultDelay is max_delay when it is not given.
const defaultDelay = time.Second

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	switch {
	case c.Rate == nil && len(c.Limits) == 0:
		errs = append(errs, errors.New("it limits nothing; give rate or limits"))
	case c.Rate != nil && len(c.Limits) > 0:
		wrong("limits", "rate is given as well; put all rates into limits")
	}
	for i, r := range c.Limits {
		for _, other := range c.Limits[:i] {
			if r.Per == other.Per {
				wrong(fmt.Sprintf("limits[%d]", i), "%v and %v are for the same time; keep the smaller one", other, r)
			}
		}
	}
	switch {
	case c.Burst != nil && c.Algorithm != "gcra":
		wrong("burst", "only the algorithm gcra knows a burst, %s does not", c.Algorithm)
	case c.Burst != nil && len(c.Limits) > 0:
		wrong("burst", "a burst belongs to rate; among limits, the rate for the shortest time bounds it")
	}
	if c.MaxDelay != nil && c.OnLimit != "delay" {
		wrong("max_delay", "it has no effect without on_limit: delay")
	}
	if c.Scope == "cluster" {
		wrong("scope", "not yet: gateways that count together need a shared state, which comes with a later version")
	}
	return errors.Join(errs...)
}

func (c *Config) rates() []schema.Rate {
	if c.Rate != nil {
		return []schema.Rate{*c.Rate}
	}
	return c.Limits
}

func (c *Config) maxDelay() time.Duration {
	switch {
	case c.OnLimit != "delay":
		return 0
	case c.MaxDelay == nil:
		return defaultDelay
	}
	return *c.MaxDelay
}

var algorithms = map[string]store.Algorithm{"gcra": store.GCRA, "sliding_window": store.SlidingWindow, "fixed_window": store.FixedWindow}

func (c *Config) limits() store.Limits {
	l := store.Limits{Algorithm: algorithms[c.Algorithm]}
	for _, r := range c.rates() {
		l.List = append(l.List, store.Limit{Count: r.N, Period: r.Per})
	}
	if c.Burst != nil {
		l.List[0].Burst = *c.Burst
	}
	return l
}

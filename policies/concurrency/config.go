package concurrency

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
	Max      *int    `json:"max" short:"true" min:"1" max:"1000000" doc:"How many requests may be under way at once, each until the last byte of its answer went out; with adaptive the most that the limit may become, and 1000 when it is not given."`
	Queue    Queue   `json:"queue" doc:"Who waits when the limit is reached; nobody when it is not given."`
	Adaptive bool    `json:"adaptive" doc:"Finds the limit itself: it grows while answers begin as soon as they do without load, and shrinks when they begin later."`
	Min      *int    `json:"min" min:"1" max:"1000000" doc:"The least that an adaptive limit may become; 4 when it is not given, or max if that is less."`
	Per      per.Key `json:"per" default:"route" doc:"What has a limit of its own: route, ip (an IPv6 client is its /64), consumer, subject, header:NAME or an expression, such as api.name for all routes of an api together. Requests that have no such value count by ip, apart from those that have."`
	DryRun   bool    `json:"dry_run" doc:"Counts what would be refused or have to wait, as reason dry_run of the metric sallyport_policy_denials_total, and lets it pass."`
}

// Queue is who waits.
type Queue struct {
	Size    int           `json:"size" short:"true" default:"0" min:"0" max:"100000" doc:"How many requests may wait at once, for each limit; further ones are refused."`
	MaxWait time.Duration `json:"max_wait" default:"100ms" min:"1ms" max:"1m" doc:"How long each waits before it is refused after all."`
}

// Bounds of an adaptive limit that are not given.
const (
	defaultMax = 1000
	defaultMin = 4
)

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	switch {
	case c.Max == nil && !c.Adaptive:
		errs = append(errs, errors.New("it limits nothing; give max, or adaptive: true"))
	case c.Min != nil && !c.Adaptive:
		wrong("min", "it has no effect without adaptive: true")
	case c.Min != nil && *c.Min > c.most():
		wrong("min", "it is more than max, which is %d", c.most())
	}
	if c.Adaptive && c.Per.Is() != "route" {
		wrong("adaptive", "it learns how much the backend of a route can take, so it is for per: route; for clients apart add a second concurrency with max")
	}
	return errors.Join(errs...)
}

func (c *Config) most() int {
	if c.Max == nil {
		return defaultMax
	}
	return *c.Max
}

func (c *Config) bound() store.Bound {
	b := store.Bound{Most: c.most(), Least: min(defaultMin, c.most()), Adaptive: c.Adaptive, Queue: c.Queue.Size, Patience: c.Queue.MaxWait}
	if c.Min != nil {
		b.Least = *c.Min
	}
	return b
}

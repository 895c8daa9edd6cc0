package balance

import (
	"errors"
	"time"

	"sallyport/schema"
)

// This file is the setting hedge: when a call is sent to a second target as well.

// Hedge is when a call that takes long is sent to another target as well.
type Hedge struct {
	After After `json:"after" short:"true" doc:"How long the first target may take until the head of its answer is there; p95 is as long as 95 of 100 answers of the last seconds took at most. Then the call goes to a second target as well, the first answer counts, and the other call is ended. Only GET, HEAD and OPTIONS without a body, and within retry.budget."`
	Max   int   `json:"max" default:"1" min:"1" max:"3" doc:"Further targets that one call may go to so, each after another such time."`
}

// An After is a time, or p95.
type After struct {
	percentile bool
	time       time.Duration
}

// UnmarshalText reads a duration or p95.
func (a *After) UnmarshalText(text []byte) error {
	if string(text) == "p95" {
		a.percentile = true
		return nil
	}
	d, err := schema.ParseDuration(string(text))
	if err != nil || d < time.Millisecond {
		return errors.New("write a time of at least 1ms, such as 50ms, or p95")
	}
	a.time = d
	return nil
}

// A hedging is the setting, ready for use. The zero value is none.
type hedging struct {
	on      bool
	after   time.Duration // 0 for the percentile
	max     int
	answers *answers // nil with a time
}

func (h *Hedge) compile(l *lasting) hedging {
	if h == nil {
		return hedging{}
	}
	if h.After.percentile && l.answers == nil {
		l.answers = new(answers)
	}
	c := hedging{on: true, after: h.After.time, max: h.Max}
	if h.After.percentile {
		c.answers = l.answers
	}
	return c
}

// wait is how long the first target has, 0 while that is unknown.
func (h *hedging) wait() time.Duration {
	if h.answers == nil {
		return h.after
	}
	p := time.Duration(h.answers.percent.Load())
	if p > 0 {
		p = max(p, time.Millisecond)
	}
	return p
}

// mayHedge says whether the call may go to several targets at once. A call that changes something may not, whatever its method
// promises: the one that lost could arrive late, and undo what came after it.
func (u *Upstream) mayHedge(s *sending) bool {
	c := s.c
	safe := c.Method == "GET" || c.Method == "HEAD" || c.Method == "OPTIONS"
	return safe && c.Body == nil && c.Upgrade == "" && len(s.r.targets) > 1 && u.hedge.wait() > 0
}

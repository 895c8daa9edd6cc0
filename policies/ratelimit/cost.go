package ratelimit

import (
	"math"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
)

// A Cost is the setting cost.
type Cost struct{ expr.Quantity }

// of returns what x costs. What cannot be told is not let through.
func (c *Cost) of(x *policy.Exchange) (int64, error) {
	if c.IsZero() {
		return 1, nil
	}
	cost, err := c.Number(x)
	if err == nil {
		if n, ok := whole(cost); ok {
			return n, nil
		}
	}
	return 0, problem.BadRequest.New("What the request costs cannot be told from it.").Because(err)
}

// whole rounds a cost up. One that no limit can hold stays one that no limit can hold.
func whole(cost float64) (n int64, ok bool) {
	if math.IsNaN(cost) || cost < 0 {
		return 0, false
	}
	return int64(math.Ceil(min(cost, 1<<53))), true
}

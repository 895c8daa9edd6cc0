package authorize

import (
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

// A told is what a dry run tells the log, once a second at most: the metric counts them all.
type told struct {
	last atomic.Int64 // when, in nanoseconds since 1970
}

func (t *told) tell(x *policy.Exchange, refused *problem.Problem) {
	now, last := x.Start.UnixNano(), t.last.Load()
	if now-last < int64(time.Second) || !t.last.CompareAndSwap(last, now) {
		return
	}
	x.Log.Info("authorize would refuse a request", "id", x.ID, "route", x.Route, "problem", refused.Name, "cause", refused.Unwrap())
}

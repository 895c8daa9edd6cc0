package policy

import (
	"time"

	"sallyport/problem"
	"sallyport/wire"
)

// Pause holds the request back for d. It ends early, with an error for the client, when the client goes away or the time that
// the answer has to begin in is over.
func (x *Exchange) Pause(d time.Duration) error {
	_, err := x.Await(nil, d)
	return err
}

// Await waits until ready is closed, but not longer than d; came says that it was. Like Pause it ends early with an error.
func (x *Exchange) Await(ready <-chan struct{}, d time.Duration) (came bool, err error) {
	late := false
	if !x.Deadline.IsZero() {
		if left := time.Until(x.Deadline); left < d {
			d, late = left, true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	var gone chan struct{}
	if c := x.Request.Conn; c != nil && c.Watch != nil {
		gone = make(chan struct{})
		defer c.Watch(func() { close(gone) })()
	}
	select {
	case <-ready:
		return true, nil
	case <-gone:
		return false, problem.BadRequest.New("The client went away.").Because(wire.ErrClientGone)
	case <-timer.C:
		if late {
			return false, problem.UpstreamOut.New("The time for the request was used up before it was sent.")
		}
		return false, nil
	}
}

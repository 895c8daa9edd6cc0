package balance

import (
	"math/rand/v2"
	"strconv"
	"time"

	"sallyport/telemetry"
	"sallyport/wire"
)

// This file decides after each try whether there is another one, and where.

// again says whether the call is made again after it failed, or was answered resp, and where. Once it says so resp is gone.
func (u *Upstream) again(s *sending, p pick, resp *wire.Response, failed *wire.CallError) (pick, bool) {
	if failed != nil && unsent(failed) {
		return u.elsewhere(s, p, failed)
	}
	why, told := u.reason(s, resp, failed)
	switch {
	case why == telemetry.NoRetry, s.again >= s.retry.attempts, !s.retry.method(s.c.Method), !s.body.whole:
		return pick{}, false
	case len(s.r.targets) == 1 && asksToWait(resp):
		return pick{}, false
	case !u.spend():
		return pick{}, false
	}
	if !s.pause(s.retry.pause(s.again)) {
		return pick{}, false
	}
	now := u.registry.clock(time.Now())
	next := u.another(s, p, now)
	if next.target == nil || next.target == p.target && asksToWait(resp) {
		next.giveBack()
		return pick{}, false
	}
	if resp != nil {
		discard(resp)
	}
	s.body.rewind(s.c)
	s.again++
	u.told(s, why, told)
	return next, true
}

// told makes a retry known.
func (u *Upstream) told(s *sending, why telemetry.Retry, text string) {
	s.x.Retried = text
	u.counts.Retried(why)
}

// elsewhere is again for a call of which nothing was sent to p. It may go on to any target in service that it has not been to,
// whatever the budget says. Those that are out are asked within the budget only.
func (u *Upstream) elsewhere(s *sending, p pick, failed *wire.CallError) (pick, bool) {
	if s.last == nil || s.last.Op != wire.OpQueue { // that one target is overloaded tells more than that another is down
		s.last = failed
	}
	if s.x.Waited >= slowConnect {
		s.been.waits++
	}
	s.been.add(p.target)
	if !s.retry.words[connectFailure] {
		return pick{}, false
	}
	next := u.pick(s.r, u.registry.clock(time.Now()), &s.been)
	switch {
	case next.target == nil:
		return pick{}, false
	case next.in():
		u.budget.charge()
	case !u.spend():
		next.giveBack()
		return pick{}, false
	}
	why, text := telemetry.RetryConnect, connectFailure
	if failed.Op == wire.OpQueue {
		why, text = telemetry.RetryQueue, "queue"
	}
	u.told(s, why, text)
	return next, true
}

// another picks the target of a retry after p: another one that is in service, or due to be looked at, and p's once more when there is none.
func (u *Upstream) another(s *sending, p pick, now int64) pick {
	s.been.add(p.target)
	next := u.pick(s.r, now, &s.been)
	if next.target != nil && (next.in() || next.offer&probe != 0) {
		return next
	}
	others := s.been
	others.drop(p.target)
	return u.pick(s.r, now, &others)
}

// reason says what about a try may lead to another, and how it is told.
func (u *Upstream) reason(s *sending, resp *wire.Response, failed *wire.CallError) (telemetry.Retry, string) {
	switch {
	case failed == nil:
		return telemetry.RetryStatus, strconv.Itoa(resp.Status)
	case (failed.Op == wire.OpRead || failed.Op == wire.OpWrite) && !failed.Began && s.retry.words[reset]:
		return telemetry.RetryReset, reset
	case failed.Op == wire.OpTimeout && (s.retry.words[timeout] || s.tryOver()):
		return telemetry.RetryTimeout, timeout
	}
	return telemetry.NoRetry, ""
}

// tryOver says whether it was the time for one try that ended it.
func (s *sending) tryOver() bool {
	by := s.c.HeadBy
	return !by.IsZero() && by != s.headBy && by != s.x.Deadline && !time.Now().Before(by)
}

// spend asks the budget for one more call.
func (u *Upstream) spend() bool {
	if u.budget.spend(u.registry.clock(time.Now()), u.settings.Retry.Budget) {
		return true
	}
	u.counts.Exhausted()
	return false
}

// asksToWait says whether a target told when to come back. That speaks for itself alone: others may be asked at once. No client
// waits here for as long as whole seconds.
func asksToWait(resp *wire.Response) bool {
	if resp == nil {
		return false
	}
	after := resp.Header.Known(wire.RetryAfter)
	return after != "" && after != "0"
}

// pause is how long to wait before a retry, when there were n before: by chance, so that calls that failed together do not come
// back together.
func (r *retrying) pause(n int) time.Duration {
	most := min(r.backoff<<n, 10*r.backoff)
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// pause waits. It returns false when the client goes away meanwhile, or the time for the call would be over.
func (s *sending) pause(wait time.Duration) bool {
	until := time.Now().Add(wait)
	for _, by := range []time.Time{s.x.Deadline, s.c.Deadline, s.headBy} {
		if !by.IsZero() && !until.Before(by) {
			return false
		}
	}
	if wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	gone := make(chan struct{})
	stop := s.watch(func() { close(gone) })
	defer stop()
	select {
	case <-t.C:
		return true
	case <-gone:
		return false
	}
}

// discard throws a response away. Its connection can be used again when the body is here already.
func discard(resp *wire.Response) {
	if b, ok := resp.Body.(interface{ Buffered() int }); ok {
		var room [2 << 10]byte
		for n := 0; n < 64<<10 && b.Buffered() > 0; {
			got, err := resp.Body.Read(room[:])
			if n += got; err != nil {
				break
			}
		}
	}
	resp.Close()
}

// failing says whether an answer of that status speaks against its target. 501 and 505 speak of the request.
func failing(status int) bool { return status >= 500 && status != 501 && status != 505 }

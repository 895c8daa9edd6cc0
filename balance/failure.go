package balance

import (
	"errors"
	"math"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"sallyport/problem"
	"sallyport/wire"
)

// This file says what the client is told of a call that failed. Addresses are in the causes only.

var (
	broken   = problem.Define("upstream_failed", 502, "Upstream failed", "No connection could be made to the upstream, or it broke the connection or the rules of HTTP; the log tells which under the request's id.")
	shut     = problem.Define("circuit_open", 503, "Circuit open", "So many calls to the upstream failed that none is made for a while; Retry-After says when the next one is let through.")
	noTarget = problem.Define("no_healthy_target", 503, "No healthy target", "No target of the upstream can be reached; the gateway keeps looking and the upstream is used again as soon as one is back.")
)

// failure makes a problem of a try that another target cannot make good.
func failure(err *wire.CallError) error {
	switch err.Op {
	case wire.OpRequest:
		return clientFailure(err)
	case wire.OpTimeout:
		return problem.UpstreamOut.Wrap(err)
	case wire.OpQueue:
		return problem.Overloaded.New("The upstream has no connection free.").With("Retry-After", "1").Because(err)
	case wire.OpConnect:
		if refusesCertificate(err) {
			return broken.New("The upstream cannot be trusted: its certificate is not the one to expect.").Because(err)
		}
		return broken.New("The upstream cannot be reached.").Because(err)
	case wire.OpProtocol:
		return broken.New("The upstream's answer breaks the rules of HTTP.").Because(err)
	}
	return broken.New("The upstream broke the connection.").Because(err)
}

// clientFailure makes a problem of what went wrong on the client's side, which is never the upstream's fault.
func clientFailure(err *wire.CallError) error {
	var fault *wire.Fault
	errors.As(err, &fault)
	switch {
	case errors.Is(err, wire.ErrBodyTooLarge), fault != nil && fault.Status == problem.BodyTooBig.Status:
		return problem.BodyTooBig.Wrap(err)
	case fault != nil && fault.Status == problem.RequestSlow.Status, timedOut(err):
		return problem.RequestSlow.New("The body did not come in time.").Because(err)
	case fault != nil:
		return problem.BadRequest.New("%s", fault.Reason).Because(err)
	case errors.Is(err, wire.ErrClientGone): // or closed its side only, and may read this
		return problem.BadRequest.New("The client closed its side of the connection.").Because(err)
	}
	return problem.BadRequest.New("The body ended too early.").Because(err)
}

// nobody is the problem of a call that no target is left for; last is the try to tell of, nil when there was none.
func (u *Upstream) nobody(r *roster, now time.Time, last *wire.CallError) error {
	if last != nil && (len(r.targets) == 1 || r.anyServes()) {
		return failure(last) // not all are out or drained, or the only one was tried all the same
	}
	if wait := r.circuits(u.registry.clock(now)); wait > 0 && last == nil {
		return shut.New("The upstream gets no calls for a while, since too many have failed.").With("Retry-After", strconv.Itoa(wait))
	}
	p := noTarget.New("No target of the upstream can be reached.")
	if last != nil {
		p.Because(last)
	}
	return p.With("Retry-After", strconv.Itoa(r.retryAfter(u.registry.clock(now))))
}

// retryAfter is in how many seconds a target is looked at again, at least 1.
func (r *roster) retryAfter(now int64) int {
	soonest := int64(time.Second) // when there is no target at all
	if len(r.targets) > 0 {
		soonest = math.MaxInt64
	}
	for _, t := range r.targets {
		soonest = min(soonest, t.out.Load()-now)
	}
	return max(1, int(math.Ceil(time.Duration(soonest).Seconds())))
}

// late is the problem of a request whose time is used up before a target had it.
func late(last *wire.CallError) error {
	if last == nil {
		return problem.UpstreamOut.New("The time for the request was used up before it was sent.")
	}
	return problem.UpstreamOut.Wrap(last)
}

// ownFault says whether no connection could be made for want of something here: no target's fault.
func ownFault(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

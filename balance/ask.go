package balance

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"sallyport/telemetry"
	"sallyport/wire"
)

// This file is one health check on the wire. Each makes a connection of its own: one that was open before would not show that a target
// has ceased to take new ones, and the pool may be full just when it matters.

// host is the Host that a check of t sends.
func (h *Health) host(t *target) string {
	for name, value := range h.Headers {
		if wire.NameOf(name) == wire.Host {
			return value
		}
	}
	if fixed := t.home.upstream.host.name; fixed != "" {
		return fixed
	}
	return t.host
}

// ask makes one check.
func (c *check) ask(start time.Time) error {
	deadline := start.Add(c.settings.Timeout)
	if c.settings.TCP {
		conn, err := c.registry.dialer(c.key, "")(deadline)
		if err != nil {
			return &wire.CallError{Op: wire.OpConnect, Err: err}
		}
		return conn.Close()
	}
	if c.settings.GRPC.on {
		return c.askGRPC(start)
	}
	pool := c.registry.connect(c.key)
	defer pool.Close()
	resp, err := pool.Do(&wire.Call{
		Method: c.settings.Method, Target: c.settings.Path, Host: c.host, Header: c.settings.header(),
		Start: start, Deadline: deadline, Connect: c.settings.Timeout,
	})
	if err != nil {
		return err
	}
	defer resp.Close()
	if !c.settings.expects(resp.Status) {
		return answerError(fmt.Sprintf("the status is %d", resp.Status))
	}
	if resp.Body != nil { // so that the target need not see its answer cut off; whether it ends does not matter
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostOfAnswer))
	}
	return nil
}

// mostOfAnswer is how much of an answer's body is read.
const mostOfAnswer = 64 << 10

// header is what a check sends.
func (h *Health) header() *wire.Header {
	var header wire.Header
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		if wire.NameOf(name) != wire.Host {
			header.Add(name, h.Headers[name])
		}
	}
	if !header.HasKnown(wire.UserAgent) {
		header.SetKnown(wire.UserAgent, "sallyport-health")
	}
	return &header
}

// An answerError says in which way an answer is not what is expected.
type answerError string

func (e answerError) Error() string { return string(e) }

// outcomeOf sorts an error of ask.
func outcomeOf(err error) telemetry.CheckOutcome {
	var wrong answerError
	var failed *wire.CallError
	switch {
	case err == nil:
		return telemetry.CheckPassed
	case errors.As(err, &wrong):
		return telemetry.CheckAnswer
	case timedOut(err):
		return telemetry.CheckTimeout
	case errors.As(err, &failed) && failed.Op == wire.OpConnect:
		return telemetry.CheckConnect
	}
	return telemetry.CheckBroken
}

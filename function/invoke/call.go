package invoke

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sallyport/function"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is one call, from the event to the answer.

// Bounds of what is sent and read.
const (
	maxEvent  = 6 << 20  // that Lambda takes
	maxResult = 16 << 20 // as of functions that run here
	maxSaid   = 64 << 10 // of what is no result
)

// connectTime is how long a connection may take.
const connectTime = 5 * time.Second

// A call is one under way.
type call struct {
	f     *Function
	x     *policy.Exchange
	id    string // of the request
	aws   string // what Amazon calls the call, once it has answered
	began time.Time
	conn  wire.Conn
	from  wire.Request
	to    wire.Call
	h     wire.Header
}

var errTooLarge = errors.New("the function's result is larger than 16 MiB")

// Ask implements function.Answerer. When the client goes away the call ends, and the function ends what it began without anybody to hear of it.
func (f *Function) Ask(x *policy.Exchange, c function.Call) (a function.Answer, err error) {
	f.counts.calls.Add(1)
	if len(c.Event) > maxEvent {
		return a, problem.BodyTooBig.New("A function in AWS takes 6 MiB at most, with all that its event says of the request.")
	}
	q := &call{f: f, x: x, id: c.ID, began: time.Now()}
	if err := q.ready(); err != nil {
		return a, err
	}
	q.fill(c)
	if err := f.credentials.Sign(&q.to, c.Event, "lambda"); err != nil {
		f.counts.refused.Add(1)
		return a, problem.Internal.Wrap(err)
	}
	x.Target, x.Tries = f.host, 1
	sent := time.Now()
	resp, err := f.pool.Do(&q.to)
	x.Waited = time.Since(sent)
	if err != nil {
		return a, q.failed(err)
	}
	return q.read(resp)
}

// ready waits until it is known whether there are credentials.
func (q *call) ready() error {
	known := q.f.credentials.Ready()
	select {
	case <-known:
		return nil
	default:
	}
	if came, err := q.x.Await(known, q.f.timeout); err != nil || came {
		return err
	}
	q.f.counts.refused.Add(1)
	return problem.Internal.Wrap(errors.New("credentials for AWS were looked for all the time that the call had"))
}

// fill makes the request.
func (q *call) fill(c function.Call) {
	q.h.Add("Content-Type", "application/json")
	q.h.Add("User-Agent", "sallyport")
	q.h.Add("X-Amz-Invocation-Type", "RequestResponse")
	if q.f.tells() {
		q.h.Add("X-Amz-Log-Type", "Tail")
	}
	if c.Trace != "" {
		q.h.Add("X-Amzn-Trace-Id", c.Trace)
	}
	q.from = wire.Request{Method: "POST", Conn: &q.conn} // not the client's: what it waits for is another's business, that it goes is ours
	if conn := q.x.Request.Conn; conn != nil {
		q.conn.Watch = conn.Watch
	}
	q.to = wire.Call{
		Method: "POST", Target: q.f.path, Host: q.f.host, Header: &q.h, Body: wire.BytesBody(c.Event), Length: int64(len(c.Event)),
		Request: &q.from, Deadline: q.began.Add(q.f.timeout), HeadBy: q.x.Deadline, Connect: connectTime,
	}
}

// tells says whether what functions write is wanted.
func (f *Function) tells() bool {
	return f.registry.o.Log.Enabled(context.Background(), slog.LevelDebug)
}

// failed is what comes of a call without an answer.
func (q *call) failed(err error) error {
	var failed *wire.CallError
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Op {
	case wire.OpRequest:
		return left(err)
	case wire.OpTimeout:
		return q.late()
	case wire.OpQueue:
		q.f.counts.throttled.Add(1)
		return problem.Overloaded.New("As many calls of the function are under way as may be.").With("Retry-After", "1").Because(err)
	}
	q.f.counts.unreached.Add(1)
	return fmt.Errorf("calling the function %s in AWS: %w", q.f.name, err)
}

// left is for a client that is gone, which is nobody's failure.
func left(err error) error {
	return problem.BadRequest.New("The client closed its side of the connection.").Because(err)
}

// late is for a call whose time is over.
func (q *call) late() error {
	q.f.counts.timeouts.Add(1)
	q.f.registry.o.Log.Warn("a function took too long", "function", q.f.name, "id", q.id, "timeout", q.f.timeout.String())
	return function.ErrTimeout
}

// read makes an answer of what Amazon said.
func (q *call) read(resp *wire.Response) (a function.Answer, err error) {
	q.aws = resp.Header.Get("X-Amzn-Requestid")
	wrong := resp.Header.Get("X-Amz-Function-Error")
	switch {
	case resp.Status != 200:
		defer resp.Close()
		return a, q.refused(resp)
	case q.f.aws.Stream && wrong == "":
		return q.stream(resp)
	}
	defer resp.Close()
	q.tail(resp.Header.Get("X-Amz-Log-Result"))
	if a.Result, err = policy.ReadAll(resp.Body, resp.Length, maxResult); err != nil {
		return function.Answer{}, q.cut(err)
	}
	if wrong != "" {
		return function.Answer{}, q.wrong(a.Result, wrong)
	}
	return a, nil
}

// cut is what comes of a result that does not come to its end.
func (q *call) cut(err error) error {
	switch {
	case errors.Is(err, policy.ErrTooLarge), errors.Is(err, errTooLarge):
		q.f.counts.errors.Add(1)
		return errTooLarge
	case errors.Is(err, wire.ErrClientGone):
		return left(err)
	case !time.Now().Before(q.to.Deadline):
		return q.late()
	}
	q.f.counts.unreached.Add(1)
	return fmt.Errorf("reading what the function %s in AWS returned: %w", q.f.name, err)
}

// wrong is an error that the function itself ended with.
func (q *call) wrong(text []byte, kind string) error {
	w := function.ReadFailure(text, kind)
	if w.Message == "" {
		w.Message = string(text[:min(len(text), 2000)])
	}
	n := &q.f.counts.errors
	timedOut := w.Type == "Sandbox.Timedout" || strings.Contains(w.Message, "Task timed out after ")
	switch {
	case timedOut:
		n = &q.f.counts.timeouts
	case w.Type == "Runtime.ExitError", w.Type == "Runtime.OutOfMemory", strings.Contains(w.Message, "RequestId: ") && strings.Contains(w.Message, "exited"):
		n = &q.f.counts.crashes
	}
	n.Add(1)
	q.f.registry.o.Log.Error("a function failed", "function", q.f.name, "id", q.id, "aws_id", q.aws, "type", w.Type, "error", w.Message, "said", string(text[:min(len(text), 8<<10)]))
	if timedOut {
		return fmt.Errorf("%w: %w", function.ErrTimeout, w)
	}
	return w
}

// tail tells what the function wrote last.
func (q *call) tail(encoded string) {
	if encoded == "" || !q.f.tells() {
		return
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return // nothing rests on it
	}
	for line := range strings.Lines(string(text)) {
		q.f.registry.o.Log.Debug("a function says", "function", q.f.name, "id", q.id, "aws_id", q.aws, "line", strings.TrimRight(line, "\r\n"))
	}
}

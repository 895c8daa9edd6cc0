package function

import (
	"io"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

// This file is what a backend knows of functions, wherever they run.

// An Answerer answers events: a Function in processes of the gateway, or one that runs elsewhere.
type Answerer interface {
	// Name returns the name in the document.
	Name() string
	// Ask has it answer the event of the request of x, waiting until it has. An error is a problem, ErrTimeout, ErrBusy, ErrClosed, or
	// something else that is the function's.
	Ask(x *policy.Exchange, c Call) (Answer, error)
	// Malformed counts an answer that turned out to be no response.
	Malformed()
	// Facts say where it runs, for explain.
	Facts() []policy.Fact
}

// An Answer is what a function returned.
type Answer struct {
	Result []byte
	Stream io.ReadCloser // of a result that comes in parts, nil for one that is whole; who has it closes it
	Kind   string        // content type of the stream, "" when nobody said
}

// slack is how much later than the function's time is over somebody has to have noticed.
const slack = 10 * time.Second

// Ask implements Answerer. A client that goes away leaves the function to end what it began.
func (f *Function) Ask(x *policy.Exchange, c Call) (a Answer, err error) {
	v, err := f.Begin(c)
	if err != nil {
		return a, err
	}
	if err := f.await(x, v); err != nil {
		return a, err
	}
	a.Result, a.Stream, a.Kind, err = v.Result()
	return a, err
}

// await waits until the call is done.
func (f *Function) await(x *policy.Exchange, v *Invocation) error {
	came, err := x.Await(v.Started(), f.Patience())
	if came {
		came, err = x.Await(v.Done(), f.Timeout()+slack)
	}
	switch {
	case came:
		return nil
	case f.Abandon(v) && err == nil:
		return problem.Overloaded.New("No process of the function became free in time.")
	case err == nil:
		return ErrTimeout
	}
	return err
}

// Malformed implements Answerer.
func (f *Function) Malformed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Malformed++
}

// Facts implements Answerer.
func (f *Function) Facts() []policy.Fact { return nil }

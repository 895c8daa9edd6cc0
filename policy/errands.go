package policy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Errands are what is done beside requests and that no answer waits for, such as sending copies of them. The gateway owns them: it says
// how many there may be, and waits for them when it stops.
type Errands struct {
	most int
	log  *slog.Logger
	ctx  context.Context // ends when they have to
	end  context.CancelCauseFunc
	crew sync.WaitGroup

	mu     sync.Mutex // guards what follows
	n      int
	closed bool
}

var errStopping = errors.New("the gateway is stopping")

// NewErrands returns errands of which most can be under way.
func NewErrands(most int, log *slog.Logger) *Errands {
	e := &Errands{most: most, log: log}
	e.ctx, e.end = context.WithCancelCause(context.Background())
	return e
}

// Go does f on a goroutine of its own, unless there are too many already or the gateway stops: then it says so. f has to end soon after
// ctx has.
func (e *Errands) Go(f func(ctx context.Context)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.n >= e.most {
		return false
	}
	e.n++
	e.crew.Go(func() {
		defer e.done()
		f(e.ctx)
	})
	return true
}

// done ends one, also one that panicked: no request's failure, and no reason to end the process.
func (e *Errands) done() {
	if what := recover(); what != nil {
		e.log.Error("an errand panicked", "panic", fmt.Sprint(what), "stack", string(debug.Stack()))
	}
	e.mu.Lock()
	e.n--
	e.mu.Unlock()
}

// Close takes no further ones and waits until those under way have ended, which it makes them after patience.
func (e *Errands) Close(patience time.Duration) {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	timer := time.AfterFunc(max(patience, 0), func() { e.end(errStopping) })
	defer timer.Stop()
	e.crew.Wait()
	e.end(errStopping)
}

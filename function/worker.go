package function

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// This file is one process of a function, from its start to its end.

// A worker is a process. But for what is said otherwise, its fields are guarded by the function's mu.
type worker struct {
	f      *Function
	number uint64
	age    int
	work   chan *Invocation // from the function to the process's request for the next event; holds one
	over   chan struct{}    // closed once the process is to ask for nothing any more
	state  stage
	since  time.Time // when it answered, then when it began to idle
	asked  bool      // it has asked for a call: its start was good

	process Process     // nil before it runs
	current *Invocation // that the process has or is to get, nil for none or once it is answered
	latest  *Invocation // the same, also once it is answered
	handed  bool        // the process has it
	open    bool        // its answer is under way, in parts
	until   time.Time   // when it has to be answered
	timer   *time.Timer // for the start, then for each call
	why     error       // why it is made to end; nil when there is nothing wrong, or it ended by itself
	wrong   *Failure    // what it said of why its start failed
}

// A stage is where a worker is.
type stage int

const (
	starts stage = iota
	idles
	works
	ends // it gets nothing any more
)

func newWorker(f *Function, number uint64) *worker {
	w := &worker{f: f, number: number, age: f.age, work: make(chan *Invocation, 1), over: make(chan struct{})}
	w.timer = time.AfterFunc(f.config.Startup, func() { w.late(nil) })
	return w
}

// run starts the process and waits for its end.
func (w *worker) run() {
	f := w.f
	f.first.Do(f.reread)
	f.mu.Lock()
	w.age = f.age // it may get newer code than it is known to have, and never older
	gone := w.state == ends
	f.mu.Unlock()
	var err error
	if !gone {
		err = w.live()
	}
	f.mu.Lock()
	w.timer.Stop()
	why := w.why
	if why == nil && w.state != ends {
		why = w.crashed(err)
		f.registry.log.Warn("a process of a function ended", "function", f.name, "process", w.number, "why", why.Error())
	}
	w.stop()
	v := w.current
	if why == nil && v != nil {
		why = w.crashed(err)
	}
	if (v != nil || w.open) && why != ErrTimeout && why != ErrClosed {
		f.counts.Crashes++
	}
	if w.current = nil; v != nil {
		v.finish(why)
	}
	f.mu.Unlock()
	f.ended(w, why)
}

// live is the time from the start of the process to its end.
func (w *worker) live() error {
	f := w.f
	p, err := f.registry.host.Start(&Start{
		Name: f.name, Config: f.config, Command: f.config.command(), Env: f.environment(w.number), API: &api{w}, Output: w.output,
	})
	if err != nil {
		return fmt.Errorf("start a process of the function %s: %w", f.name, err)
	}
	f.mu.Lock()
	w.process = p
	if w.state == ends {
		p.Kill()
	}
	f.mu.Unlock()
	return p.Wait()
}

// crashed is why a process ended that was not made to.
func (w *worker) crashed(err error) error {
	switch {
	case w.wrong != nil:
		return w.wrong
	case err != nil:
		return fmt.Errorf("the function's process ended: %w", err)
	}
	return errors.New("the function's process ended")
}

// give hands a call to an idle process. The caller holds mu.
func (w *worker) give(v *Invocation) {
	w.state, w.current, w.latest, w.handed, w.until = works, v, v, false, time.Now().Add(w.f.config.Timeout)
	w.timer.Stop()
	w.timer = time.AfterFunc(w.f.config.Timeout, func() { w.late(v) })
	close(v.started)
	w.work <- v
}

// hand is called when the process is about to get v, and says until when it has to answer. If it does not hear any more, v is there when it
// asks again.
func (w *worker) hand(ctx context.Context, v *Invocation) (until time.Time, heard bool) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if ctx.Err() != nil {
		w.work <- v
		return time.Time{}, false
	}
	w.handed = true
	return w.until, true
}

// failStart takes down that the start failed. The process is about to end by itself, and ended if it does not.
func (w *worker) failStart(wrong *Failure) bool {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.state != starts {
		return false
	}
	w.wrong = wrong
	w.timer.Reset(min(grace, w.f.config.Startup))
	return true
}

// late ends a process that takes too long: for its start when v is nil, for v otherwise.
func (w *worker) late(v *Invocation) {
	f := w.f
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case v == nil && w.state == starts && w.wrong != nil:
		w.kill(w.wrong)
	case v == nil && w.state == starts:
		w.kill(fmt.Errorf("the function's process did not ask for an event within %v", f.config.Startup))
	case v != nil && w.state == works && (w.current == v || w.latest == v && w.open):
		f.counts.Timeouts++
		f.registry.log.Warn("a function took too long", "function", f.name, "id", v.ID, "process", w.number, "timeout", f.config.Timeout.String())
		w.kill(ErrTimeout)
	case v != nil && w.state == works && w.current == nil && w.latest == v:
		w.kill(errors.New("the function's process answered and did not ask for more in time"))
	}
}

// stop has the worker get nothing any more. The caller holds mu.
func (w *worker) stop() {
	if w.state != ends {
		w.state = ends
		close(w.over)
	}
	w.timer.Stop()
}

// end lets a process end that has nothing to do; it counts no more. The caller holds mu.
func (w *worker) end() {
	w.stop()
	delete(w.f.workers, w)
	if w.process != nil {
		w.process.End()
	}
}

// kill ends a process at once; whoever waits for it is told why. The caller holds mu.
func (w *worker) kill(why error) {
	if w.why == nil {
		w.why = why
	}
	w.stop()
	if w.process != nil {
		w.process.Kill()
	}
}

// answer ends the call that the process has, if that is the one of the id. set is called before whoever waits hears of it.
func (w *worker) answer(id string, set func(v *Invocation)) bool {
	f := w.f
	f.mu.Lock()
	defer f.mu.Unlock()
	v := w.current
	if v == nil || v.ID != id || !w.handed {
		return false
	}
	w.current, w.since = nil, time.Now()
	set(v)
	if v.err != nil {
		f.counts.Errors++
	}
	if v.left && v.stream != nil {
		_ = v.stream.Close()
	}
	close(v.done)
	return true
}

// complete is called once an answer in parts has come to its end.
func (w *worker) complete(failed bool) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.open, w.since = false, time.Now()
	if failed {
		w.f.counts.Errors++
	}
}

// finish ends a call without a result.
func (v *Invocation) finish(err error) {
	v.err = err
	close(v.done)
}

// output is a line that the process wrote.
func (w *worker) output(stream, line string) {
	f := w.f
	f.mu.Lock()
	id := ""
	if w.latest != nil { // what it wrote may come here after its answer
		id = w.latest.ID
	}
	f.mu.Unlock()
	f.registry.log.Info("a function says", "function", f.name, "id", id, "process", w.number, "stream", stream, "line", line)
}

package function

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// This file is the calls of one function: each waits until a process is free, which is started if there may be another.

// Why a call comes to nothing. All else is an error of the function.
var (
	ErrBusy    = errors.New("all processes of the function are busy, and as many calls wait as may")
	ErrTimeout = errors.New("the function took longer than its timeout")
	ErrClosed  = errors.New("the gateway is stopping")
)

// A Failure is an error that a function answered with.
type Failure struct {
	Type    string // "ValueError", "Runtime.ImportModuleError"; "" when it did not say
	Message string
}

func (f *Failure) Error() string {
	if f.Type == "" {
		return "the function failed: " + f.Message
	}
	return "the function failed: " + f.Type + ": " + f.Message
}

// A Call is one event for a function.
type Call struct {
	ID    string // of the request
	Trace string // as AWS X-Ray writes it, "" for none
	Event []byte
}

// An Invocation is a call under way.
type Invocation struct {
	Call
	started chan struct{} // closed once a process has it, or nobody will
	done    chan struct{} // closed once what follows is set
	err     error
	result  []byte
	stream  io.ReadCloser // of a result that comes in parts, else nil
	kind    string        // content type of the stream
	left    bool          // nobody waits for what comes of it; guarded by the function's mu
}

// Started is closed once a process has the call, or it has failed.
func (v *Invocation) Started() <-chan struct{} { return v.started }

// Done is closed once there is a result, or none will come.
func (v *Invocation) Done() <-chan struct{} { return v.done }

// Result is what came of the call; it may be asked for once Done is closed. Of a result that comes in parts, whoever asks closes the stream.
func (v *Invocation) Result() (result []byte, stream io.ReadCloser, kind string, err error) {
	return v.result, v.stream, v.kind, v.err
}

// A Function is what one entry of functions: means, with its processes.
type Function struct {
	registry *Registry
	name     string
	config   *Config
	sum      string
	first    sync.Once // looks at the code before there is a process

	mu      sync.Mutex // guards all that follows
	queue   []*Invocation
	held    int // bytes of the events in it
	workers map[*worker]bool
	idle    []*worker // that wait for a call, the last one used last
	state   state
	keeping bool   // the keeper runs
	hoping  bool   // calls wait for processes that have answered; fill is called again
	code    string // digest of the code that new processes get
	seen    string // the one that was seen last
	age     int    // counts the changes of the code; a process of an earlier age gets no more calls
	number  uint64 // counts processes
	failed  int    // starts in a row
	again   time.Time
	last    error // why the last start failed, nil once one succeeded
	counts  Status
}

// A state is what a function is to do.
type state int

const (
	dormant state = iota // nobody serves it yet
	serving
	retired // it ends once nothing is left to do
	closed
)

// Name returns the name in the document.
func (f *Function) Name() string { return f.name }

// Timeout is how long a call may take, Patience how long it may wait for a process.
func (f *Function) Timeout() time.Duration { return f.config.Timeout }

// Patience is how long a call may wait for a process.
func (f *Function) Patience() time.Duration { return f.config.Timeout + f.config.Startup }

// ARN is what the function is called in contexts.
func (f *Function) ARN() string { return f.arn() }

// Begin makes a call. It does not wait for anything.
func (f *Function) Begin(c Call) (*Invocation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == closed || !f.registry.join(f) {
		return nil, ErrClosed
	}
	v := &Invocation{Call: c, started: make(chan struct{}), done: make(chan struct{})}
	f.counts.Calls++
	if w := f.free(); w != nil {
		w.give(v)
		return v, nil
	}
	if len(f.workers) == 0 && time.Now().Before(f.again) {
		f.counts.Errors++
		return nil, fmt.Errorf("no process is started before %s, since the last one failed: %w", f.again.UTC().Format(time.RFC3339), f.last)
	}
	if len(f.queue) >= f.room() || len(f.queue) > 0 && f.held+len(c.Event) > maxHeld {
		return nil, ErrBusy
	}
	f.queue = append(f.queue, v)
	f.held += len(c.Event)
	f.fill()
	return v, nil
}

// maxHeld bounds the bytes of the events that wait for a process of one function.
const maxHeld = 64 << 20

// free takes the idle process that was used last, nil when there is none. The caller holds mu.
func (f *Function) free() *worker {
	n := len(f.idle)
	if n == 0 {
		return nil
	}
	w := f.idle[n-1]
	f.idle = f.idle[:n-1]
	return w
}

// Abandon takes a call back that no process has yet. It returns false when one has: then it takes its way, and nobody hears of it.
func (f *Function) Abandon(v *Invocation) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.queue, v); i >= 0 {
		f.queue = slices.Delete(f.queue, i, i+1)
		f.held -= len(v.Event)
		return true
	}
	if v.left = true; v.stream != nil {
		_ = v.stream.Close()
	}
	return false
}

// room is how many calls may wait, those for whom a process is started among them. The caller holds mu.
func (f *Function) room() int {
	starting, returning := f.coming()
	room := f.config.MaxPending + starting + returning
	if f.mayStart() {
		room += f.config.Concurrency - len(f.workers)
	}
	return room
}

// coming counts the processes that have not asked for a call yet, and those that have answered one and are about to ask. The caller holds mu.
func (f *Function) coming() (starting, returning int) {
	for w := range f.workers {
		switch {
		case w.state == starts:
			starting++
		case w.state == works && w.current == nil && !w.open && time.Since(w.since) < back:
			returning++
		}
	}
	return starting, returning
}

// back is how long a process that has answered is expected to take until it asks for more.
const back = 50 * time.Millisecond

// fill starts processes for the calls that wait, but for those that are coming. The caller holds mu.
func (f *Function) fill() {
	starting, returning := f.coming()
	for ; starting+returning < len(f.queue) && len(f.workers) < f.config.Concurrency && f.mayStart(); starting++ {
		f.start()
	}
	if returning > 0 && starting < len(f.queue) && !f.hoping {
		f.hoping = true
		time.AfterFunc(back, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.hoping = false
			f.fill()
		})
	}
}

func (f *Function) mayStart() bool { return f.state != closed && !time.Now().Before(f.again) }

// start starts a process. The caller holds mu.
func (f *Function) start() {
	f.number++
	f.counts.Starts++
	w := newWorker(f, f.number)
	f.workers[w] = true
	f.registry.crew.Go(w.run)
	f.keep()
}

// ready is called by a process that wants a call.
func (f *Function) ready(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.state == starts {
		f.failed, f.last, f.again, w.wrong = 0, nil, time.Time{}, nil
	}
	switch {
	case w.state == ends:
		return
	case w.state == idles, w.current != nil && !w.handed:
		return // it asked before, and did not hear
	case w.current != nil:
		f.counts.Errors++
		w.current.finish(errors.New("the function asked for another event without an answer to the one it had"))
		w.current = nil
	}
	w.asked, w.state, w.since = true, idles, time.Now()
	switch {
	case f.state == closed, w.age != f.age, len(f.queue) == 0 && f.state == retired:
		w.end()
		f.fill()
	case len(f.queue) > 0:
		v := f.queue[0]
		f.queue = slices.Delete(f.queue, 0, 1)
		f.held -= len(v.Event)
		w.give(v)
	default:
		f.idle = append(f.idle, w)
	}
}

// The longest and the shortest time after a start that failed until another one.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 30 * time.Second
)

// ended is called once the process of w is no more. why is nil when the gateway wanted it to end.
func (f *Function) ended(w *worker, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.workers, w)
	f.idle = slices.DeleteFunc(f.idle, func(i *worker) bool { return i == w })
	if why != nil && why != ErrClosed && !w.asked {
		f.last = why
		f.counts.StartErrors++
		f.again = time.Now().Add(min(firstPause<<min(f.failed, 10), maxPause))
		f.failed++
		if len(f.workers) == 0 {
			f.failAll(why)
		}
	}
	f.fill()
}

// failAll ends the calls that wait. The caller holds mu.
func (f *Function) failAll(why error) {
	for _, v := range f.queue {
		if why != ErrClosed {
			f.counts.Errors++
		}
		v.err = why
		close(v.started)
		close(v.done)
	}
	f.queue, f.held = nil, 0
}

// serve has the function keep its processes ready.
func (f *Function) serve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == closed || !f.registry.join(f) {
		return
	}
	f.state = serving
	f.warm()
}

// warm starts the processes that there shall be in any case. The caller holds mu.
func (f *Function) warm() {
	for f.state == serving && len(f.workers) < f.config.Min && f.mayStart() {
		f.start()
	}
}

// retire has the function end once nothing is left to do.
func (f *Function) retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = retired
	for w := f.free(); w != nil; w = f.free() {
		w.end()
	}
	if len(f.workers) == 0 && len(f.queue) == 0 {
		f.registry.forget(f)
	}
}

// close ends everything at once.
func (f *Function) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = closed
	f.failAll(ErrClosed)
	for w := range f.workers {
		w.kill(ErrClosed)
	}
}

func (f *Function) status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.counts
	s.Name, s.Runtime, s.Processes, s.Idle, s.Waiting = f.name, f.config.Runtime, len(f.workers), len(f.idle), len(f.queue)
	if f.last != nil {
		s.LastError = f.last.Error()
	}
	return s
}

package function

import (
	"fmt"
	"io"
	"time"

	"sallyport/schema"
)

// This file is what is done beside calls: processes that nobody needs end, those that hold too much are killed, code that changed is noticed,
// and those that there shall be in any case are started again.

// every is how often that is looked at; code less often where looking takes long.
const every = time.Second

// keep has the keeper run. The caller holds mu.
func (f *Function) keep() {
	if !f.keeping {
		f.keeping = true
		f.registry.crew.Go(f.keeper)
	}
}

// keeper runs for as long as there is a process or shall be one.
func (f *Function) keeper() {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var due time.Time // the next look at the code
	for !f.stopped() {
		select {
		case <-f.registry.quit:
			return
		case now := <-tick.C:
			if !now.Before(due) {
				f.reread()
				due = now.Add(50 * time.Since(now))
			}
			f.look()
		}
	}
}

// stopped says whether nothing is left to keep; then the keeper has ended.
func (f *Function) stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.workers) > 0 || len(f.queue) > 0 && f.state != closed || f.state == serving && (f.config.Min > 0 || time.Now().Before(f.again)) {
		return false // the last of these: code that is mended is noticed before another start is due
	}
	f.keeping = false
	if f.state != serving {
		f.registry.forget(f)
	}
	return true
}

// look does what is to be done.
func (f *Function) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.workers {
		if w.process == nil || f.config.Memory == schema.Unlimited {
			continue
		}
		if held := w.process.Memory(); held > int64(f.config.Memory) {
			f.registry.log.Warn("a process of a function is killed, since it holds too much memory", "function", f.name, "process", w.number, "bytes", held)
			w.kill(fmt.Errorf("the function's process held %d bytes of memory, more than it may", held))
		}
	}
	for len(f.idle) > 0 && len(f.workers) > f.least() && time.Since(f.idle[0].since) > f.config.Idle {
		w := f.idle[0]
		f.idle = f.idle[1:]
		w.end()
	}
	f.fill()
	f.warm()
}

// least is how many processes there shall be in any case.
func (f *Function) least() int {
	if f.state == serving {
		return f.config.Min
	}
	return 0
}

// watchStream has a stream end with its process or its time.
func (w *worker) watchStream(to *io.PipeWriter) (stop func()) {
	done := make(chan struct{})
	w.f.registry.crew.Go(func() {
		select {
		case <-w.over:
			_ = to.CloseWithError(fmt.Errorf("the function's process ended within its answer"))
		case <-done:
		}
	})
	return func() { close(done) }
}

package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// This file runs what goes on beside requests for as long as something in service needs it, such as looking for newer lists.

// A tending owns the goroutines of plug.Env.Tend, one a name.
type tending struct {
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	ends   map[string]context.CancelFunc
	crew   sync.WaitGroup
	closed bool
}

// follow starts what is new in want and ends what is no longer in it; what is in both goes on.
func (t *tending) follow(want map[string]func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, end := range t.ends {
		if want[name] == nil {
			end()
			delete(t.ends, name)
		}
	}
	if t.closed {
		return
	}
	if t.ends == nil {
		t.ends = map[string]context.CancelFunc{}
	}
	for name, f := range want {
		if t.ends[name] != nil {
			continue
		}
		ctx, end := context.WithCancel(context.Background())
		t.ends[name] = end
		t.crew.Go(func() {
			defer t.ended(name)
			f(ctx)
		})
	}
}

// ended tells of a panic, which is no reason to end the process.
func (t *tending) ended(name string) {
	if what := recover(); what != nil {
		t.log.Error("what is tended beside requests panicked", "name", name, "panic", fmt.Sprint(what), "stack", string(debug.Stack()))
	}
}

// close ends all of it and waits a moment: a connection in the making cannot be interrupted.
func (t *tending) close() {
	t.mu.Lock()
	t.closed = true
	for name, end := range t.ends {
		end()
		delete(t.ends, name)
	}
	t.mu.Unlock()
	briefly(&t.crew)
}

package gateway

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// This file is a process's life: it starts, follows its files, does as signals say, and stops without losing a request.

// Run serves the document at path until ctx ends or a signal asks it to stop: SIGTERM and SIGINT end it once what is under way
// has ended, a second one at once; SIGHUP reads the document anew. A document that cannot be served at the start is
// the error, a schema.Errors; later ones change nothing.
func Run(ctx context.Context, path string, o Options) error {
	raiseFiles()
	memory := limitMemory("/")
	signals := o.Signals
	if signals == nil {
		own := make(chan os.Signal, 4)
		signal.Notify(own, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
		defer signal.Stop(own)
		signals = own
		signal.Ignore(syscall.SIGPIPE) // whoever reads the access log may go away; that is no reason to end
	}
	g := New(o)
	if err := g.Load(path); err != nil {
		g.Close()
		return err
	}
	if memory > 0 {
		g.log.Info("memory limit", "bytes", memory)
	}
	stop, err := g.openAdmin()
	if err != nil {
		g.Close()
		return err
	}
	defer stop()
	defer tidyMemory()()
	files := g.follow(path)
	if o.Serving != nil {
		o.Serving(g)
	}
	g.wait(ctx, path, signals)
	files()
	return g.end(signals)
}

// openAdmin opens the admin listener. One at the default address that is taken is no reason not to serve: nobody
// asked for it.
func (g *Gateway) openAdmin() (stop func(), err error) {
	a := &g.Document().Admin
	if g.o.Admin == nil || a.Off() {
		return func() {}, nil
	}
	stop, err = g.o.Admin(g, a.Address)
	switch {
	case err == nil:
		return stop, nil
	case a.Given:
		return nil, err
	}
	g.log.Warn("no admin listener: its default address cannot be had; set admin.address", "error", err)
	return func() {}, nil
}

// follow has the document read anew when its files change.
func (g *Gateway) follow(path string) (stop func()) {
	if g.o.NoWatch {
		return func() {}
	}
	w, err := watch(g.log, g.watched(), func() []string {
		g.reread(path)
		return g.watched()
	})
	if err != nil {
		g.log.Warn("the configuration's files cannot be watched; SIGHUP still reloads them", "error", err)
		return func() {}
	}
	return w.close
}

func (g *Gateway) watched() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last.watch
}

// wait does as signals say until one of them, or ctx, says stop.
func (g *Gateway) wait(ctx context.Context, path string, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s != syscall.SIGHUP {
				g.log.Info("stopping", "signal", s.String())
				return
			}
			if a := g.access.Load(); a != nil {
				if err := a.Reopen(); err != nil {
					g.log.Error("the access log stays where it was", "error", err)
				}
			}
			g.loud(g.Load(path))
		}
	}
}

// loud reports a document that was refused.
func (g *Gateway) loud(err error) {
	if err != nil {
		g.log.Error("the new configuration is refused, the one before stays in service", "error", err)
	}
}

// reread loads the document if something in it changed since it was last read, whether that was good or not.
func (g *Gateway) reread(path string) {
	g.loading.Lock()
	defer g.loading.Unlock()
	doc, b := g.read(path)
	g.mu.Lock()
	same := doc.Digest() == g.last.digest
	g.mu.Unlock()
	if same || g.draining.Load() {
		return
	}
	g.loud(g.put(b))
}

// end drains. A second signal cuts it short; the process is about to end, so nothing is waited for then.
func (g *Gateway) end(signals <-chan os.Signal) error {
	done := make(chan bool, 1)
	go func() { done <- g.Drain() }()
	for {
		select {
		case whole := <-done:
			if whole {
				g.log.Info("stopped")
			} else {
				g.log.Warn("stopped; requests that took longer than drain were cut short")
			}
			return nil
		case s := <-signals:
			if s != syscall.SIGHUP {
				g.log.Warn("stopped at once", "signal", s.String())
				return nil
			}
		}
	}
}

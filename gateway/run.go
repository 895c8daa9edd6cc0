package gateway

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"sallyport/process"
)

// This file is a process's life: it starts, follows its files, does as signals say, and stops without losing a request.

// A life is Run under way.
type life struct {
	g       *Gateway
	path    string
	signals <-chan os.Signal
	sockets *process.Sockets
	from    *process.Handover // nil unless the process takes over from another
	systemd *process.Notifier
	upgrade upgrade
	keeper  *keeper // nil without a data directory
	reloads sync.Mutex
	handed  bool // another process has taken over

	asked  chan struct{} // somebody wants the document read anew
	missed chan struct{} // it may have changed while it could not be

	upgrading bool   // another process may be about to; guarded by the gateway's loading
	watching  func() // stops following the files
}

// Run serves the document at path until ctx ends or a signal asks it to stop: SIGTERM and SIGINT end it once what is under way
// has ended, a second one at once; SIGHUP reads the document anew; SIGUSR2 has the program's file, as it is by then, take over.
// A document that cannot be served at the start is the error, a schema.Errors; later ones change nothing.
func Run(ctx context.Context, path string, o Options) error {
	raiseFiles()
	memory := limitMemory("/")
	defer boundGarbage()()
	l := &life{path: path, signals: o.Signals}
	if l.signals == nil {
		own := make(chan os.Signal, 4)
		signal.Notify(own, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR2)
		defer signal.Stop(own)
		l.signals = own
		signal.Ignore(syscall.SIGPIPE) // whoever reads the access log may go away; that is no reason to end
	}
	odd := l.inherit(&o)
	g := New(o)
	defer overhear(g.log)()
	for _, what := range odd {
		g.log.Warn("what this process was started with cannot be used", "what", what)
	}
	l.g, g.life = g, l
	g.admin.wanted, g.durable.wanted = o.Admin != nil, true
	if o.Data != "" {
		l.keeper = newKeeper(o.Data, g.log)
		defer l.keeper.close()
	}
	if err := l.first(); err != nil {
		g.Close()
		g.closeAdmin()
		return err
	}
	if memory > 0 {
		g.log.Info("memory limit", "bytes", memory)
	}
	defer tidyMemory()()
	defer l.serve()()
	l.follow()
	reader := l.attend()
	if o.Serving != nil {
		o.Serving(g)
	}
	l.handed = l.wait(ctx)
	l.watching()
	reader()
	l.upgrade.cancel()
	return l.end()
}

// inherit takes the sockets that the process was started with.
func (l *life) inherit(o *Options) (odd []string) {
	l.sockets, l.from, odd = process.Inherit()
	if o.Listen == nil {
		o.Listen = l.sockets.Listen
	}
	l.systemd = process.NewNotifier(os.Getenv)
	program, err := process.Self()
	l.upgrade = upgrade{program: program, unfit: cmp.Or(o.Unfit, err)}
	return odd
}

// serve lets clients in, once the process that this one takes over from agrees.
func (l *life) serve() (stop func()) {
	g := l.g
	if l.from != nil {
		g.log.Info("ready to take over", "pid", os.Getpid(), "from", os.Getppid())
		l.learn(l.from.Ready())
	}
	for _, idle := range l.sockets.Settle() {
		g.log.Warn("a socket that this process was given is none of the document's listeners", "address", idle)
	}
	l.sockets.Begin()
	if file := g.o.PIDFile; file != "" {
		if err := process.WritePID(file); err != nil {
			g.log.Error("the PID file cannot be written", "error", err)
		}
	}
	l.tell("READY=1", "MAINPID="+pid(), process.Status("serving %s", l.path))
	beat := l.beat()
	return func() {
		beat()
		if g.o.PIDFile != "" && !l.handed {
			process.RemovePID(g.o.PIDFile)
		}
	}
}

// follow has the document read anew when its files change.
func (l *life) follow() {
	g := l.g
	l.watching = func() {}
	if g.o.NoWatch {
		return
	}
	w, err := watch(g.log, g.watched(), func() []string {
		g.registry.Reread()
		g.reread(l.path)
		return g.watched()
	})
	if err != nil {
		g.log.Warn("the configuration's files cannot be watched; SIGHUP still reloads them", "error", err)
		return
	}
	l.watching = w.close
}

func (g *Gateway) watched() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Concat(g.last.watch, g.registry.Files())
}

// wait does as signals say until one of them, or ctx, says stop, or another process has taken over.
func (l *life) wait(ctx context.Context) (handed bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case err := <-l.upgrade.outcome:
			if l.handOver(err) {
				return true
			}
		case s := <-l.signals:
			switch s {
			case syscall.SIGHUP:
				want(l.asked)
			case syscall.SIGUSR2:
				l.startUpgrade()
			default:
				l.g.log.Info("stopping", "signal", s.String())
				return false
			}
		}
	}
}

// end drains. A second signal cuts it short; the process is about to end, so nothing is waited for then. The admin listener shows
// how it goes to the end, unless another process has it by now.
func (l *life) end() error {
	g := l.g
	if l.handed {
		g.closeAdmin()
	} else {
		l.tell("STOPPING=1", process.Status("finishing what is under way"))
		defer g.closeAdmin()
	}
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
		case s := <-l.signals:
			if s != syscall.SIGHUP && s != syscall.SIGUSR2 {
				g.log.Warn("stopped at once", "signal", s.String())
				return nil
			}
		}
	}
}

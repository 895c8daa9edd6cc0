package gateway

import (
	"errors"
	"sync"
	"time"

	"sallyport/process"
	"sallyport/schema"
)

// This file reads the document anew while it is served: because somebody asks for that, or because a file changed.

// attend reads the document when that is asked for, beside the loop of signals: a disk that does not answer must not keep the process from
// ending. Stop waits a moment for what is being read.
func (l *life) attend() (stop func()) {
	l.asked, l.missed = make(chan struct{}, 1), make(chan struct{}, 1)
	quit := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			select {
			case <-l.asked:
				_, _ = l.reload() // which tells of errors itself
			case <-l.missed:
				l.g.reread(l.path)
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		briefly(&loop)
	}
}

// want asks for something unless somebody has already.
func want(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// briefly waits for those who read, but not for ever: they may wait for a disk, and the process is about to end.
func briefly(loop *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		loop.Wait()
		close(done)
	}()
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// errNotRun is for a gateway whose document is in memory.
var errNotRun = errors.New("there is nothing to read the document from")

// Reload reads the document anew, as SIGHUP does: the access log's file is opened again, the document is served or refused as
// a whole. An error that says what is wrong with it is a schema.Errors.
func (g *Gateway) Reload() (*Reloaded, error) {
	if g.life == nil {
		return nil, errNotRun
	}
	return g.life.reload()
}

func (l *life) reload() (*Reloaded, error) {
	l.reloads.Lock()
	defer l.reloads.Unlock()
	g := l.g
	l.tell(process.Reloading()...)
	if a := g.access.Load(); a != nil {
		if err := a.Reopen(); err != nil {
			g.log.Error("the access log stays where it was", "error", err)
		}
	}
	done, err := g.load(l.path)
	if g.draining.Load() {
		return done, err // systemd has been told what is going on
	}
	g.loud(err)
	l.tell("READY=1", l.state(done, err))
	return done, err
}

// state is what came of a document, for systemd.
func (l *life) state(done *Reloaded, err error) string {
	if err != nil {
		return process.Status("serving; the newest configuration is refused: %v", first(err))
	}
	return process.Status("serving %s, number %d", l.path, done.Number)
}

// first is the first line of what is wrong: systemd shows one.
func first(err error) error {
	var errs schema.Errors
	if errors.As(err, &errs) && len(errs) > 0 {
		return errs[0]
	}
	return err
}

// ErrUpgrading is what Reload returns while another program is about to take over, which reads the document itself.
var ErrUpgrading = errors.New("another program is about to take over")

// busy says whether another program may be about to take over. It is called with the gateway's loading held.
func (l *life) busy() bool { return l != nil && l.upgrading }

// loud reports a document that was refused.
func (g *Gateway) loud(err error) {
	if err != nil {
		g.log.Error("the new configuration is refused, the one before stays in service", "error", err)
	}
}

// reread loads the document if something in it changed since it was last read, whether that was good or not.
func (g *Gateway) reread(path string) {
	g.reading.Lock()
	defer g.reading.Unlock()
	if g.tooLate() != nil {
		return
	}
	defer easeMemory()()
	doc, b := g.read(path)
	g.mu.Lock()
	same := doc.Digest() == g.last.digest
	g.mu.Unlock()
	if same {
		return
	}
	done, err := g.swap(b)
	if g.draining.Load() {
		return // nobody waits for it any more
	}
	g.loud(err)
	if g.life != nil {
		g.life.tell(g.life.state(done, err))
	}
}

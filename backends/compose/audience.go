package compose

import (
	"sync"

	"sallyport/wire"
)

// This file ends calls that wait: when the client goes away, and when nobody needs them any more.

// An audience has the client watched while calls wait, by one watcher for all of them.
type audience struct {
	conn *wire.Conn

	mu     sync.Mutex // guards what follows; no gone is called while it is held
	stop   func()     // ends the watcher, nil while there is none
	closed bool
	gone   bool
	ears   map[*ear]struct{}
}

// An ear is one wait of a call, which is told once if it is not to go on.
type ear struct {
	job  *job
	gone func()
	told chan struct{} // closed when gone has returned; nil until it is called
}

// watch is wire.Conn.Watch of the call's connection to nobody: gone is called when the client has gone, or nobody needs the call.
func (j *job) watch(gone func()) (stop func()) {
	a := j.run.client
	a.mu.Lock()
	defer a.mu.Unlock()
	e := &ear{job: j, gone: gone}
	if a.gone || j.stop.Load() {
		e.told = make(chan struct{})
		go e.tell() // not from here, where the call may hold what gone needs
		return func() { <-e.told }
	}
	if a.ears == nil {
		a.ears = map[*ear]struct{}{}
	}
	a.ears[e] = struct{}{}
	if a.stop == nil && !a.closed && a.conn != nil && a.conn.Watch != nil {
		a.stop = a.conn.Watch(a.left)
	}
	return func() { a.forget(e) }
}

// tell calls gone.
func (e *ear) tell() {
	defer close(e.told)
	e.gone()
}

// forget ends a wait. Once it has returned gone is not, and will not be, called.
func (a *audience) forget(e *ear) {
	a.mu.Lock()
	delete(a.ears, e)
	told := e.told
	a.mu.Unlock()
	if told != nil {
		<-told
	}
}

// left tells all that the client has gone.
func (a *audience) left() {
	a.mu.Lock()
	a.gone = true
	a.mu.Unlock()
	a.tell(func(*ear) bool { return true })
}

// hasLeft says whether the client has gone, as far as anybody looked.
func (a *audience) hasLeft() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone
}

// drop tells those that wait in j that nobody needs it. Who begins to wait later is told likewise, since j.stop is set.
func (a *audience) drop(j *job) { a.tell(func(e *ear) bool { return e.job == j }) }

func (a *audience) tell(whom func(*ear) bool) {
	var list []*ear
	a.mu.Lock()
	for e := range a.ears {
		if whom(e) {
			delete(a.ears, e)
			e.told = make(chan struct{})
			list = append(list, e)
		}
	}
	a.mu.Unlock()
	for _, e := range list {
		e.tell()
	}
}

// close ends the watcher: from here on the client's connection is the edge's again.
func (a *audience) close() {
	a.mu.Lock()
	a.closed = true
	stop := a.stop
	a.stop = nil
	a.mu.Unlock()
	if stop != nil {
		stop()
	}
}

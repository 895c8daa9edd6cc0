package gateway

import (
	"encoding/json"
	"os"
	"strconv"
	"time"

	"sallyport/process"
)

// This file hands over to a newer program, and tells systemd how the process is doing.

// upgradeTime is how long a new program may take until it could serve.
const upgradeTime = time.Minute

// An upgrade is a new program on its way to take over. The zero value is none.
type upgrade struct {
	program process.Program
	unfit   error // why there can be none

	next    *process.Successor // nil while there is none
	outcome chan error         // whether it could serve; nil while there is none
	quit    chan struct{}
}

// startUpgrade starts the program anew. This one serves until that could.
func (l *life) startUpgrade() {
	u, log := &l.upgrade, l.g.log
	switch {
	case u.outcome != nil:
		log.Warn("a new program is on its way already", "pid", u.next.PID())
		return
	case os.Getpid() == 1:
		log.Error("the first process of a container cannot hand over: the container ends with it; start another one")
		return
	case u.unfit != nil:
		log.Error("cannot hand over", "error", u.unfit)
		return
	}
	// From here to the end of the upgrade no document is read: the new program reads the newest one, and whatever sockets it asks
	// for shall be free or handed over.
	l.g.loading.Lock()
	l.g.durable.leave() // the new program opens the store before it says that it is ready
	next, err := u.program.Start(l.sockets)
	l.upgrading = err == nil
	l.g.loading.Unlock()
	if err != nil {
		l.g.durable.comeBack()
		log.Error("the new program cannot be started; this one goes on", "error", err)
		return
	}
	log.Info("a new program is on its way", "pid", next.PID())
	u.next, u.outcome, u.quit = next, make(chan error, 1), make(chan struct{})
	outcome, quit := u.outcome, u.quit
	go func() { outcome <- next.Await(upgradeTime, quit) }()
}

// handOver lets the new program serve, if it could, and says whether it does.
func (l *life) handOver(err error) bool {
	u := &l.upgrade
	next := u.next
	u.next, u.outcome, u.quit = nil, nil, nil
	if err == nil {
		err = next.Ended() // after it said that it is ready
	}
	if err != nil {
		l.g.log.Error("the new program does not take over; this one goes on", "pid", next.PID(), "error", err)
		l.g.loading.Lock()
		l.g.durable.comeBack()
		l.upgrading = false
		l.g.loading.Unlock()
		want(l.missed)
		return false
	}
	// Before the new one says that it is ready: systemd listens to the main process alone.
	l.tell("MAINPID=" + strconv.Itoa(next.PID()))
	next.Begin(l.known())
	l.g.log.Info("handed over; finishing what is under way", "pid", next.PID())
	return true
}

// A known is what one program tells the next beside what stands in the document.
type known struct {
	Drained [][2]string `json:"drained"` // targets that an operator has drained, with their upstreams
}

// known is what the next program should know.
func (l *life) known() []byte {
	var k known
	for _, u := range l.g.Status().Upstreams {
		for _, t := range u.Targets {
			if t.Drained {
				k.Drained = append(k.Drained, [2]string{u.Name, t.URL})
			}
		}
	}
	b, _ := json.Marshal(k) // strings alone
	return b
}

// learn takes over what the program before knew.
func (l *life) learn(b []byte) {
	var k known
	if json.Unmarshal(b, &k) != nil {
		return // the one before was cut off, or knew nothing
	}
	for _, t := range k.Drained {
		if _, err := l.g.DrainTarget(t[0], t[1], true); err != nil {
			l.g.log.Warn("a target that was drained is gone", "error", err)
		}
	}
}

// cancel ends the new program, if one is on its way.
func (u *upgrade) cancel() {
	if u.outcome != nil {
		close(u.quit)
		if err := <-u.outcome; err == nil { // it was ready a moment ago, and would begin when this one ends
			u.next.End()
		}
		u.outcome = nil
	}
}

func pid() string { return strconv.Itoa(os.Getpid()) }

// tell tells systemd.
func (l *life) tell(assignments ...string) {
	if err := l.systemd.Notify(assignments...); err != nil {
		l.g.log.Warn("systemd cannot be told", "error", err)
	}
}

// beat gives systemd signs of life for as long as there are any, twice as often as it asks for.
func (l *life) beat() (stop func()) {
	every := l.systemd.Watchdog() / 2
	if every <= 0 {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				if l.g.alive() {
					l.tell("WATCHDOG=1")
				}
			}
		}
	}()
	return func() { close(quit); <-done }
}

// alive says whether the gateway can do what serving needs. One that is stuck does not return, which is an answer as well.
func (g *Gateway) alive() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now.Load() != nil
}

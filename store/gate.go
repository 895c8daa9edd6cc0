package store

// One gate: who is let in, who waits, and in which order.

import "time"

// A Gate is that of one key. Whoever it let in is one hold on it, and releases it once.
type Gate struct {
	of    *Gates
	key   Key
	busy  int
	bound Bound // of who came last
	queue queue
	adapt adaptive
}

// An Answer is what a gate says to somebody who comes.
type Answer uint8

// The answers.
const (
	Full  Answer = iota // the bound is reached, and nobody may wait, or too many do
	Enter               // there is room
	Wait                // there may be soon; see Waiting
)

// Is says whether g is the gate of key among gates.
func (g *Gate) Is(gates *Gates, key Key) bool { return g.of == gates && g.key == key }

// Come asks to be let in. With Enter the gate is to be released, with Wait the Waiting to be ended one way or the other.
func (g *Gates) Come(key Key, b *Bound) (*Gate, *Waiting, Answer) {
	if !g.used.Load() {
		g.used.Store(true)
	}
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	gate := sh.gate(g, key)
	gate.take(b)
	if gate.busy < gate.limit() {
		gate.busy++
		gate.admit() // the bound may have grown
		return gate, nil, Enter
	}
	if b.Queue > 0 {
		if w := gate.push(b); w != nil {
			w.shard = sh
			return nil, w, Wait
		}
	}
	return nil, nil, Full
}

// Force lets somebody in whatever the bound is, and says whether it is exceeded.
func (g *Gates) Force(key Key, b *Bound) (gate *Gate, over bool) {
	if !g.used.Load() {
		g.used.Store(true)
	}
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	gate = sh.gate(g, key)
	gate.take(b)
	over = gate.busy >= gate.limit()
	gate.busy++
	return gate, over
}

// take makes b the bound.
func (g *Gate) take(b *Bound) {
	g.bound = *b
	if b.Adaptive {
		g.adapt.within(b)
	}
}

func (g *Gate) limit() int {
	if g.bound.Adaptive {
		return g.adapt.now(&g.bound)
	}
	return g.bound.Most
}

// Release gives the place back, to who waits for it if anybody does.
func (g *Gate) Release() {
	sh := g.of.shard(g.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g.busy--
	g.admit()
	sh.rest(g)
}

// Observe tells an adaptive gate how long the answer to what it let in took to begin.
func (g *Gate) Observe(began time.Time, took time.Duration, o Outcome) {
	sh := g.of.shard(g.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !g.bound.Adaptive {
		return // it was until the last document
	}
	g.adapt.observe(began, took, g.busy, o, &g.bound)
	g.admit()
}

// admit lets in as many of those who wait as there is room for. The caller holds the shard's mu.
func (g *Gate) admit() {
	for g.queue.n > 0 && g.busy < g.limit() {
		w := g.queue.pop(time.Now())
		g.busy++
		w.in = true
		close(w.ready)
	}
}

// A Waiting is somebody who waits at a gate.
type Waiting struct {
	gate       *Gate // while in the queue, and once let in; another key's may be in its place otherwise
	shard      *gateShard
	ready      chan struct{}
	in, out    bool // let in, or turned away for another; guarded by the shard's mu until ready is closed
	next, prev *Waiting
}

// Ready is closed once it is settled whether there is room: see Leave.
func (w *Waiting) Ready() <-chan struct{} { return w.ready }

// Leave ends the waiting. It returns the gate that let in, to be released, nil when none did.
func (w *Waiting) Leave() *Gate {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.in {
		return w.gate
	}
	if !w.out {
		w.gate.queue.remove(w)
		w.shard.rest(w.gate)
	}
	return nil
}

// push puts somebody new into the queue, nil when it is full. In one that does not get empty any more the new one takes the
// place of who has waited longest, whose patience is about to end anyway.
func (g *Gate) push(b *Bound) *Waiting {
	var now time.Time
	if g.queue.n == 0 || g.queue.n >= b.Queue {
		now = time.Now()
	}
	if g.queue.n >= b.Queue {
		if !g.queue.stuck(now) {
			return nil
		}
		oldest := g.queue.first
		g.queue.remove(oldest)
		oldest.out = true
		close(oldest.ready)
	}
	w := &Waiting{gate: g, ready: make(chan struct{})}
	g.queue.push(w, now, b.Patience)
	return w
}

// A queue is those who wait at a gate, in the order in which they came. As long as it gets empty now and then, who came first goes
// first, which is fair. One that was not empty for as long as anybody's patience is a sign of overload: in order, everybody would then wait
// until just before giving up, and what is let in would be late anyway. So who came last goes first, and those behind give
// way.
type queue struct {
	first, last *Waiting
	n           int
	since       time.Time // when it was empty last
	patience    time.Duration
}

func (q *queue) stuck(now time.Time) bool { return q.n > 0 && now.Sub(q.since) > q.patience }

func (q *queue) push(w *Waiting, now time.Time, patience time.Duration) {
	q.patience = patience
	if q.n == 0 {
		q.first, q.since = w, now
	} else {
		w.prev, q.last.next = q.last, w
	}
	q.last = w
	q.n++
}

// pop takes out who is next.
func (q *queue) pop(now time.Time) *Waiting {
	w := q.first
	if q.stuck(now) {
		w = q.last
	}
	q.remove(w)
	return w
}

func (q *queue) remove(w *Waiting) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.next, w.prev = nil, nil
	q.n--
}

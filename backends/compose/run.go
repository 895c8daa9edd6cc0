package compose

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/policy"
	"sallyport/wire"
)

// A run is one request's calls under way. The goroutine of the request makes the calls, takes what they answered and evaluates
// all expressions; others only send and read.
type run struct {
	b      *backend
	x      *policy.Exchange
	now    time.Time // when the last thing happened
	by     time.Time // when all has to be over
	states []state   // of backend.calls
	done   chan *job
	queue  []*job // to be sent
	sent   int    // of queue
	flying []*job
	held   int64    // bytes of bodies
	large  bool     // those are too many
	asked  expr.Raw // the body of the request, once it was asked for
	vars   vars
	one    vars // of the job that is being made
	client *audience

	jobs   []*job // the first used are in use
	used   int
	origin wire.Header // of every call
	room   []byte      // of the answer's body
	parts  []*jsonspan.Outline
	resp   wire.Response
	body   wire.Bytes
	flow   *flow // of the last call, nil for one that was read whole

	mu   sync.Mutex // guards what follows
	last place      // where calls have failed that the answer needs: what comes behind is not needed any more
	ours []*job     // that could be canceled
}

// A place orders jobs: by their call, then by their item.
type place struct{ call, item int }

func (p place) before(q place) bool { return p.call < q.call || p.call == q.call && p.item < q.item }

// nowhere is behind all places.
var nowhere = place{1 << 30, 0}

// A state is what became of a call.
type state struct {
	waits   int // calls that it waits for
	started bool
	over    bool
	absent  bool // it was left out: nobody can refer to what it answered
	partial bool // it failed, or one of its items did
	err     error
	errAt   int // the item that failed
	began   time.Time
	took    time.Duration
	status  int
	tries   int          // calls sent
	retried string       // why the last of them was made again
	answer  *expr.Answer // nil while absent
	job     *job         // whose answer that is
	list    []*job       // of for_each
	left    int          // of those, that are not back
	next    int          // the item to be sent next
	items   []any
}

// make makes the calls. Its error is that of the first call, in the order of the graph, that failed and must not.
func (r *run) make() error {
	for i := range r.b.calls {
		if r.states[i].waits == 0 {
			r.begin(i)
		}
	}
	for {
		r.launch()
		if !r.needed() {
			break
		}
		r.land(<-r.done)
	}
	if r.large {
		return failed.New("The calls brought too much.").Because(errTooMuch)
	}
	for i := range r.states {
		if r.states[i].err != nil {
			return r.states[i].err
		}
	}
	return nil
}

// needed says whether a call is under way that could still change the answer.
func (r *run) needed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.flying {
		if !r.last.before(j.place) {
			return true
		}
	}
	return false
}

// useful says whether what has that place can still change the answer.
func (r *run) useful(p place) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.before(r.last)
}

// begin begins a call that waits for nothing any more, if it is still of any use.
func (r *run) begin(i int) {
	s, c := &r.states[i], r.b.calls[i]
	s.started = true
	if !r.useful(place{i, -1}) {
		return
	}
	s.began = r.now
	switch made, err := r.wanted(c); {
	case err != nil:
		r.fails(i, err)
		return
	case !made:
		s.absent = true
		r.finish(i)
		return
	case c.ForEach.IsZero():
		r.prepare(i, -1, nil)
		return
	}
	items, err := r.items(c)
	if err != nil {
		r.fails(i, err)
		return
	}
	s.items, s.list, s.left = items, make([]*job, len(items)), len(items)
	if len(items) == 0 {
		r.finish(i)
		return
	}
	for range min(c.Concurrency, len(items)) {
		r.another(i)
	}
}

func (r *run) wanted(c *call) (bool, error) {
	if c.When.IsZero() {
		return true, nil
	}
	return c.When.Bool(&r.vars)
}

// another prepares the next items of a repeated call until one is ready to be sent.
func (r *run) another(i int) {
	for s := &r.states[i]; s.next < len(s.items); {
		s.next++
		if r.prepare(i, s.next-1, s.items[s.next-1]) {
			return
		}
	}
}

var errMany = errors.New("for_each makes a longer list than max_items allows")

// items evaluates for_each.
func (r *run) items(c *call) ([]any, error) {
	items, err := r.each(c)
	return items, c.ForEach.Blame(err)
}

func (r *run) each(c *call) ([]any, error) {
	v, err := c.ForEach.Value(&r.vars)
	if err != nil {
		return nil, err
	}
	var items []any
	switch v := v.(type) {
	case expr.Raw:
		if jsonspan.KindOf(v) != jsonspan.List {
			return nil, errNoList
		}
		for w := jsonspan.Items(v); w.Next() && len(items) <= c.MaxItems; {
			items = append(items, expr.Raw(w.Value))
		}
	case []any:
		items = v
	case []string:
		for _, s := range v {
			items = append(items, s)
		}
	default:
		return nil, errNoList
	}
	if len(items) > c.MaxItems {
		return nil, errMany
	}
	return items, nil
}

var errNoList = errors.New("for_each makes no list")

// prepare makes the job of a call, or of one item of it, and says whether there is one to be sent.
func (r *run) prepare(i, item int, value any) bool {
	c, s := r.b.calls[i], &r.states[i]
	r.one = r.vars
	r.one.item, r.one.index, r.one.repeated = value, item, item >= 0
	j, err := r.job(c, &r.one)
	j.place, j.began = place{i, item}, r.now
	if item >= 0 {
		s.list[item] = j
	}
	if err != nil {
		j.err = err
		r.take(j)
		return false
	}
	r.queue = append(r.queue, j)
	return true
}

// launch sends what is to be sent. The last one is sent from here when nothing has to be done meanwhile but wait.
func (r *run) launch() {
	for r.sent < len(r.queue) {
		j := r.queue[r.sent]
		if r.sent++; r.sent == len(r.queue) {
			r.queue, r.sent = r.queue[:0], 0
		}
		if !r.enlist(j) {
			continue
		}
		if len(r.queue) == 0 && !r.more() {
			j.send()
			j.over()
			r.settle(j)
			continue
		}
		r.flying = append(r.flying, j)
		go j.fly()
	}
}

// more says whether there are calls that have not been sent.
func (r *run) more() bool {
	for i := range r.states {
		if s := &r.states[i]; !s.started || s.next < len(s.items) {
			return true
		}
	}
	return false
}

// enlist notes a job that is about to be sent, unless it is of no use any more.
func (r *run) enlist(j *job) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !j.place.before(r.last) {
		return false
	}
	r.ours = append(r.ours, j)
	return true
}

// cut ends what comes behind a job that failed and must not: what has no answer yet is canceled, and what still reads one is told.
func (r *run) cut(at place) {
	for _, j := range r.behind(at) {
		j.cancel.Cancel()
		r.client.drop(j)
	}
}

// behind notes that nothing behind a place is needed, and returns the jobs to which that is news.
func (r *run) behind(at place) (list []*job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !at.before(r.last) {
		return nil
	}
	r.last = at
	for _, j := range r.ours {
		if at.before(j.place) && !j.stop.Swap(true) {
			list = append(list, j)
		}
	}
	return list
}

// land takes a job that is back.
func (r *run) land(j *job) {
	for i, f := range r.flying {
		if f == j {
			r.flying = append(r.flying[:i], r.flying[i+1:]...)
			break
		}
	}
	r.settle(j)
}

// settle takes what a job brought, and goes on with what waited for it.
func (r *run) settle(j *job) {
	r.now = time.Now()
	if j.flow != nil {
		r.flow = j.flow
	}
	s := &r.states[j.place.call]
	s.tries += j.x.Tries
	s.retried = cmp.Or(j.x.Retried, s.retried)
	r.held += int64(len(j.body))
	if r.held > int64(r.b.MaxBody) {
		r.large = true
		r.cut(place{-1, -1})
	}
	r.take(j)
	if j.place.item >= 0 {
		r.another(j.place.call)
	}
}

var errTooMuch = errors.New("the bodies of all calls together are larger than max_body")

// close ends what is still under way, which nobody waits for: it has to be over before the exchange is.
func (r *run) close() {
	if f := r.flow; f != nil && r.resp.Body == f {
		return // nothing else is under way
	} else if f != nil {
		_ = f.Close()
	}
	r.client.close()
	if len(r.flying) > 0 {
		r.cut(place{-1, -1})
	}
}

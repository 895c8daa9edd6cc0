package compose

import (
	"io"
	"time"

	"sallyport/policy"
	"sallyport/wire"
	"sallyport/wire/socket"
)

// This file is what a request leaves behind for the next one: its run with the jobs in it, and the blocks that bodies were in. All of it is the
// exchange's until that has ended, and nobody else's.

// newRun returns a run for x, which has to be held by x or thrown away.
func newRun(b *backend, x *policy.Exchange, now time.Time) *run {
	r, ok := b.runs.Get().(*run)
	if !ok {
		r = &run{b: b, states: make([]state, len(b.calls)), done: make(chan *job, b.most)}
	}
	if r.client == nil {
		r.client = new(audience)
	}
	r.client.conn, r.client.closed = x.Request.Conn, false
	r.x, r.now, r.by, r.last = x, now, now.Add(b.Timeout), nowhere
	if !x.Deadline.IsZero() && x.Deadline.Before(r.by) {
		r.by = x.Deadline
	}
	r.vars = vars{Exchange: x, run: r}
	for _, n := range always {
		if value := x.Request.Header.Known(n); value != "" && wire.ValidValue(value) {
			r.origin.AddRead(n, n.String(), value) // looked at once, here
		}
	}
	for i, c := range b.calls {
		r.states[i].waits = len(c.needs)
	}
	return r
}

// Release ends the run with its exchange. It waits for calls that were given up.
func (r *run) Release() {
	for range r.flying {
		<-r.done
	}
	if r.flow != nil {
		_ = r.flow.Close()
	}
	for _, j := range r.jobs[:r.used] {
		j.free()
	}
	give(r.room)
	clear(r.states)
	clear(r.jobs[min(len(r.jobs), mostJobs):])
	if r.client.ears != nil {
		r.client = nil // whoever it had watched for may still be about to say something
	}
	r.resp.Header.Reset()
	r.origin.Reset()
	*r = run{
		b: r.b, states: r.states, done: r.done, client: r.client, jobs: r.jobs[:min(len(r.jobs), mostJobs)],
		queue: emptied(r.queue), flying: emptied(r.flying), ours: emptied(r.ours), parts: emptied(r.parts), resp: wire.Response{Header: r.resp.Header}, origin: r.origin,
	}
	r.b.runs.Put(r)
}

const mostJobs = 16 // that a run keeps

// emptied is list without what was in it, with its room unless that is much.
func emptied[T any](list []*T) []*T {
	if cap(list) > 4*mostJobs {
		return nil
	}
	clear(list[:cap(list)])
	return list[:0]
}

// spare returns a job that is in no use.
func (r *run) spare(c *call) *job {
	if r.used == len(r.jobs) {
		j := &job{run: r}
		j.fly = func() {
			defer j.home()
			j.send()
		}
		j.watchF = j.watch
		r.jobs = append(r.jobs, j)
	}
	j := r.jobs[r.used]
	r.used++
	j.call = c
	return j
}

// free makes j a spare one.
func (j *job) free() {
	give(j.room)
	j.x.Reset()
	j.r.Reset()
	j.header.Reset()
	j.outline.Forget()
	j.errand = errand{}
}

// take returns a block with room for size bytes, which give takes back.
func take(size int64) []byte { return socket.Take(int(size))[:0] }

func give(b []byte) {
	if b != nil {
		socket.Give(b)
	}
}

// collect reads a body of a length that may be unknown (-1), up to limit. The bytes are the run's.
func (j *job) collect(body io.Reader, length, limit int64) (_ []byte, err error) {
	if length > limit {
		return nil, policy.ErrTooLarge
	}
	if length < 0 {
		length = socket.Head
	}
	b := take(min(length+1, socket.Big)) // a length is a claim: it earns no more room than this ahead of its bytes
	defer func() { j.room = b }()
	for {
		if len(b) == cap(b) {
			b = larger(b)
		}
		var n int
		n, err = body.Read(b[len(b):min(int64(cap(b)), limit+1)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, policy.ErrTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

// larger returns b with more room behind it.
func larger(b []byte) []byte {
	var next []byte
	if size := int64(2 * cap(b)); size <= socket.Big {
		next = append(take(size), b...)
	} else {
		next = append(b, 0)[:len(b)]
	}
	give(b)
	return next
}

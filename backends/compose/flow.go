package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sallyport/jsonspan"
	"sallyport/policy"
	"sallyport/wire"
)

// This file lets a large body go out while it comes. That is when the answer is the body of one call, as it is or in another shape, and nothing
// else can fail any more: all other calls stand before that one, and nothing but the answer looks at its body. What is wrong with the body
// from here on cuts the answer short, and its last bracket is sent when all of it is well: a client never gets a whole answer of half a body.

// ahead is how much of a body is read before any of it goes out: a body that has no more is read whole. It depends on the body alone, and not
// on how fast it comes, which of the two is done.
const ahead = 64 << 10

// flows finds out whether the last call's body may go out while it comes.
func (b *backend) flows() {
	c := b.calls[len(b.calls)-1]
	if !c.ForEach.IsZero() || c.OnError.how != fail || c.Read != "json" || len(c.before(nil)) < len(b.calls)-1 {
		return
	}
	alone := 0
	for i := range b.views {
		v := &b.views[i]
		if v.flow = len(v.of) == 1 && v.of[0] == c || v.body != nil && v.body.Alone() == "calls."+c.name+".body"; v.flow {
			alone++
		}
	}
	c.flows = alone > 0 && c.bodies == alone
	for i := range b.views {
		b.views[i].flow = b.views[i].flow && c.flows
	}
}

// before adds all calls that c waits for, and those that they wait for.
func (c *call) before(seen map[*call]bool) map[*call]bool {
	if seen == nil {
		seen = map[*call]bool{}
	}
	for _, n := range c.needs {
		if !seen[n] {
			seen[n] = true
			n.before(seen)
		}
	}
	return seen
}

// A flow is a body on its way.
type flow struct {
	*jsonspan.Stream
	job  *job
	resp *wire.Response // that it is of
	from source
	left int64 // bytes that may still go out
	over bool
}

// A source is a body that may be so large, and remembers how it failed.
type source struct {
	io.Reader
	left int64
	err  error
}

// Read reads.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.left -= int64(n); s.left < 0 {
		n, err = 0, policy.ErrTooLarge
	}
	if err != nil && err != io.EOF { //nolint:errorlint // it is never wrapped
		s.err = err
	}
	return n, err
}

// mayFlow says whether the answer of the call may go out while it comes.
func (j *job) mayFlow(resp *wire.Response) bool {
	if !j.flows || !j.answer.OK {
		return false
	}
	d := policy.Describe(&resp.Header)
	_, lifts := resp.Body.(wire.Lifter)
	return lifts && !d.Twice && d.UTF8()
}

// begin makes a flow of a body, whose beginning has been read, and sees whether that is good.
func (j *job) begin(resp *wire.Response, body io.Reader) error {
	began := bytes.TrimPrefix(j.room, []byte("\xef\xbb\xbf"))
	most := int64(j.call.MaxBody)
	f := &flow{job: j, resp: resp, from: source{Reader: io.MultiReader(bytes.NewReader(began), body), left: min(most, int64(j.run.b.MaxBody)-j.run.held)}}
	f.Stream = jsonspan.NewStream(&f.from, j.call.shape, nil, nil, 8*int(most)) // the names of a body are told by their number too
	if err := f.Start(); err != nil {
		return f.wrong(err)
	}
	j.flow = f
	return nil
}

// wrong is why the call failed after all.
func (f *flow) wrong(err error) error {
	if f.from.err != nil {
		return f.job.unread(f.from.err)
	}
	return &callError{502, "was answered with what is no good JSON", err}
}

// out makes f the body of the answer. From here on it comes as fast as the client takes it.
func (f *flow) out(resp *wire.Response) {
	f.resp.Body.(wire.Lifter).Lift()
	f.left = int64(f.job.run.b.MaxBody)
	resp.Body, resp.Length = f, -1
}

// Read reads.
func (f *flow) Read(p []byte) (int, error) {
	n, err := f.Stream.Read(p)
	if f.left -= int64(n); f.left < 0 {
		n, err = 0, errLarge
	}
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF: //nolint:errorlint // it is never wrapped
		f.end()
		return n, err
	case errors.Is(err, errLarge):
	default:
		err = f.wrong(err)
	}
	return n, fmt.Errorf("the call %s: %w", f.job.call.name, err)
}

// end ends the call, and with it the watch over the client: the connection is the edge's again.
func (f *flow) end() {
	if !f.over {
		f.over = true
		f.resp.Close()
		f.job.run.client.close()
	}
}

// Close ends the call, should it not have ended.
func (f *flow) Close() error {
	f.end()
	return nil
}

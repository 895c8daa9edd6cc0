package h1

import (
	"errors"
	"io"
	"os"
	"time"

	"sallyport/wire"
)

// A body reads a message's body off a stream: a request's on the server's side, a response's on the client's. It
// reads exactly to the end of the message, never beyond.
type body struct {
	s     *stream
	mode  bodyMode
	state chunkState
	left  int64  // of the body (byLength) or of the chunk (chunked)
	got   int64  // bytes of content handed out
	limit *int64 // most bytes of content; nil or 0 for no bound

	trailer *wire.Header
	idle    time.Duration // without a byte
	rate    int64         // bytes a second that a body of known length has to keep up; 0 for none
	waited  time.Duration // for the peer, all in all; counted when there is a rate
	by      time.Time     // end of the whole call, zero for none

	before func() error // runs once before the first wait: 100 Continue
	wait   waiter       // waits on the stream; nil is the stream's own fill
	closed func(*body)  // runs once, on Close
	shared bool         // another goroutine reads it, until the call that it belongs to is closed
	err    error        // sticky; io.EOF at the end of the message
}

// A waiter waits for more bytes of a stream.
type waiter interface {
	await(by time.Time) error
}

type bodyMode uint8

const (
	noBody bodyMode = iota
	byLength
	chunked
	untilClose
)

type chunkState uint8

const (
	atSize chunkState = iota
	inData
	atDataEnd
	atTrailer
)

var errCut = io.ErrUnexpectedEOF

// peek returns content that can be read without waiting, a view into the stream's buffer. It is empty when there is
// none yet, when the body ended and when it is malformed: then err is set.
func (b *body) peek() []byte {
	if b.err != nil {
		return nil
	}
	switch b.mode {
	case noBody:
		b.err = io.EOF
		return nil
	case untilClose:
		return b.within(b.s.buffered())
	case byLength:
		if b.left == 0 {
			b.err = io.EOF
			return nil
		}
	case chunked:
		if !b.toData() {
			return nil
		}
	}
	p := b.s.buffered()
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	return b.within(p)
}

// within keeps the limit.
func (b *body) within(p []byte) []byte {
	if b.limit != nil && *b.limit > 0 && b.got+int64(len(p)) > *b.limit {
		b.err = wire.ErrBodyTooLarge
		return nil
	}
	return p
}

// discard takes n bytes of what peek returned as read.
func (b *body) discard(n int) {
	b.s.r += n
	b.got += int64(n)
	b.left -= int64(n)
	switch {
	case b.left > 0 || b.mode == untilClose:
	case b.mode == byLength:
		b.err = io.EOF
	case b.mode == chunked:
		b.state = atDataEnd
		b.toData() // so that the end shows with the last byte, if it is here
	}
}

// toData reads chunk framing off the buffer until there is content. It returns false when it needs more bytes, at
// the end and on malformed framing.
func (b *body) toData() bool {
	for b.err == nil {
		if b.state == inData {
			return true
		}
		n, fault := b.frame(b.s.buffered())
		if fault != nil {
			b.err = fault
			return false
		}
		if n == 0 {
			return false
		}
		b.s.r += n
	}
	return false
}

// frame reads one piece of framing off p and returns its length, 0 when it is not whole.
func (b *body) frame(p []byte) (n int, fault *wire.Fault) {
	switch b.state {
	case atSize:
		var size int64
		if size, n, fault = chunkLine(p); fault != nil || n == 0 {
			return 0, fault
		}
		b.left, b.state = size, inData
		if size == 0 {
			b.state = atTrailer
		}
	case atDataEnd:
		if n, fault = chunkEnd(p); n > 0 {
			b.state = atSize
		}
	case atTrailer:
		if n, fault = trailerEnd(p); fault != nil || n == 0 {
			return 0, fault
		}
		if n > 2 && b.trailer != nil {
			fault = parseTrailer(string(p[:n]), b.trailer)
		}
		b.err = io.EOF
	}
	return n, fault
}

// fill waits until peek has something to tell: content, the end, or an error.
func (b *body) fill() error {
	for len(b.peek()) == 0 {
		if b.err != nil {
			return b.err
		}
		if err := b.more(); err != nil {
			b.err = err
			return err
		}
	}
	return nil
}

// more waits for bytes on the stream.
func (b *body) more() error {
	if f := b.before; f != nil {
		b.before = nil
		if err := f(); err != nil {
			return err
		}
	}
	b.s.release()
	if !b.s.room(bigBlock) {
		return faultChunk // framing that fills a whole block
	}
	now := time.Now()
	by := b.deadline(now)
	var err error
	if b.wait != nil {
		err = b.wait.await(by)
	} else {
		err = b.s.fill(by)
	}
	b.waitedSince(now)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) && b.mode == untilClose && len(b.s.buffered()) == 0:
		return io.EOF
	case errors.Is(err, io.EOF):
		return errCut
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTimeout
	}
	return err
}

// deadline is when the next byte has to be there.
func (b *body) deadline(now time.Time) time.Time {
	by := now.Add(b.idle)
	if b.rate > 0 && b.mode == byLength {
		earned := time.Duration(min(b.got/b.rate, 1<<30)) * time.Second
		by = earlier(by, now.Add(b.idle+earned-b.waited))
	}
	return earlier(by, b.by)
}

// waitedSince counts a wait. What the reader of the body does between two waits is not the peer's time.
func (b *body) waitedSince(start time.Time) {
	if b.rate > 0 {
		b.waited += time.Since(start)
	}
}

// Lift has BodyBy of the call not count any more.
func (b *body) Lift() {
	if u, ours := b.wait.(*upConn); ours {
		b.by = u.call.Deadline
	}
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ended says that the end of the message was reached.
func (b *body) ended() bool { return b.err == io.EOF }

// Read reads. It returns io.EOF only at the exact end of the message.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.fill(); err != nil {
		return 0, err
	}
	n := copy(p, b.peek())
	b.discard(n)
	b.s.release()
	if b.err == io.EOF {
		return n, io.EOF
	}
	return n, nil
}

// Buffered returns how many bytes can be read without waiting.
func (b *body) Buffered() int { return len(b.peek()) }

// Close ends the reading. What it means for the connection is for the owner to say.
func (b *body) Close() error {
	if f := b.closed; f != nil {
		b.closed = nil
		f(b)
	}
	return nil
}

// done says whether the message was read to its exact end.
func (b *body) done() bool {
	b.peek()
	return b.err == io.EOF
}

// Share says that another goroutine reads the body, or has ended to.
func (b *body) Share(on bool) { b.shared = on }

// Abort ends the reading, and with it the connection once it has its answer.
func (b *body) Abort() { b.s.abort() }

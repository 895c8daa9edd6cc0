package h2

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
)

// A body is a request's body. The client may be as slow with it as with one of HTTP/1.1.
type body struct {
	src    io.ReadCloser // of net/http; Close may be called while another goroutine reads, and ends the reading
	ctx    context.Context
	limits *Limits
	limit  *int64 // most bytes; 0 for no bound
	length int64
	got    atomic.Int64
	waited time.Duration // for the client, all in all
	timer  *time.Timer   // runs while a read waits; it stays when the body is another request's
	err    error         // sticky; io.EOF at the end

	mu   sync.Mutex // guards what follows, and keeps src while the timer closes it
	by   time.Time  // when the read that waits has to end; zero while none waits
	late bool       // the timer ended the reading
}

// reset makes b the body of another request, or of none.
func (b *body) reset(src io.ReadCloser, ctx context.Context, limits *Limits, limit *int64, length int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.src, b.ctx, b.limits, b.limit, b.length = src, ctx, limits, limit, length
	b.waited, b.err, b.late = 0, nil, false
	b.got.Store(0)
}

var faultShort = wire.Bad("The body is not as long as Content-Length says.")

// Read reads. It returns io.EOF only at the exact end of the message.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	start := time.Now()
	b.arm(start, b.patience())
	n, err := b.src.Read(p)
	late := b.disarm()
	b.waited += time.Since(start)
	got := b.got.Load() + int64(n)
	if *b.limit > 0 && got > *b.limit {
		b.err = wire.ErrBodyTooLarge
		return 0, b.err
	}
	b.got.Store(got)
	if err == nil && got == b.length {
		// The end of a stream may come in a frame of its own; whoever has all of a body shall not wait for it.
		err = io.EOF
	}
	if err != nil {
		b.err = b.failure(err, late)
	}
	return n, b.err
}

// patience is how long the next byte may take: BodyIdle, and less when a body of known length comes too slowly.
func (b *body) patience() time.Duration {
	d := b.limits.BodyIdle
	if b.length > 0 {
		earned := time.Duration(min(b.got.Load()/int64(b.limits.BodyRate), 1<<30)) * time.Second
		d = min(d, max(b.limits.BodyIdle+earned-b.waited, time.Millisecond))
	}
	return d
}

func (b *body) arm(now time.Time, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.by = now.Add(d)
	if b.timer == nil {
		b.timer = time.AfterFunc(d, b.expire)
		return
	}
	b.timer.Reset(d)
}

// disarm says whether the timer ended the read.
func (b *body) disarm() (late bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.by = time.Time{}
	b.timer.Stop()
	return b.late
}

// expire ends the read that waits. A timer that comes too late finds another one, or none.
func (b *body) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by.IsZero() || time.Now().Before(b.by) {
		return
	}
	b.late = true
	_ = b.src.Close()
}

// failure says in the words of package wire why a read failed.
func (b *body) failure(err error, late bool) error {
	switch {
	case err == io.EOF:
		return err
	case late:
		return os.ErrDeadlineExceeded
	case b.ctx.Err() != nil:
		return errors.Join(wire.ErrClientGone, err)
	}
	return faultShort
}

// Close ends the reading.
func (b *body) Close() error { return b.src.Close() }

// Share has nothing to do: it makes no difference to a stream which goroutine reads.
func (b *body) Share(bool) {}

// Abort ends the reading; any goroutine may.
func (b *body) Abort() { _ = b.src.Close() }

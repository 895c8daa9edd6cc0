package h1

// This file is how long bodies get from one plain TCP connection to another without passing through the program.
//
// It is not left to net.TCPConn.ReadFrom, which tells neither which of the connections failed, nor how much it had taken from the one
// when the other failed. Both must be known: the first to tell whose fault it was, the second to find the end of the message.

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// spliceMin is the least that is worth moving within the kernel, spliceStep the most that is on its way at a time.
const (
	spliceMin  = 32 << 10
	spliceStep = 128 << 10
)

// splice moves bytes of src within the kernel, if left of them are worth it. It returns 0 when it moved none, as when there are none
// yet: whoever has to wait for long waits as for any other body.
func (w *writer) splice(src source, left int64) (int64, error) {
	b, ok := src.(*body)
	if !ok || left < spliceMin || w.s.tcp == nil || !b.spliceable() {
		return 0, nil
	}
	p := takePipe(mostPipes())
	if p == nil {
		return 0, nil
	}
	defer p.give()
	w.o.free()
	if err := b.drain(p, min(left, b.left, spliceStep)); err != nil {
		return 0, err
	}
	n := p.n
	if n == 0 {
		return 0, nil
	}
	err := w.s.push(time.Now(), w.idle, func() (int, error) { return p.pump(w.s) })
	if err != nil {
		err = &writeError{w.peer, err}
	}
	return int64(n - p.n), err
}

// spliceable says whether the rest of b can be moved in the kernel: plain TCP, length known, nothing buffered.
func (b *body) spliceable() bool {
	return b.s.tcp != nil && b.mode == byLength && b.err == nil && b.before == nil && b.left >= spliceMin && b.s.r == b.s.w &&
		(b.limit == nil || *b.limit == 0 || b.got+b.left <= *b.limit)
}

// drain moves up to most bytes of b, which count as read, into p. It waits a little for the first.
func (b *body) drain(p *pipe, most int64) error {
	b.s.release()
	now := time.Now()
	err := p.fill(b.s, int(most), earlier(now.Add(patience), b.deadline(now)))
	b.waitedSince(now)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && !b.s.aborted.Load(), err == syscall.EINVAL:
		return nil
	case err == nil && p.n == 0:
		err = errCut
	}
	if b.err = err; err != nil {
		return err
	}
	b.got += int64(p.n)
	if b.left -= int64(p.n); b.left == 0 {
		b.err = io.EOF
	}
	return nil
}

// A pipe is where bytes are between two sockets.
type pipe struct {
	ends  [2]int
	n     int // bytes in it
	most  int // bytes that it shall take
	errno syscall.Errno

	onRead, onWrite func(fd uintptr) bool // made once
	cleanup         runtime.Cleanup
}

// pipes holds those that are empty. The ones that it drops close themselves.
var pipes sync.Pool

// openPipes is how many there are.
var openPipes atomic.Int64

// mostPipes is how many there may be. A client that takes its answer slowly keeps one, which is two files more than its connection and
// that to the target are: with one for everybody, half of the connections that are allowed would use up the files of the process.
var mostPipes = sync.OnceValue(func() int64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		r.Cur = 1024
	}
	return int64(r.Cur / 40) // a twentieth of the files
})

// takePipe returns an empty pipe, nil when there can be none or as many as there may be.
func takePipe(most int64) *pipe {
	if p, ok := pipes.Get().(*pipe); ok {
		return p
	}
	p := &pipe{}
	if openPipes.Add(1) > most || syscall.Pipe2(p.ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK) != nil {
		openPipes.Add(-1)
		return nil
	}
	// A smaller one would do.
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(p.ends[0]), syscall.F_SETPIPE_SZ, spliceStep)
	p.onRead, p.onWrite = p.readable, p.writable
	p.cleanup = runtime.AddCleanup(p, closeEnds, p.ends)
	return p
}

func closeEnds(ends [2]int) {
	openPipes.Add(-1)
	_ = syscall.Close(ends[0])
	_ = syscall.Close(ends[1])
}

// give puts p back. One that still holds bytes of a body that could not be sent is closed with them.
func (p *pipe) give() {
	if p.n == 0 {
		pipes.Put(p)
		return
	}
	p.cleanup.Stop()
	closeEnds(p.ends)
}

// fill takes what s has, up to most bytes, waiting for the first until by. None is the end of the stream.
func (p *pipe) fill(s *stream, most int, by time.Time) error {
	p.most = most
	for {
		if err := s.armRead(by); err != nil {
			return err
		}
		err := s.raw.Read(p.onRead)
		if err == nil {
			return p.failed()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || s.aborted.Load() || !s.early(by) {
			return err
		}
	}
}

// readable runs when the socket may be readable. The pipe is empty, so it is not for want of room when there is nothing.
func (p *pipe) readable(fd uintptr) bool {
	p.n, p.errno = move(fd, uintptr(p.ends[1]), p.most)
	return p.errno != syscall.EAGAIN
}

// pump gives s what p holds until all is written, the deadline passes or the connection breaks.
func (p *pipe) pump(s *stream) (int, error) {
	before := p.n
	p.errno = 0
	err := s.raw.Write(p.onWrite)
	if err == nil {
		err = p.failed()
	}
	return before - p.n, err
}

// writable runs when the socket may take something.
func (p *pipe) writable(fd uintptr) bool {
	for p.n > 0 && p.errno == 0 {
		var n int
		if n, p.errno = move(uintptr(p.ends[0]), fd, p.n); n == 0 && p.errno == 0 {
			p.errno = syscall.EPIPE
		}
		p.n -= n
	}
	if p.errno == syscall.EAGAIN {
		p.errno = 0
		return false
	}
	return true
}

func (p *pipe) failed() error {
	if p.errno == 0 {
		return nil
	}
	return p.errno
}

// move moves up to most bytes without waiting. n is 0 at the end of the stream and when errno says why not.
func move(from, to uintptr, most int) (n int, errno syscall.Errno) {
	const nonblock = 2 // SPLICE_F_NONBLOCK
	for {
		r, _, e := syscall.Syscall6(syscall.SYS_SPLICE, from, 0, to, 0, uintptr(most), nonblock)
		if e == 0 {
			return int(r), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

package telemetry

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A sink is where the access log goes: a file that can be opened anew, or a writer that somebody
// else owns. Only the log's goroutine writes to it.
type sink struct {
	path   string // "" for a writer
	w      io.Writer
	rest   []byte // what is missing of a line that was cut off by an error
	report *lossReport

	mu     sync.Mutex // guards the rest
	file   *os.File   // w, when it is ours
	next   *os.File   // what reopen opened
	closed bool
}

// openSink opens a file, or takes stdout for the path "stdout".
func openSink(path string, stdout io.Writer) (*sink, error) {
	if path == "stdout" {
		return &sink{w: stdout}, nil
	}
	f, err := openLog(path)
	if err != nil {
		return nil, err
	}
	return &sink{path: path, w: f, file: f}, nil
}

// openLog opens a file to append to. Without O_NONBLOCK, a pipe that nobody reads would hold up
// whoever opens it.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
}

func (s *sink) reopen() error {
	if s.path == "" {
		return nil
	}
	f, err := openLog(s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unused := s.next
	s.next = f
	if s.closed {
		unused, s.next = f, nil
	}
	if unused != nil {
		_ = unused.Close()
	}
	return nil
}

// swap goes over to what reopen opened.
func (s *sink) swap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		return
	}
	_ = s.file.Close()
	s.file, s.w, s.next = s.next, s.next, nil
	s.dropRest()
}

// write writes lines and counts those that were lost. What an error cuts off of a line is kept and
// written before the next one, so that every line stays whole once the disk has room again.
func (s *sink) write(b *logBuffer) {
	s.swap()
	lines := b.lines
	err := s.writeRest()
	if err == nil {
		var n int
		n, err = s.writeAll(b.b)
		lines -= bytes.Count(b.b[:n], newline)
		if n > 0 && b.b[n-1] != '\n' {
			end := n + bytes.IndexByte(b.b[n:], '\n') + 1
			s.rest = bytes.Clone(b.b[n:end])
			lines--
		}
	}
	s.report.lost(lines, err)
}

var newline = []byte("\n")

func (s *sink) writeRest() error {
	if len(s.rest) == 0 {
		return nil
	}
	n, err := s.writeAll(s.rest)
	s.rest = s.rest[n:]
	return err
}

// writeAll is Write that says how much was written whatever the writer claims.
func (s *sink) writeAll(b []byte) (n int, err error) {
	n, err = s.w.Write(b)
	n = min(max(n, 0), len(b))
	if n < len(b) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// dropRest gives up a line that was cut off.
func (s *sink) dropRest() {
	if len(s.rest) > 0 {
		s.rest = nil
		s.report.lost(1, nil)
	}
}

func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.dropRest()
	s.report.tell(nil)
	for _, f := range []*os.File{s.file, s.next} {
		if f != nil {
			_ = f.Close()
		}
	}
	s.file, s.next = nil, nil
}

// interrupt ends a write that hangs, where the system can.
func (s *sink) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		_ = s.file.SetWriteDeadline(time.Now())
	}
}

// A lossReport counts lost lines and tells of them, seldom enough not to make another flood.
type lossReport struct {
	dropped *atomic.Uint64
	log     *slog.Logger
	before  uint64    // lost when we last told
	at      time.Time // when that was
}

const tellEvery = 10 * time.Second

// lost counts lines that a write lost, and tells of these and of those that Write had to drop.
func (r *lossReport) lost(lines int, err error) {
	r.dropped.Add(uint64(lines))
	if time.Since(r.at) >= tellEvery {
		r.tell(err)
	}
}

func (r *lossReport) tell(err error) {
	now := r.dropped.Load()
	if now == r.before {
		return
	}
	reason := "it is written more slowly than lines come"
	if err != nil {
		reason = err.Error()
	}
	r.log.Warn("lines of the access log were lost", "lines", now-r.before, "reason", reason)
	r.before, r.at = now, time.Now()
}

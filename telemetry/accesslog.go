package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An AccessLog writes one line a request. Write appends to memory and never waits for the disk or
// for whoever reads: lines that come while all memory is full of unwritten ones are dropped and
// counted. One goroutine writes. Lines of one connection keep their order; those of different ones
// may pass each other by a moment.
//
// A nil AccessLog writes nothing.
type AccessLog struct {
	fields  fieldSet
	sample  uint64 // of 2^32 requests, how many get a line
	dropped *atomic.Uint64
	sink    *sink

	stripes [maxStripes]logStripe
	made    atomic.Int32    // buffers that exist
	free    chan *logBuffer // some of those that are empty
	full    chan *logBuffer // has room for all buffers, so that sending never waits

	kick    chan struct{} // a line waits, or the file is to be opened anew
	stop    chan struct{}
	stopped chan struct{}
	closing sync.Once
}

// A logStripe takes lines from some goroutines.
type logStripe struct {
	mu     sync.Mutex // guards all
	buf    *logBuffer // nil when no line waits
	closed bool
	clock  clock
	_      [64]byte // no cache line shared with the next stripe
}

// A logBuffer is lines on their way.
type logBuffer struct {
	b     []byte
	lines int
}

const (
	handOver   = 64 << 10           // a buffer that holds as much is written
	bufferSize = handOver + maxLine // so that none ever has to grow
	maxBuffers = 128                // 14 MiB, some 30,000 lines
	keepFree   = 16                 // buffers that are kept when a rush is over
	flushEvery = 100 * time.Millisecond
	closeWait  = 2 * time.Second
)

// OpenAccessLog opens the log that c asks for. Lost lines are counted in dropped, which is
// Metrics.LogDropped as a rule, and told to log now and then.
func OpenAccessLog(c AccessLogConfig, stdout io.Writer, dropped *atomic.Uint64, log *slog.Logger) (*AccessLog, error) {
	fields, err := fieldsOf(c.Fields)
	if err != nil || c.Path == "off" {
		return nil, err
	}
	s, err := openSink(c.Path, stdout)
	if err != nil {
		return nil, fmt.Errorf("open the access log: %w", err)
	}
	l := &AccessLog{
		fields: fields, sample: uint64(c.Sample.Ratio() * (1 << 32)), dropped: dropped, sink: s,
		free: make(chan *logBuffer, keepFree), full: make(chan *logBuffer, maxBuffers),
		kick: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.report = &lossReport{dropped: dropped, log: log, before: dropped.Load()}
	go l.run()
	return l, nil
}

func fieldsOf(names []string) (set fieldSet, err error) {
	if len(names) == 0 {
		return allFields, nil
	}
	for _, name := range names {
		i := slices.Index(Fields, name)
		if i < 0 {
			return 0, fmt.Errorf("the access log has no field %q", name)
		}
		set |= 1 << i
	}
	return set, nil
}

// Write logs a request, unless sampling leaves it out. It keeps nothing of line, does not allocate
// and does not wait.
func (l *AccessLog) Write(line *Line) {
	if l == nil || line.Status < 500 && l.sample < 1<<32 && uint64(rand.Uint32()) >= l.sample {
		return
	}
	s := &l.stripes[stripe()]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf == nil && !l.begin(s) {
		l.dropped.Add(1)
		return
	}
	s.buf.b = line.append(s.buf.b, l.fields, &s.clock)
	s.buf.lines++
	if len(s.buf.b) >= handOver {
		l.full <- s.buf
		s.buf = nil
	}
}

// begin gives s, whose lock is held, an empty buffer, if there may be another one.
func (l *AccessLog) begin(s *logStripe) bool {
	if s.closed {
		return false
	}
	select {
	case s.buf = <-l.free:
	default:
		if l.made.Add(1) > maxBuffers {
			l.made.Add(-1)
			return false
		}
		s.buf = &logBuffer{b: make([]byte, 0, bufferSize)}
	}
	l.wake()
	return true
}

func (l *AccessLog) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Reopen opens the file by its name anew, after somebody moved it away. On an error lines go on
// to where they went. It does nothing for a log without a file.
func (l *AccessLog) Reopen() error {
	if l == nil {
		return nil
	}
	if err := l.sink.reopen(); err != nil {
		return fmt.Errorf("open the access log anew: %w", err)
	}
	l.wake()
	return nil
}

// Close writes what waits and closes the file. Should that take longer than two seconds, the rest
// is counted as dropped and given up. Lines that come later are dropped.
func (l *AccessLog) Close() {
	if l == nil {
		return
	}
	l.closing.Do(func() {
		l.handOverAll(true)
		close(l.stop)
	})
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	select {
	case <-l.stopped:
	case <-patience.C:
		l.dropWaiting()
		l.sink.interrupt()
	}
}

// handOverAll has the lines of all stripes written.
func (l *AccessLog) handOverAll(closed bool) {
	for i := range l.stripes {
		s := &l.stripes[i]
		s.mu.Lock()
		if s.buf != nil {
			l.full <- s.buf // under the lock, so that no later buffer of s can overtake it
			s.buf = nil
		}
		s.closed = s.closed || closed
		s.mu.Unlock()
	}
}

// run is the goroutine that writes. Lines wait for company up to flushEvery.
func (l *AccessLog) run() {
	defer close(l.stopped)
	defer l.sink.close()
	timer := time.NewTimer(flushEvery)
	timer.Stop()
	ticking := false
	for {
		select {
		case b := <-l.full:
			l.write(b)
		case <-l.kick:
			l.sink.swap()
			if !ticking {
				timer.Reset(flushEvery)
				ticking = true
			}
		case <-timer.C:
			ticking = false
			l.handOverAll(false)
		case <-l.stop:
			l.drain()
			return
		}
	}
}

// drain writes what is left after the stripes were closed.
func (l *AccessLog) drain() {
	for {
		select {
		case b := <-l.full:
			l.write(b)
		default:
			return
		}
	}
}

func (l *AccessLog) dropWaiting() {
	for {
		select {
		case b := <-l.full:
			l.dropped.Add(uint64(b.lines))
		default:
			return
		}
	}
}

func (l *AccessLog) write(b *logBuffer) {
	l.sink.write(b)
	b.b, b.lines = b.b[:0], 0
	select {
	case l.free <- b:
	default:
		l.made.Add(-1)
	}
}

package telemetry

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Readings are how hard it is for the process at one moment.
type Readings struct {
	Memory  float64       // what is needed of the memory that there is, from 0 to 1
	Latency time.Duration // that a goroutine waits for a core, of a hundred all but one at most
	CPU     float64       // share of the cores that is used, from 0 to 1
}

// A Strain tells how hard it is for the process. It looks when somebody asks, ten times a second at most, and starts no
// goroutine: who asks looks, unless another does already.
//
// What it tells rises fast and falls slowly, so that who acts on it does not swing: to where memory is at once, half way with each look
// for the others, of which one look proves nothing; and back within about a second.
type Strain struct {
	inflight *Gauge
	read     func(since time.Duration) Readings

	next    atomic.Int64 // when to look again, in Unix nanoseconds
	memory  atomic.Uint64
	latency atomic.Int64
	cpu     atomic.Uint64

	mu   sync.Mutex // guards what follows, and calls of read
	last time.Time
}

const (
	lookEvery = 100 * time.Millisecond
	fallTime  = 450 * time.Millisecond // in which a reading falls to 1/e of the way
)

// NewStrain tells how hard it is for this process, or what read says: it gets the time since it was last asked, 0 for the first time.
func NewStrain(m *Metrics, read func(since time.Duration) Readings) *Strain {
	if read == nil {
		read = newMachine().read
	}
	return &Strain{inflight: &m.Inflight, read: read}
}

// Calm reads of a machine that has nothing else to do: what the one that runs tests has must not show in them.
func Calm(time.Duration) Readings { return Readings{} }

// Inflight is the number of requests under way.
func (s *Strain) Inflight() int64 { return s.inflight.Value() }

// At returns the readings at now, which may be a moment ago.
func (s *Strain) At(now time.Time) Readings {
	if at := now.UnixNano(); at >= s.next.Load() && s.mu.TryLock() {
		s.look(now)
		s.next.Store(at + int64(lookEvery))
		s.mu.Unlock()
	}
	return Readings{
		math.Float64frombits(s.memory.Load()), time.Duration(s.latency.Load()), math.Float64frombits(s.cpu.Load()),
	}
}

func (s *Strain) look(now time.Time) {
	since := time.Duration(0)
	if !s.last.IsZero() {
		since = max(now.Sub(s.last), 0)
	}
	s.last = now
	r := s.read(since)
	stays := math.Exp(-float64(since) / float64(fallTime))
	s.memory.Store(math.Float64bits(follow(math.Float64frombits(s.memory.Load()), r.Memory, 1, stays)))
	s.latency.Store(int64(follow(float64(s.latency.Load()), float64(r.Latency), 0.5, stays)))
	s.cpu.Store(math.Float64bits(follow(math.Float64frombits(s.cpu.Load()), r.CPU, 0.5, stays)))
}

// follow moves from was to is: up by a share of the way, down so that a share of it stays.
func follow(was, is, up, stays float64) float64 {
	if is >= was {
		return was + (is-was)*up
	}
	return is + (was-is)*stays
}

package telemetry

import (
	"math"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A histogram counts durations in two ways at once: in the classic buckets that every scraper
// understands, and in the exponential ones of a Prometheus native histogram (eight to a doubling, so
// that a quantile is off by 4.5 % at most) for those that can read them. The library's own histogram
// does the same in three times the time, and cannot be spread over stripes.
type histogram struct {
	classic [len(bounds) + 1]atomic.Uint64 // the last is for what is above all bounds
	sum     atomic.Int64                   // nanoseconds
	zero    atomic.Uint64                  // durations up to zeroThreshold
	octaves [octaves]atomic.Pointer[octave]
}

// An octave is the native buckets of one doubling. Most routes need a few of them only.
type octave [perOctave]atomic.Uint64

// bounds are the upper bounds of the classic buckets.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second,
}

// The native buckets reach from about 1 µs to 36 hours; what is longer counts as that.
const (
	nativeSchema = 3 // 2^3 buckets to a doubling
	perOctave    = 1 << nativeSchema
	minOctave    = -20 // 2^-20 s, which also is the zero bucket's bound
	octaves      = 37
	mantissaBits = 52
)

var zeroThreshold = math.Exp2(minOctave)

// mantissas are the lower bounds of the native buckets within a doubling, 2^(i/8), as the mantissa
// of a float64.
var mantissas = func() (m [perOctave]uint64) {
	for i := range m {
		m[i] = math.Float64bits(math.Exp2(float64(i)/perOctave)) & (1<<mantissaBits - 1)
	}
	return m
}()

// observe counts d and returns how many its classic bucket holds now. That bucket comes first: see
// snapshot.
func (h *histogram) observe(d time.Duration) (n uint64) {
	d = max(d, 0)
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	n = h.classic[i].Add(1)
	h.sum.Add(int64(d))
	key, ok := nativeKey(d)
	if !ok {
		h.zero.Add(1)
		return n
	}
	o := h.octaves[key/perOctave].Load()
	if o == nil {
		h.octaves[key/perOctave].CompareAndSwap(nil, new(octave))
		o = h.octaves[key/perOctave].Load()
	}
	o[key%perOctave].Add(1)
	return n
}

// nativeKey returns the number of d's native bucket, counted from the smallest, or false for the
// zero bucket. Bucket k holds what is above 2^(k/8) and up to and including 2^((k+1)/8) times
// zeroThreshold.
func nativeKey(d time.Duration) (key int, ok bool) {
	f := float64(d) / float64(time.Second)
	if f <= zeroThreshold {
		return 0, false
	}
	bits := math.Float64bits(f)
	exp := int(bits>>mantissaBits) - 1023
	m := bits & (1<<mantissaBits - 1)
	i := 0 // the number of lower bounds below m
	for step := perOctave / 2; step > 0; step /= 2 {
		if mantissas[i+step-1] < m {
			i += step
		}
	}
	if mantissas[i] < m {
		i++
	}
	return min((exp-minOctave)*perOctave+i-1, octaves*perOctave-1), true
}

// A snapshot is the sum of some histograms at one moment.
type snapshot struct {
	classic [len(bounds) + 1]uint64
	native  [octaves * perOctave]uint64
	zero    uint64
	count   uint64
	sum     int64
}

// add adds what h holds. Scrapers reject a native histogram whose buckets are more or fewer than its
// count, so the count is made from them, and they are read before the classic ones: no
// duration that is in the count is missing there.
func (s *snapshot) add(h *histogram) {
	zero := h.zero.Load()
	s.zero += zero
	s.count += zero
	for i := range h.octaves {
		o := h.octaves[i].Load()
		if o == nil {
			continue
		}
		for j := range o {
			n := o[j].Load()
			s.native[i*perOctave+j] += n
			s.count += n
		}
	}
	s.sum += h.sum.Load()
	for i := range h.classic {
		s.classic[i] += h.classic[i].Load()
	}
}

// proto returns s as Prometheus wants it. The parts that are the same for all are shared, and the
// buckets of one made at once, since there can be a great many of them.
func (s *snapshot) proto() *dto.Histogram {
	buckets := new(struct {
		list   [len(bounds)]*dto.Bucket
		all    [len(bounds)]dto.Bucket
		counts [len(bounds)]uint64
		count  uint64
		zero   uint64
		sum    float64
	})
	buckets.count, buckets.zero, buckets.sum = s.count, s.zero, float64(s.sum)/float64(time.Second)
	var below uint64
	for i := range bounds {
		below += s.classic[i]
		buckets.counts[i] = min(below, s.count) // not one that came after the count was taken
		buckets.list[i] = &buckets.all[i]
		buckets.all[i].UpperBound, buckets.all[i].CumulativeCount = upperBounds[i], &buckets.counts[i]
	}
	out := &dto.Histogram{
		SampleCount:   &buckets.count,
		SampleSum:     &buckets.sum,
		Bucket:        buckets.list[:],
		Schema:        protoSchema,
		ZeroThreshold: &zeroThreshold,
		ZeroCount:     &buckets.zero,
	}
	s.spans(out)
	return out
}

var (
	protoSchema = new(int32(nativeSchema))
	upperBounds = func() (p [len(bounds)]*float64) {
		for i, bound := range bounds {
			p[i] = new(bound.Seconds())
		}
		return p
	}()
)

// spans writes the native buckets as runs of used ones, each bucket as the difference to the one
// before. Prometheus numbers a bucket by its upper bound, 2^(n/8) s.
func (s *snapshot) spans(out *dto.Histogram) {
	const first = minOctave*perOctave + 1
	var before int64
	next := 0 // the number that would continue the run
	for i, n := range s.native {
		if n == 0 {
			continue
		}
		number := first + i
		if gap := number - next; gap != 0 || len(out.PositiveSpan) == 0 {
			out.PositiveSpan = append(out.PositiveSpan, &dto.BucketSpan{Offset: new(int32(gap)), Length: new(uint32)})
		}
		*out.PositiveSpan[len(out.PositiveSpan)-1].Length++
		out.PositiveDelta = append(out.PositiveDelta, int64(n)-before)
		before, next = int64(n), number+1
	}
}

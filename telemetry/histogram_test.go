package telemetry

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// TestHistogramAgainstLibrary has the library count the same durations.
func TestHistogramAgainstLibrary(t *testing.T) {
	var durations []time.Duration
	for _, b := range bounds {
		durations = append(durations, b-1, b, b+1)
	}
	for e := minOctave; e < minOctave+octaves; e++ { // the native bounds themselves
		durations = append(durations, time.Duration(math.Exp2(float64(e))*float64(time.Second)))
	}
	durations = append(durations, -time.Second, 0, 1, time.Microsecond, time.Second, 24*time.Hour)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		durations = append(durations, time.Duration(math.Exp(rng.Float64()*30)))
	}

	var bucketBounds []float64
	for _, b := range bounds {
		bucketBounds = append(bucketBounds, b.Seconds())
	}
	library := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", Buckets: bucketBounds, NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: zeroThreshold,
	})
	ours := new(histogram)
	for _, d := range durations {
		ours.observe(d)
		library.Observe(max(d, 0).Seconds())
	}
	var m dto.Metric
	if err := library.Write(&m); err != nil {
		t.Fatal(err)
	}
	want, got := m.Histogram, proto(ours)
	if got.GetSampleCount() != want.GetSampleCount() || math.Abs(got.GetSampleSum()/want.GetSampleSum()-1) > 1e-9 {
		t.Errorf("got count %d, sum %v; want %d, %v", got.GetSampleCount(), got.GetSampleSum(), want.GetSampleCount(), want.GetSampleSum())
	}
	for i, b := range want.Bucket {
		if g := got.Bucket[i]; g.GetUpperBound() != b.GetUpperBound() || g.GetCumulativeCount() != b.GetCumulativeCount() {
			t.Errorf("classic bucket: got %v, want %v", g, b)
		}
	}
	if got.GetSchema() != want.GetSchema() || got.GetZeroCount() != want.GetZeroCount() || got.GetZeroThreshold() != want.GetZeroThreshold() {
		t.Errorf("got schema %d zero %d, want schema %d zero %d", got.GetSchema(), got.GetZeroCount(), want.GetSchema(), want.GetZeroCount())
	}
	g, w := expand(got), expand(want)
	for n := range w {
		if g[n] != w[n] {
			t.Errorf("native bucket %d: got %d, want %d", n, g[n], w[n])
		}
	}
	if len(g) != len(w) {
		t.Errorf("got %d native buckets, want %d", len(g), len(w))
	}
}

func TestHistogramExtremes(t *testing.T) {
	h := new(histogram)
	h.observe(math.MaxInt64)
	h.observe(math.MinInt64)
	got := proto(h)
	if got.GetSampleCount() != 2 || got.GetZeroCount() != 1 || len(expand(got)) != 1 {
		t.Errorf("got %v", got)
	}
}

func proto(h *histogram) *dto.Histogram {
	var s snapshot
	s.add(h)
	return s.proto()
}

// expand undoes spans and deltas.
func expand(h *dto.Histogram) map[int]int64 {
	out := map[int]int64{}
	n, count, i := 0, int64(0), 0
	for _, span := range h.PositiveSpan {
		n += int(span.GetOffset())
		for range span.GetLength() {
			count += h.PositiveDelta[i]
			if count > 0 {
				out[n] = count
			}
			n, i = n+1, i+1
		}
	}
	return out
}

// TestSnapshotIsConsistent looks at a histogram while it counts: a scraper must never see buckets
// that do not add up.
func TestSnapshotIsConsistent(t *testing.T) {
	h, stop := new(histogram), make(chan struct{})
	for i := range 2 {
		go func() {
			for d := time.Duration(i); ; d = (d + 12345) % (40 * time.Second) {
				select {
				case <-stop:
					return
				default:
					h.observe(d)
				}
			}
		}()
	}
	defer close(stop)
	var before []uint64
	for range 300 {
		p := proto(h)
		sum := p.GetZeroCount()
		for _, n := range expand(p) {
			sum += uint64(n)
		}
		if sum != p.GetSampleCount() {
			t.Fatalf("native buckets hold %d, count is %d", sum, p.GetSampleCount())
		}
		var now []uint64
		for _, b := range p.Bucket {
			now = append(now, b.GetCumulativeCount())
		}
		now = append(now, p.GetSampleCount())
		if !slices.IsSorted(now) {
			t.Fatalf("cumulative buckets go down: %d", now)
		}
		for i := range before {
			if now[i] < before[i] {
				t.Fatalf("bucket %d went from %d to %d", i, before[i], now[i])
			}
		}
		before = now
	}
}

func BenchmarkObserve(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		h := new(histogram)
		for d := time.Duration(0); b.Loop(); d = (d + 12345) % (20 * time.Millisecond) {
			h.observe(d)
		}
	})
	b.Run("library", func(b *testing.B) {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "x", NativeHistogramBucketFactor: 1.1})
		for d := time.Duration(0); b.Loop(); d = (d + 12345) % (20 * time.Millisecond) {
			h.Observe(d.Seconds())
		}
	})
}

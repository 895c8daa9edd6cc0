package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/schema"
)

// open opens a log on w. What it tells of losses goes to the returned buffer.
func open(t testing.TB, c AccessLogConfig, w io.Writer) (*AccessLog, *atomic.Uint64, *bytes.Buffer) {
	t.Helper()
	if c.Path == "" {
		c.Path = "stdout"
	}
	if c.Sample == 0 {
		c.Sample = 100
	}
	dropped, told := new(atomic.Uint64), new(bytes.Buffer)
	l, err := OpenAccessLog(c, w, dropped, slog.New(slog.NewTextHandler(told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return l, dropped, told
}

// count returns how many lines there are, and fails when one is no JSON.
func count(t testing.TB, text []byte) int {
	t.Helper()
	n := 0
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			t.Fatalf("line %d is no JSON: %.200q", n, line)
		}
		n++
	}
	return n
}

// A locked is a buffer that may be looked at while it is written.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

func TestFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(locked)
		l, dropped, _ := open(t, AccessLogConfig{}, out)
		for round := 1; round <= 3; round++ {
			l.Write(example())
			synctest.Wait()
			if n := count(t, out.bytes()); n != round-1 {
				t.Errorf("round %d: %d lines at once, want them to wait for company", round, n)
			}
			time.Sleep(flushEvery)
			synctest.Wait()
			if n := count(t, out.bytes()); n != round {
				t.Errorf("round %d: %d lines after %v", round, n, flushEvery)
			}
		}
		l.Write(example())
		l.Close()
		if n := count(t, out.bytes()); n != 4 || dropped.Load() != 0 {
			t.Errorf("after Close: %d lines, %d dropped, want 4 and 0", n, dropped.Load())
		}
		l.Write(example())
		l.Close()
		if n := count(t, out.bytes()); n != 4 || dropped.Load() != 1 {
			t.Errorf("after a late line: %d lines, %d dropped, want 4 and 1", n, dropped.Load())
		}
	})
}

func TestOff(t *testing.T) {
	l, _, _ := open(t, AccessLogConfig{Path: "off"}, nil)
	if l != nil {
		t.Error("off must be no log")
	}
	l.Write(example())
	l.Close()
	if err := l.Reopen(); err != nil {
		t.Error(err)
	}
}

// A blocked writer takes bytes only when it may.
type blocked struct {
	locked
	may chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.may
	return b.locked.Write(p)
}

// TestBlockedSink has nobody read the log: Write must go on, in bounded memory, and count.
func TestBlockedSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &blocked{may: make(chan struct{})}
		l, dropped, told := open(t, AccessLogConfig{}, out)
		big := example()
		big.Path = strings.Repeat("/x", 4000)
		const lines = 3 * maxBuffers * bufferSize / 8000
		start := time.Now()
		for range lines {
			l.Write(big)
		}
		if time.Since(start) != 0 {
			t.Errorf("Write waited for %v", time.Since(start))
		}
		if got := l.made.Load(); got > maxBuffers {
			t.Errorf("%d buffers were made, want at most %d", got, maxBuffers)
		}
		lost := dropped.Load()
		if lost == 0 || lost > lines*9/10 {
			t.Errorf("%d of %d lines were dropped", lost, lines)
		}
		close(out.may)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := count(t, out.bytes()); n != lines-int(lost) {
			t.Errorf("%d lines were written, want %d", n, lines-int(lost))
		}
		if got := len(l.free); got > keepFree {
			t.Errorf("%d buffers are kept", got)
		}
		l.Write(big)
		l.Close()
		if n := count(t, out.bytes()); n != lines-int(lost)+1 {
			t.Errorf("%d lines in the end, want %d", n, lines-int(lost)+1)
		}
		if want := fmt.Sprintf("lines=%d ", lost); !strings.Contains(told.String(), want) || !strings.Contains(told.String(), "more slowly") {
			t.Errorf("want the loss of %s told, got %s", want, told)
		}
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &blocked{may: make(chan struct{})}
		l, dropped, _ := open(t, AccessLogConfig{}, out)
		big := example()
		big.Path = strings.Repeat("/x", 4000)
		const lines = 100
		for range lines {
			l.Write(big)
		}
		time.Sleep(time.Second)
		start := time.Now()
		l.Close()
		if took := time.Since(start); took != closeWait {
			t.Errorf("Close took %v, want %v", took, closeWait)
		}
		close(out.may)
		synctest.Wait()
		if n := count(t, out.bytes()); n == 0 || n+int(dropped.Load()) != lines {
			t.Errorf("%d lines written and %d dropped, want %d in all", n, dropped.Load(), lines)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	for name, c := range map[string]AccessLogConfig{
		"no directory": {Path: filepath.Join(t.TempDir(), "no", "such")},
		"directory":    {Path: t.TempDir()},
		"empty":        {},
		"field":        {Path: "stdout", Fields: []string{"cookie"}},
	} {
		if l, err := OpenAccessLog(c, io.Discard, new(atomic.Uint64), slog.Default()); err == nil {
			l.Close()
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestSample(t *testing.T) {
	for _, c := range []struct {
		percent  schema.Percent
		min, max int
	}{{0.0000001, 0, 2}, {10, 800, 1200}, {99.99, 9950, 10000}, {100, 10000, 10000}} {
		out := new(bytes.Buffer)
		l, _, _ := open(t, AccessLogConfig{Sample: c.percent, Fields: []string{"status"}}, out)
		failed := example()
		failed.Status = 503
		l.Write(failed)
		for range 10_000 {
			l.Write(example())
		}
		l.Close()
		if n := count(t, out.Bytes()) - 1; n < c.min || n > c.max {
			t.Errorf("%v: got %d lines, want %d to %d", c.percent, n, c.min, c.max)
		}
		if !strings.Contains(out.String(), `{"status":503}`) {
			t.Errorf("%v: the failure is missing", c.percent)
		}
	}
}

// TestManyWriters has many goroutines write while the file is reopened and the log closed.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, dropped, _ := open(t, AccessLogConfig{Path: path}, nil)
	var wg sync.WaitGroup
	const workers, each = 8, 2000
	for w := range workers {
		wg.Go(func() {
			line := example()
			line.ID = fmt.Sprint(w)
			for i := range each {
				line.Tries = i + 1
				l.Write(line)
				if w == 0 && i%100 == 0 {
					_ = l.Reopen()
				}
				if w == 1 && i == each*9/10 {
					l.Close()
				}
			}
		})
	}
	wg.Wait()
	l.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, text); n+int(dropped.Load()) != workers*each {
		t.Errorf("%d lines and %d dropped, want %d in all", n, dropped.Load(), workers*each)
	}
}

// TestOrder: the lines of one stripe stay in order, whatever is flushed meanwhile and lost.
func TestOrder(t *testing.T) {
	defer func(n uintptr) { stripes = n }(stripes)
	stripes = 1
	out := new(locked)
	l, dropped, _ := open(t, AccessLogConfig{Fields: []string{"status"}}, out)
	line := example()
	const lines = 50_000
	for i := range lines {
		line.Status = i + 1
		l.Write(line)
		if i%777 == 0 {
			l.handOverAll(false)
		}
	}
	l.Close()
	before := 0
	for line := range bytes.Lines(out.bytes()) {
		var got struct{ Status int }
		if err := json.Unmarshal(line, &got); err != nil || got.Status <= before {
			t.Fatalf("got %s after %d, %v", line, before, err)
		}
		before = got.Status
	}
	if n := count(t, out.bytes()); n+int(dropped.Load()) != lines {
		t.Errorf("%d lines and %d dropped, want %d in all", n, dropped.Load(), lines)
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	l, _, _ := open(t, AccessLogConfig{}, io.Discard)
	defer l.Close()
	line := example()
	l.Write(line)
	if got := testing.AllocsPerRun(2000, func() { l.Write(line) }); got != 0 {
		t.Errorf("got %v allocations a line, want 0", got)
	}
}

func BenchmarkWrite(b *testing.B) {
	l, dropped, _ := open(b, AccessLogConfig{}, io.Discard)
	b.Run("one", func(b *testing.B) {
		line := example()
		b.ReportAllocs()
		for b.Loop() {
			l.Write(line)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for line := example(); p.Next(); {
				l.Write(line)
			}
		})
	})
	l.Close()
	b.ReportMetric(float64(dropped.Load()), "dropped")
}

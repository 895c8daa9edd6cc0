package telemetry

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A full writer has room for so many bytes, and gets more room sometimes.
type full struct {
	locked
	room int
}

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	_, _ = f.locked.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// TestFullDisk cuts lines off at every place, and gives room again in portions of every size.
func TestFullDisk(t *testing.T) {
	length := len(line(example(), allFields))
	for room := 0; room <= length+1; room += 17 {
		for _, portion := range []int{0, 1, length - 1, length, 3 * length} {
			synctest.Test(t, func(t *testing.T) {
				out := &full{room: room}
				l, dropped, told := open(t, AccessLogConfig{}, out)
				lines := 0
				for range 20 {
					for range 5 {
						l.Write(example())
						lines++
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					out.room += portion
				}
				out.room = 1 << 20
				l.Write(example())
				lines++
				l.Close()
				if n := count(t, out.bytes()); n+int(dropped.Load()) != lines {
					t.Errorf("room %d, portion %d: %d lines written and %d dropped, want %d in all", room, portion, n, dropped.Load(), lines)
				}
				if dropped.Load() > 0 && !strings.Contains(told.String(), errFull.Error()) {
					t.Errorf("room %d, portion %d: the reason was not told: %s", room, portion, told)
				}
			})
		}
	}
}

// TestLossIsToldSeldom: a full disk must not fill the next one.
func TestLossIsToldSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dropped, told := open(t, AccessLogConfig{}, new(full))
		for range 60 * 5 {
			l.Write(example())
			time.Sleep(200 * time.Millisecond)
		}
		l.Close()
		if n := strings.Count(told.String(), "\n"); n < 5 || n > 8 {
			t.Errorf("%d lines were lost in a minute and told in %d messages, want one each ten seconds:\n%s", dropped.Load(), n, told)
		}
	})
}

func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	l, dropped, _ := open(t, AccessLogConfig{Path: "/dev/full"}, nil)
	for range 1000 {
		l.Write(example())
	}
	l.Close()
	if dropped.Load() != 1000 {
		t.Errorf("%d lines were dropped, want 1000", dropped.Load())
	}
}

func TestFileAndReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	lines := func(name string) int {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return count(t, text)
	}
	synctest.Test(t, func(t *testing.T) {
		write := func(l *AccessLog, n int) {
			for range n {
				l.Write(example())
			}
		}
		l, dropped, _ := open(t, AccessLogConfig{Path: path}, nil)
		write(l, 3)
		l.Close()
		l, _, _ = open(t, AccessLogConfig{Path: path}, nil) // adds to what is there
		write(l, 2)
		time.Sleep(flushEvery)
		synctest.Wait()
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := l.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
		write(l, 4)
		l.Close()
		if a, b := lines(path+".1"), lines(path); a != 5 || b != 4 || dropped.Load() != 0 {
			t.Errorf("%d lines before and %d after, want 5 and 4", a, b)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("others may read the log: %v, %v", info.Mode(), err)
		}
		if err := l.Reopen(); err != nil {
			t.Error("after Close:", err)
		}
	})
}

func TestReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, dropped, _ := open(t, AccessLogConfig{Path: filepath.Join(dir, "access.log")}, nil)
	moved := dir + ".moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("want an error: the directory is gone")
	}
	l.Write(example())
	l.Close()
	text, err := os.ReadFile(filepath.Join(moved, "access.log"))
	if err != nil || count(t, text) != 1 || dropped.Load() != 0 {
		t.Errorf("lines must go on to the old file: %v, %q", err, text)
	}
}

func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	c := AccessLogConfig{Path: path, Sample: 100}
	if _, err := OpenAccessLog(c, nil, new(atomic.Uint64), slog.New(slog.DiscardHandler)); !errors.Is(err, syscall.ENXIO) {
		t.Fatalf("a pipe that nobody reads: got %v, want an error at once", err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	l, dropped, _ := open(t, c, nil)
	for range 2000 { // more than a pipe holds
		l.Write(example())
	}
	start := time.Now()
	l.Close()
	if took := time.Since(start); took > closeWait+10*time.Second {
		t.Errorf("Close took %v", took)
	}
	if dropped.Load() == 0 {
		t.Error("nobody reads, so lines must have been dropped")
	}
	select {
	case <-l.stopped:
	case <-time.After(10 * time.Second):
		t.Error("the goroutine still hangs in the pipe")
	}
}

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sallyport/store"
)

// This file takes the room away that a store needs.

// fill writes until that is refused, and returns how many changes were acknowledged.
func fill(s *Store, from int) (n int, err error) {
	for n = from; n < 100_000; n++ {
		if err := s.Apply(context.Background(), store.Change{Put: trio(n)}); err != nil {
			return n, err
		}
	}
	return n, errors.New("there is no end")
}

// whole is an error unless the store has the first n trios, and nothing else.
func whole(s *Store, n int) error {
	r, err := contents(s)
	if err != nil {
		return err
	}
	if len(r.Keys) != n || len(r.Consumers) != n || len(r.Credentials) != n {
		return fmt.Errorf("%d changes were acknowledged, and there are %d keys, %d consumers, %d credentials", n, len(r.Keys), len(r.Consumers), len(r.Credentials))
	}
	return nil
}

// A store that may not grow refuses changes, with all that it acknowledged in it, and takes them again once there is room.
func TestFull(t *testing.T) {
	file := in(t)
	s := opened(t, file)
	if _, err := s.db.Exec("PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	n, err := fill(s, 0)
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("after %d: %v", n, err)
	}
	for range 3 {
		if _, err := fill(s, n); !errors.Is(err, ErrFull) {
			t.Errorf("again: %v", err)
		}
	}
	if err := whole(s, n); err != nil {
		t.Error(err)
	}
	if _, err := s.db.Exec("PRAGMA max_page_count = 4294967294"); err != nil {
		t.Fatal(err)
	}
	for ; n < 5000; n += 1000 {
		if err := s.Apply(t.Context(), store.Change{Put: trio(n)}); err != nil {
			t.Fatalf("with room again: %v", err)
		}
	}
}

// The same on a disk that is full: one in memory, if this process may mount one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("sallyport", dir, "tmpfs", 0, "size=512k,mode=0700"); err != nil {
		t.Skipf("this process may not mount: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	file, ballast := filepath.Join(dir, "s.db"), filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t, file)
	n, err := fill(s, 0)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d: %v", n, err)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "copy.db")); !errors.Is(err, ErrFull) {
		t.Errorf("a backup: %v", err)
	}
	if err := s.Touch(t.Context(), nil); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	if err := whole(s, n); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil { // the process ends, and the next one starts on the full disk
		t.Fatal(err)
	}
	s = opened(t, file)
	if err := whole(s, n); err != nil {
		t.Errorf("opened again: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), store.Change{Put: trio(n)}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := whole(s, n+1); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 || Exists(filepath.Join(dir, "copy.db")) {
		t.Errorf("the backup that failed left %q", left)
	}
}

// full runs a store against the largest file that its process may write, in stead of a disk that is full: any write beyond fails.
func full(file string) {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Create(context.Background(), file, slog.New(slog.DiscardHandler))
	must(err)
	var before syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	less := before
	less.Cur = 300 << 10
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &less))
	n, err := fill(s, 0)
	if !errors.Is(err, ErrDisk) && !errors.Is(err, ErrFull) {
		must(fmt.Errorf("after %d: %w", n, err))
	}
	must(whole(s, n))
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
	must(s.Apply(context.Background(), store.Change{Put: trio(n)}))
	must(whole(s, n+1))
	fmt.Println(n + 1)
	// It ends without closing.
}

func TestFilesMayNotGrow(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := in(t)
	c := exec.Command(self, file)
	c.Env, c.Stderr = append(os.Environ(), asProgram+"=full"), os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || n < 10 {
		t.Fatalf("it says %q", out)
	}
	if err := whole(opened(t, file), n); err != nil {
		t.Error(err)
	}
}

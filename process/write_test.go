package process

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kills is how often a process is killed while it writes.
func kills() int {
	if os.Getenv("SOAK") != "" {
		return 1000
	}
	return 40
}

// A process is killed at any moment of writing: what is there is always one content or another, never a part or a mix.
func TestKilledWhileWriting(t *testing.T) {
	for _, how := range []string{"write", "create"} {
		t.Run(how, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "data", "kept")
			seen := 0
			for range kills() {
				c := exec.Command(os.Args[0], name, how)
				c.Env = append(os.Environ(), asProgram+"=writer")
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Duration(rand.IntN(20000)) * time.Microsecond)
				if err := c.Process.Kill(); err != nil {
					t.Fatalf("it ended by itself: %v", err)
				}
				_ = c.Wait()
				b, err := os.ReadFile(name)
				switch {
				case errors.Is(err, fs.ErrNotExist):
					continue
				case err != nil:
					t.Fatal(err)
				}
				seen++
				n, err := strconv.Atoi(string(b[:min(8, len(b))]))
				if err != nil || !bytes.Equal(b, page(n)) {
					t.Fatalf("it is neither the old nor the new one: %d bytes, %.20q…", len(b), b)
				}
				if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
					t.Fatalf("got %v %v", info.Mode(), err)
				}
				if how == "create" {
					_ = os.Remove(name)
				}
			}
			if seen == 0 {
				t.Skip("this machine is too slow for it")
			}
			// What the dead left behind goes away in time.
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".*"))
			for _, l := range left {
				old := time.Now().Add(-2 * stale)
				if err := os.Chtimes(l, old, old); err != nil {
					t.Fatal(err)
				}
			}
			if err := WriteFile(name, page(1)); err != nil {
				t.Fatal(err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestCreateFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if err := CreateFile(name, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := CreateFile(name, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(name); string(b) != "one" {
		t.Errorf("got %q", b)
	}
}

// A disk without room keeps what was there.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system of our own: %v", err)
	}
	defer func() { _ = unix.Unmount(dir, 0) }()
	name := filepath.Join(dir, "kept")
	if err := WriteFile(name, page(1)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, bytes.Repeat(page(2), 10)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, page(1)) {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPIDFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "run", "pid")
	if err := WritePID(name); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(name); string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("got %q", b)
	}
	RemovePID(name)
	if _, err := os.Stat(name); err == nil {
		t.Error("it is still there")
	}
	if err := os.WriteFile(name, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if RemovePID(name); !exists(name) {
		t.Error("that of another process is removed")
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

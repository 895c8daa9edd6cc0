package function

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Code that is being copied is not code yet: processes stay as they are until nothing changes any more, and then there is one change.
func TestHalfCopied(t *testing.T) {
	inLab(t, Config{}, (*fake).echo, func(t *testing.T, _ *Registry, f *Function) {
		if got := outcome(f, "1", "a"); got != "a" {
			t.Errorf("got %q", got)
		}
		for i := range 20 {
			if err := os.WriteFile(filepath.Join(f.config.Directory.Path, fmt.Sprint(i)), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			if s := f.status(); s.Starts != 1 || s.Processes != 1 {
				t.Fatalf("after %d files: %+v", i, s)
			}
		}
		time.Sleep(5 * time.Second)
		if got := outcome(f, "2", "b"); got != "b" {
			t.Errorf("got %q", got)
		}
		if s := f.status(); s.Starts != 2 || s.Reloads != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Nobody waits for the keeper.
func TestClosesAtOnce(t *testing.T) {
	inLab(t, Config{Min: 1}, (*fake).echo, func(t *testing.T, r *Registry, f *Function) {
		time.Sleep(1100 * time.Millisecond)
		began := time.Now()
		r.Close()
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		if got := outcome(f, "1", "a"); got != ErrClosed.Error() {
			t.Errorf("got %q", got)
		}
	})
}

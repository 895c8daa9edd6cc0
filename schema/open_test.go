package schema

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpen(t *testing.T) {
	file, pipe := filepath.Join(t.TempDir(), "file"), filepath.Join(t.TempDir(), "pipe")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); string(b) != "text" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := Open(pipe); err == nil || !strings.HasSuffix(Unreadable(pipe, err), "pipe cannot be read: it is a pipe") {
		t.Errorf("got %v", err)
	}
	if f, err := Open(os.DevNull); err != nil {
		t.Error(err)
	} else {
		_ = f.Close()
	}
	if _, err := Open(file + "s"); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

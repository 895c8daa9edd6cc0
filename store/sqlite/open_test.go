package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/store"
)

// seeded is the file of a store with a key in it, which is closed.
func seeded(t *testing.T) string {
	t.Helper()
	file := in(t)
	s := opened(t, file)
	apply(t, s, store.Change{Put: everything()})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t *testing.T, file, query string) {
	t.Helper()
	db, err := connect(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// What is wrong with a store is told with its name and the way out, and nothing of it is changed.
func TestOpenRefuses(t *testing.T) {
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(file string)
		want  string
	}{
		{"gone", func(f string) { do(os.Remove(f), os.Remove(f+".pepper")) }, "no such file"},
		{"gone without its pepper", func(f string) { do(os.Remove(f)) }, "the database is gone or empty, and its pepper"},
		{"empty", func(f string) { do(os.Truncate(f, 0)) }, "restore a backup, or put the pepper aside to begin anew"},
		{"a newer version", func(f string) { run(t, f, fmt.Sprint("PRAGMA user_version = ", latest+1)) }, "it has version 2, of a newer program, and this one knows up to 1; run the newer one"},
		{"another program's", func(f string) { run(t, f, "PRAGMA application_id = 7") }, "it is a database of another program"},
		{"no database", func(f string) { do(os.WriteFile(f, bytes.Repeat([]byte("no database "), 1000), 0o600)) }, "the database is damaged: file is not a database (26); put it aside and restore a backup"},
		{"damaged", func(f string) {
			b, err := os.ReadFile(f)
			for i := 5 * 4096; i < len(b); i++ {
				b[i] = 0x55
			}
			do(err, os.WriteFile(f, b, 0o600))
		}, "the database is damaged"},
		{"readable by others", func(f string) { do(os.Chmod(f, 0o644)) }, "can be read or written by others, mode 0644; chmod 600"},
		{"a folder", func(f string) { do(os.Remove(f), os.Mkdir(f, 0o700)) }, "is no file"},
		{"a pepper readable by others", func(f string) { do(os.Chmod(f+".pepper", 0o640)) }, "sallyport.db.pepper can be read or written by others, mode 0640; chmod 600"},
		{"a short pepper", func(f string) { do(os.WriteFile(f+".pepper", []byte("short"), 0o600)) }, "sallyport.db.pepper has 5 bytes in place of 32: it is damaged"},
		{"no pepper", func(f string) { do(os.Remove(f + ".pepper")) }, "sallyport.db.pepper is missing, without which none of the keys in the store is good; restore it"},
		{"another pepper", func(f string) { do(os.WriteFile(f+".pepper", bytes.Repeat([]byte("x"), 32), 0o600)) }, "sallyport.db.pepper is that of another store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := seeded(t)
			c.spoil(file)
			before := names(t, file)
			s, err := Open(t.Context(), file, slog.New(slog.DiscardHandler))
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if after := names(t, file); after != before {
				t.Errorf("it leaves files %s, before %s", after, before)
			}
		})
	}
}

func names(t *testing.T, file string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}

// A pepper that hashed nothing may be another one, and none is made a second time while one is there.
func TestPepperOfAnEmptyStore(t *testing.T) {
	file := in(t)
	s := opened(t, file)
	first := s.Pepper()
	again := func() []byte {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = opened(t, file)
		return s.Pepper()
	}
	if got := again(); !bytes.Equal(got, first) || len(got) != 32 {
		t.Errorf("got %d bytes, the same: %v", len(got), bytes.Equal(got, first))
	}
	if err := os.Remove(file + ".pepper"); err != nil {
		t.Fatal(err)
	}
	if got := again(); bytes.Equal(got, first) {
		t.Error("a pepper that is gone is not made anew")
	}
}

func TestLinks(t *testing.T) {
	file := seeded(t)
	s := opened(t, file)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		_, err := Create(t.Context(), name, slog.New(slog.DiscardHandler))
		if want := fmt.Sprintf("process %d has %s.lock", os.Getpid(), file); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := loaded(t, opened(t, link)); len(got.Keys) != 2 {
		t.Errorf("through the link: got %v", got)
	}
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link+"2"); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), link+"2", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "link to nowhere") {
		t.Errorf("got %v", err)
	}
}

func TestBackup(t *testing.T) {
	file := seeded(t)
	s := opened(t, file)
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one to the same file: %v", err)
	}
	if got := names(t, to); got != "["+to+"]" {
		t.Errorf("got files %s", got)
	}
	if err := private(to); err != nil {
		t.Error(err)
	}
	if s.Status().BackedUp.IsZero() {
		t.Error("the status knows of no backup")
	}
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "no", "folder.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
	want := loaded(t, s)
	at := s.Status().BackedUp
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = opened(t, file); !s.Status().BackedUp.Equal(at) {
		t.Errorf("after a restart the backup was at %v, before at %v", s.Status().BackedUp, at)
	}
	if _, err := Open(t.Context(), to, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "pepper") {
		t.Errorf("without its pepper: %v", err)
	}
	if err := os.WriteFile(to+".pepper", s.Pepper(), 0o600); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", loaded(t, opened(t, to)), want)
}

// A file's name may have any characters.
func TestOddNames(t *testing.T) {
	for _, name := range []string{"a b%20c?d#e.db", "ü&_pragma=x.db", "a'b.db"} {
		file := filepath.Join(t.TempDir(), name)
		s := opened(t, file)
		apply(t, s, store.Change{Put: everything()})
		if err := s.Backup(t.Context(), file+".copy"); err != nil {
			t.Error(err)
		}
		if !Exists(file) || !Exists(file+"-wal") {
			t.Errorf("%s: there are %s", name, names(t, file))
		}
	}
}

// Only the pepper is there: nobody can say what was revoked, so nothing is made in its place.
func TestCreateIsNoRestore(t *testing.T) {
	file := seeded(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if !Exists(file) {
		t.Error("there is no store")
	}
	if s, err := Create(t.Context(), file, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an empty store takes the place of one that is gone", s.Close())
	}
	if err := os.Remove(file + ".pepper"); err != nil || Exists(file) {
		t.Error("there is a store", err)
	}
}

// What would go to a file that nobody finds again, or that a second process may have, is not acknowledged.
func TestFilesTakenAway(t *testing.T) {
	for _, suffix := range []string{"", ".lock"} {
		file := in(t)
		s := opened(t, file)
		apply(t, s, store.Change{Put: everything()})
		if err := os.Rename(file+suffix, file+".away"); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.Change{Put: everything()}); !errors.Is(err, ErrReplaced) {
			t.Errorf("without %q: %v", suffix, err)
		}
		if err := os.WriteFile(file+suffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.Change{Put: everything()}); !errors.Is(err, ErrReplaced) {
			t.Errorf("with another %q: %v", suffix, err)
		}
		if err := os.Rename(file+".away", file+suffix); err != nil {
			t.Fatal(err)
		}
		apply(t, s, store.Change{Put: everything()})
	}
}

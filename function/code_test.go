package function

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDigest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("app.py", "1")
	last := digestOf(dir)
	for _, c := range []struct {
		what    string
		do      func()
		changes bool
	}{
		{"nothing", func() {}, false},
		{"another file", func() { write("lib/a.py", "") }, true},
		{"another size", func() { write("app.py", "22") }, true},
		{"another time", func() {
			if err := os.Chtimes(filepath.Join(dir, "app.py"), time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"what Python keeps", func() { write("lib/__pycache__/a.pyc", "x") }, false},
		{"what editors keep", func() { write(".app.py.swp", "x"); write("app.py~", "x"); write(".git/x", "x") }, false},
		{"a file less", func() { _ = os.Remove(filepath.Join(dir, "lib/a.py")) }, true},
	} {
		c.do()
		now := digestOf(dir)
		if (now != last) != c.changes {
			t.Errorf("%s: changed is %v", c.what, now != last)
		}
		last = now
	}
	if got := digestOf(filepath.Join(dir, "gone")); got != "" {
		t.Errorf("a folder that is gone has the digest %s", got)
	}
}

func TestLines(t *testing.T) {
	var got []string
	l := &lines{stream: "stdout", tell: func(stream, line string) { got = append(got, line) }}
	for _, part := range []string{"a", "b\r\n\nc\nd", strings.Repeat("x", maxLine+10), "\nend"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.flush()
	want := []string{"ab", "c", "d" + strings.Repeat("x", maxLine-1), strings.Repeat("x", 11), "end"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %.100q of %d lines", got, len(got))
	}
}

// A folder and files that are links are what they lead to: so folders are deployed, and mounted in Kubernetes.
func TestDigestOfLinks(t *testing.T) {
	at := t.TempDir()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"..1", "..2", "code"} {
		do(os.Mkdir(filepath.Join(at, name), 0o755))
	}
	do(os.WriteFile(filepath.Join(at, "..1", "app.py"), []byte("1"), 0o600))
	do(os.WriteFile(filepath.Join(at, "..2", "app.py"), []byte("22"), 0o600))
	do(os.Symlink("../..data/app.py", filepath.Join(at, "code", "app.py")))
	do(os.Symlink("code", filepath.Join(at, "current")))
	swap := func(to string) {
		_ = os.Remove(filepath.Join(at, "..data"))
		do(os.Symlink(to, filepath.Join(at, "..data")))
	}
	for _, folder := range []string{"code", "current"} {
		swap("..1")
		first := digestOf(filepath.Join(at, folder))
		swap("..2")
		if digestOf(filepath.Join(at, folder)) == first {
			t.Errorf("%s: another file behind the link is not noticed", folder)
		}
		swap("..1")
		if digestOf(filepath.Join(at, folder)) != first {
			t.Errorf("%s: the same file is another one", folder)
		}
	}
}

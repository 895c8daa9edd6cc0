package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write docs/reference/ and the scripts' output anew")

// asMain makes the test's binary be the program.
const asMain = "SALLYPORT_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"sallyport": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		e.Setenv("NO_COLOR", "")
		return nil
	}})
}

// TestReference fails when a page of docs/reference/ is not what the code says.
func TestReference(t *testing.T) {
	const dir = "../../docs/reference"
	want := pages()
	if *update {
		if err := writePages(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != text {
			t.Errorf("docs/reference/%s is stale; make docs writes it (%v)", name, err)
		}
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if name, _ := filepath.Rel(dir, path); err == nil && !d.IsDir() && want[filepath.ToSlash(name)] == "" {
			t.Errorf("docs/reference/%s belongs to nothing; make docs removes it", name)
		}
		return nil
	})
}

// TestReferenceIsStable: what is made from maps must come out the same each time.
func TestReferenceIsStable(t *testing.T) {
	first := pages()
	for range 5 {
		for name, text := range pages() {
			if text != first[name] {
				t.Fatalf("%s differs between two runs", name)
			}
		}
	}
}

// TestHelp holds every command to a description that a person can read.
func TestHelp(t *testing.T) {
	for _, c := range command().Commands() {
		if c.Hidden {
			continue
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 80 {
			t.Errorf("%s: odd summary %q", c.Name(), c.Short)
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if len([]rune(line)) > 110 {
				t.Errorf("%s: a line of its help has %d characters: %s", c.Name(), len(line), line)
			}
		}
	}
}

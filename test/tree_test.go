package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the repository, seen from this folder.
const root = ".."

const module = "sallyport/"

// A source is one Go file of the repository.
type source struct {
	path string // from the root, with slashes
	text string
	file *ast.File
}

func (s *source) folder() string { return path.Dir(s.path) }
func (s *source) test() bool     { return strings.HasSuffix(s.path, "_test.go") }

// imports returns the paths that s imports.
func (s *source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// sources parses every Go file of the repository that the build could use.
func sources(t *testing.T) []*source {
	t.Helper()
	var out []*source
	walk(t, func(p string, text []byte) {
		if !strings.HasSuffix(p, ".go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		out = append(out, &source{p, string(text), f})
	})
	if len(out) < 20 {
		t.Fatalf("only %d Go files were found below %s", len(out), root)
	}
	return out
}

// walk calls see with every file of the repository, but for hidden folders and what builds and browsers leave behind.
func walk(t *testing.T, see func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "dist" || name == "out") {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		see(filepath.ToSlash(rel), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

func TestFileSizes(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > 400 {
			t.Errorf("%s has %d lines; split it", s.path, n)
		}
	}
}

// A package says what it is for, in one of its files.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			said[s.folder()] = said[s.folder()] || s.file.Doc != nil
		}
	}
	for folder, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

// An exported name has a sentence that starts with it.
func TestExportedNamesAreExplained(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !obvious(d) {
					explained(t, s, d.Name.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						doc := ts.Doc
						if doc == nil && !d.Lparen.IsValid() {
							doc = d.Doc
						}
						explained(t, s, ts.Name.Name, doc)
					}
				}
			}
		}
	}
}

func explained(t *testing.T, s *source, name string, doc *ast.CommentGroup) {
	t.Helper()
	text := doc.Text()
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	if first, _, _ := strings.Cut(text, " "); strings.Trim(first, ",.:;\n") != name {
		t.Errorf("%s: the comment of %s does not begin with its name", s.path, name)
	}
}

// obvious methods are those whose meaning an interface of the standard library has settled.
func obvious(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	switch d.Name.Name {
	case "String", "Error", "GoString", "Unwrap", "Is", "Format", "MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "UnmarshalNode":
		return true
	}
	return false
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	switch x := typ.(type) {
	case *ast.IndexExpr:
		typ = x.X
	case *ast.IndexListExpr:
		typ = x.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// What runs before main, or by being imported, cannot be found by reading on from it.
func TestNothingHappensByImport(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init", s.path)
			}
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.IMPORT || s.test() {
				continue
			}
			for _, spec := range g.Specs {
				i := spec.(*ast.ImportSpec)
				if i.Name != nil && i.Name.Name == "_" && i.Path.Value != `"embed"` {
					t.Errorf("%s imports %s for what it does by being imported", s.path, i.Path.Value)
				}
			}
		}
	}
}

// What is left open is an issue, not a comment; and a file must mean the same on every machine.
func TestNoLeftovers(t *testing.T) {
	open := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	local := regexp.MustCompile(`(^|[^\w.])/(work|root|home)/\w`)
	walk(t, func(p string, text []byte) {
		if p == "test/shape_test.go" || strings.HasSuffix(p, ".sum") {
			return
		}
		if m := open.Find(text); m != nil {
			t.Errorf("%s holds %q", p, m)
		}
		if m := local.Find(text); m != nil {
			t.Errorf("%s holds a path of one machine: %q", p, m)
		}
	})
}

package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sallyport/gateway"
	"sallyport/routetest"
)

// Each folder of examples/ is a document that check finds nothing wrong and nothing unwise with, a page that tells how to try it,
// and a script that plays the document itself and no copy of it.
func TestExamples(t *testing.T) {
	names := folders(t, "examples")
	if len(names) < 7 {
		t.Errorf("only %d examples were found", len(names))
	}
	for _, name := range names {
		if name == "data" { // what a gateway left that ran examples/service.yaml
			continue
		}
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(root, "examples", name)
			sound(t, filepath.Join(folder, "sallyport.yaml"))
			page := read(t, filepath.Join(folder, "README.md"))
			if !strings.Contains(page, "curl") {
				t.Error("README.md has nothing to try")
			}
			scripts, _ := filepath.Glob(filepath.Join(folder, "*.txtar"))
			if len(scripts) != 1 || !strings.Contains(read(t, scripts[0]), "\n-- config sallyport.yaml --\n") {
				t.Errorf("%d scripts, of which one must begin with the section config sallyport.yaml", len(scripts))
			}
		})
	}
}

// What stands beside the folders is as sound: the service that stands in for others, and a folder as a document.
func TestOtherExamples(t *testing.T) {
	sound(t, filepath.Join(root, "examples", "service.yaml"))
	sound(t, filepath.Join(root, "examples", "directory"))
	for _, name := range []string{"forward-auth/auth.yaml", "soap/service.yaml", "content/service.yaml", "bff/services.yaml", "order-page/services.yaml"} {
		sound(t, filepath.Join(root, "examples", name))
	}
}

// sound fails for a document with errors or warnings.
func sound(t *testing.T, document string) {
	t.Helper()
	r := gateway.Check(document, gateway.Options{Env: func(string) (string, bool) { return "", false }, ReadFile: beside(t, document).read})
	if err := r.Err(true); err != nil {
		t.Error(err)
	}
	if r.Tests > 0 {
		report, err := routetest.Run(document, routetest.Options{})
		if err != nil || report.Failed > 0 {
			t.Errorf("its tests: %+v, %v", report, err)
		}
	}
	if len(r.Routes) == 0 {
		t.Errorf("%s has no routes", document)
	}
}

// beside knows the certificates that the script beside a document makes.
func beside(t *testing.T, document string) *player {
	t.Helper()
	p := &player{folder: filepath.Dir(document), files: map[string][]byte{}}
	scripts, _ := filepath.Glob(filepath.Join(p.folder, "*.txtar"))
	for _, s := range scripts {
		archive, err := txtar.ParseFile(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if name, found := strings.CutPrefix(f.Name, "certificate "); found {
				if err := p.certify(name, f.Data); err != nil {
					t.Error(err)
				}
			}
		}
	}
	return p
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

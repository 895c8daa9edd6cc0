package expr

import (
	"os"
	"strings"
	"testing"
)

// The handbook names every variable and function there is.
func TestHandbookNamesAll(t *testing.T) {
	b, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, r := range roots {
		for _, f := range r.fields {
			if !strings.Contains(page, "`"+r.name+"."+f.name) && !strings.Contains(page, "`."+f.name+"`") {
				t.Errorf("%s.%s is not in the handbook", r.name, f.name)
			}
		}
	}
	for _, name := range []string{"ip(", ".in(", "sha256(", "base64(", "json(", "uuid(", "merge(", "env(", "file(", "header(", "header_values(", "`now`"} {
		if !strings.Contains(page, name) {
			t.Errorf("%s is not in the handbook", name)
		}
	}
}

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/backends"
	"sallyport/config"
	"sallyport/plug"
	"sallyport/policies"
	"sallyport/schema"
)

// declared is what a Kind says about itself, whatever it makes.
type declared struct {
	name, summary string
	config        *schema.Type
}

func declare[T any](kinds []*plug.Kind[T]) (all []declared) {
	for _, k := range kinds {
		all = append(all, declared{k.Name, k.Summary, k.Config})
	}
	return all
}

// Each policy and backend is one folder, one line in the list, and a script; and it says what it does in a sentence, as each of
// its settings does.
func TestPlugs(t *testing.T) {
	for list, kinds := range map[string][]declared{"policies": declare(policies.All), "backends": declare(backends.All)} {
		folders := folders(t, list)
		if len(kinds) == 0 {
			t.Errorf("%s has an empty list", list)
		}
		for _, k := range kinds {
			folder := strings.ReplaceAll(k.name, "_", "")
			if !slices.Contains(folders, folder) {
				t.Errorf("%s lists %s, but there is no folder %s/%s", list, k.name, list, folder)
			}
			folders = slices.DeleteFunc(folders, func(f string) bool { return f == folder })
			if scripts, _ := filepath.Glob(filepath.Join(root, list, folder, "*.txtar")); len(scripts) == 0 {
				t.Errorf("%s/%s has no script that shows what it does", list, folder)
			}
			if !snake.MatchString(k.name) {
				t.Errorf("%s: %s is not in snake_case", list, k.name)
			}
			sentence(t, list+" "+k.name, k.summary)
			settings(t, list+" "+k.name, k.config)
		}
		for _, f := range folders {
			t.Errorf("%s/%s is in no line of %s/%s.go", list, f, list, list)
		}
	}
	settings(t, "document", config.Type())
}

func folders(t *testing.T, list string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, list))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

var (
	snake   = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	units   = regexp.MustCompile(`_(ms|secs?|seconds|minutes|hours|bytes|kb|mb|percent)$`)
	setting = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*$`)
)

// settings checks names and sentences of all settings of a type.
func settings(t *testing.T, of string, typ *schema.Type) {
	t.Helper()
	for _, s := range typ.Settings() {
		name := setting.FindString(strings.TrimRight(s.Path, "[]"))
		if name != strings.ToUpper(name) && !snake.MatchString(name) { // NAME stands for any name
			t.Errorf("%s: setting %s is not in snake_case", of, s.Path)
		}
		if units.MatchString(name) {
			t.Errorf("%s: setting %s has its unit in its name; its type has it", of, s.Path)
		}
		sentence(t, of+": setting "+s.Path, s.Doc)
	}
}

// sentence checks that text is a sentence for readers: it begins with a capital and ends with a full stop.
func sentence(t *testing.T, of, text string) {
	t.Helper()
	if len(text) < 10 || text[0] < 'A' || text[0] > 'Z' || text[len(text)-1] != '.' || strings.ContainsAny(text, "\n\t") || strings.Contains(text, "  ") {
		t.Errorf("%s: %q is no sentence", of, text)
	}
}

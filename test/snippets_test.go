package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sallyport/gateway"
)

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")
	topLevel  = regexp.MustCompile(`(?m)^([a-z_]+):`)
	// What a piece of a document lacks because it is a piece.
	elsewhere = regexp.MustCompile(`there is no (file|folder|upstream|consumer|program) |no such file or directory|the environment has no variable`)
)

// places are where a piece of a document on a page may belong.
var places = []struct{ name, before, indent string }{
	{"a document", "", ""},
	{"routes", "routes:\n", "  "},
	{"a route", "routes:\n  - match: /\n    upstream: u\n", "    "},
	{"a match", "routes:\n  - upstream: u\n", "    "},
	{"policies", "routes:\n  - match: /\n    upstream: u\n    policies:\n", "      "},
	{"an upstream", "routes: [{ match: /, upstream: v }]\nupstreams:\n  v:\n", "    "},
	{"an upstream that has targets", "routes: [{ match: /, upstream: v }]\nupstreams:\n  v:\n    targets: [http://127.0.0.1:9]\n", "    "},
	{"targets", "routes: [{ match: /, upstream: v }]\nupstreams:\n  v:\n    targets:\n", "      "},
	{"calls", "routes:\n  - match: /\n    compose:\n      body: {}\n      calls:\n", "        "},
}

// What pages show of documents can be loaded: each piece fits somewhere.
func TestSnippets(t *testing.T) {
	pages, _ := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	pages = append(pages, filepath.Join(root, "README.md"))
	n := 0
	for _, page := range pages {
		for i, m := range yamlBlock.FindAllStringSubmatch(read(t, page), -1) {
			for _, piece := range ways(m[1]) {
				n++
				least, where := []string(nil), ""
				for _, p := range places {
					errs := fits(t, p.before+indented(piece, p.indent))
					if where == "" || len(errs) < len(least) {
						least, where = errs, p.name
					}
				}
				if len(least) > 0 {
					t.Errorf("%s, piece %d: as %s it would be wrong:\n%s", filepath.Base(page), i+1, where, strings.Join(least, "\n"))
				}
			}
		}
	}
	if n < 35 {
		t.Errorf("only %d pieces were found", n)
	}
}

// ways are the pieces that a block shows: one, or several where it says the same setting again and again in other ways.
func ways(block string) []string {
	lines := strings.SplitAfter(strings.TrimSpace(block)+"\n", "\n")
	lines = lines[:len(lines)-1]
	first, _, _ := strings.Cut(lines[0], ":")
	var pieces []string
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, first+":"):
			pieces = append(pieces, l)
		case strings.HasPrefix(l, " "):
			pieces[len(pieces)-1] += l
		default:
			return []string{block}
		}
	}
	return pieces
}

// indented is s with its lines moved to the right, and its first line at indent.
func indented(s, indent string) string {
	lines := strings.SplitAfter(s, "\n")
	extra := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = indent + l[min(extra, len(l)-len(strings.TrimLeft(l, " "))):]
		}
	}
	return strings.Join(lines, "")
}

// fits returns what is wrong with a document, but for what it lacks as a piece of one.
func fits(t *testing.T, document string) (wrong []string) {
	t.Helper()
	for name, value := range map[string]string{
		"listeners": `["127.0.0.1:8080"]`, "admin": "off", "upstreams": "{ u: { targets: [http://127.0.0.1:9] } }", "routes": "[{ match: /none, respond: {} }]",
	} {
		missing := true
		for _, m := range topLevel.FindAllStringSubmatch(document, -1) {
			missing = missing && m[1] != name && (name != "routes" || m[1] != "apis")
		}
		if missing {
			document += fmt.Sprintf("\n%s: %s\n", name, value)
		}
	}
	file := filepath.Join(t.TempDir(), "page.yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	r := gateway.Check(file, gateway.Options{Env: func(string) (string, bool) { return "sp_Example00000000000000000000000011mcswM", true }})
	err := r.Err(false)
	if err == nil {
		return nil
	}
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !elsewhere.MatchString(line) {
			wrong = append(wrong, strings.TrimPrefix(line, file+":"))
		}
	}
	return wrong
}

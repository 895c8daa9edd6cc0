package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	pageLink    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	pageHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codeBlock   = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`")
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// A link of a page leads to a file of the repository, and to a heading that is there.
func TestLinks(t *testing.T) {
	links := 0
	walk(t, func(p string, text []byte) {
		if !strings.HasSuffix(p, ".md") {
			return
		}
		for _, m := range pageLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			to := filepath.Join(root, filepath.Dir(p), file)
			if file == "" {
				to = filepath.Join(root, p)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", p, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, to)), anchor) {
				t.Errorf("%s: the link %s leads to no heading", p, m[1])
			}
		}
	})
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the names of a page's headings, as sites that show Markdown make them.
func anchors(page string) (names []string) {
	for _, m := range pageHeading.FindAllStringSubmatch(page, -1) {
		names = append(names, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

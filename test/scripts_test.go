package test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestScripts(t *testing.T) {
	var files []string
	for _, pattern := range []string{"test/scripts/*.txtar", "policies/*/*.txtar", "backends/*/*.txtar", "examples/*/*.txtar"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 20 {
		t.Errorf("only %d scripts were found", len(files))
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txtar")
		t.Run(name, func(t *testing.T) { Play(t, f) })
	}
}

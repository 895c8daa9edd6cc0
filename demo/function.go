package demo

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// This file is the demo's function, which is there when the machine has what runs it.

//go:embed functions.yaml
var functions string

//go:embed function.py
var function string

// hasPython says whether functions in Python can run here.
func hasPython() bool {
	_, err := exec.LookPath("python3")
	return err == nil
}

// settleFunction writes the function, and the part of the document that is about it. Code that is there already is left as it is.
func (w *world) settleFunction() error {
	dir := filepath.Join(w.dir, "functions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a directory for the demo's function: %w", err)
	}
	code := filepath.Join(dir, "app.py")
	if _, err := os.Stat(code); err != nil {
		if err := os.WriteFile(code, []byte(function), 0o644); err != nil {
			return fmt.Errorf("write the demo's function: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.dir, "functions.yaml"), []byte(functions), 0o644); err != nil {
		return fmt.Errorf("write the document of the demo's function: %w", err)
	}
	return nil
}

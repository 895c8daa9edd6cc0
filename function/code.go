package function

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// This file notices that the code of a function changed.

// maxCode bounds the files that are looked at; changes of those beyond are not noticed.
const maxCode = 20_000

// reread looks at the code. If it changed, processes that have the code of before get no more calls. What changes from one look to the
// next may be half of a copy, and is waited for.
func (f *Function) reread() {
	digest := digestOf(f.config.Directory.Path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.code == "" {
		f.code = digest
	}
	still := digest == f.seen
	f.seen = digest
	if !still || digest == f.code || digest == "" {
		return
	}
	f.code = digest
	f.age++
	f.counts.Reloads++
	f.failed, f.again, f.last = 0, time.Time{}, nil // the new code has not failed yet
	f.registry.log.Info("the code of a function changed", "function", f.name)
	for w := f.free(); w != nil; w = f.free() {
		w.end()
	}
	f.fill()
	f.warm()
}

// digestOf tells two states of a folder apart by name, size and time of what is in it; "" when nobody can tell.
func digestOf(folder string) string {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return ""
	}
	h, n := sha256.New(), 0
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil && path != folder {
			err = nil // gone meanwhile
		}
		if err != nil || d == nil {
			return err
		}
		switch name := d.Name(); {
		case path != folder && (strings.HasPrefix(name, ".") || name == "__pycache__"):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir() || strings.HasSuffix(name, "~"):
			return nil
		}
		if n++; n > maxCode {
			return filepath.SkipAll
		}
		if at, err := os.Stat(path); err == nil { // of what a link leads to
			fmt.Fprintf(h, "%q %d %d\n", path, at.Size(), at.ModTime().UnixNano())
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

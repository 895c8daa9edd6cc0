package config

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/schema"
)

// A document may be one file, a directory, or files that include others. This file reads them all and makes one
// tree of nodes out of them, each of which still knows where it stands.

// Bounds of a document in many files.
const (
	maxFiles = 1000
	maxDepth = 10       // includes in includes
	maxTotal = 64 << 20 // bytes of all files
)

// extensions are what a directory is searched for.
var extensions = []string{".yaml", ".yml", ".json"}

// A reader collects the files of one document.
type reader struct {
	root  *schema.Node
	errs  schema.Errors
	files []string // as they were read, in order
	texts []File
	watch []string // beside files, names in whose directories a change matters
	seen  map[string]bool
	under []string // files being read, from the outermost to the innermost
	total int64
	sum   hash.Hash

	restored bool // the files that others include are given as well, in their order
}

func newReader() *reader {
	return &reader{seen: map[string]bool{}, sum: sha256.New(), root: &schema.Node{Kind: schema.Map}}
}

// path reads a file or a directory.
func (r *reader) path(path string) {
	r.root.Pos = schema.Pos{File: path}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.watch = append(r.watch, path)
		r.fail(nil, "%s", schema.Unreadable(path, err))
	case info.IsDir():
		r.directory(path)
	default:
		r.root.Pos = schema.Pos{File: path, Line: 1, Col: 1}
		r.file(path, nil)
	}
}

// directory reads the documents of a directory by name, not those below it. Names that begin with a dot are not looked
// at: they are editors' and Kubernetes' own.
func (r *reader) directory(dir string) {
	r.watch = append(r.watch, filepath.Join(dir, "*"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		r.fail(nil, "%s", schema.Unreadable(dir, err))
		return
	}
	before := len(r.files)
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || !slices.Contains(extensions, filepath.Ext(name)) {
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		r.file(path, nil)
	}
	if len(r.files) == before && len(r.errs) == 0 {
		r.fail(nil, "the directory %s holds no *.yaml, *.yml or *.json", dir)
	}
}

// fail reports what is wrong at n, nil for the document as a whole.
func (r *reader) fail(n *schema.Node, format string, args ...any) {
	if n == nil {
		n = r.root
	}
	r.errs.Add(n, "", format, args...)
}

// file reads one file, which n names in an include, and then what it includes.
func (r *reader) file(path string, n *schema.Node) {
	id := realName(path)
	if i := slices.Index(r.under, id); i >= 0 {
		r.fail(n, "%s includes itself: %s; leave this out", path, strings.Join(append(r.under[i:], id), " → "))
		return
	}
	if r.seen[id] {
		return // two includes may lead to one file
	}
	r.seen[id] = true
	if len(r.files) >= maxFiles {
		if len(r.files) == maxFiles {
			r.fail(n, "the document has more than %d files", maxFiles)
			r.files = append(r.files, path)
		}
		return
	}
	data, err := r.read(path)
	if err != nil {
		r.fail(n, "%s", schema.Unreadable(path, err))
		return
	}
	r.bytes(path, data, id)
}

// read returns what is in a file, which counts towards what the document may have in all.
func (r *reader) read(path string) ([]byte, error) {
	r.files = append(r.files, path)
	f, err := schema.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than the schema takes, so that it can say that there is more.
	data, err := io.ReadAll(io.LimitReader(f, schema.MaxDocument+1))
	if err != nil {
		return nil, err
	}
	if r.total += int64(len(data)); r.total > maxTotal {
		return nil, fmt.Errorf("the files of the document have more than %d MiB", maxTotal>>20)
	}
	return data, nil
}

// bytes takes the content of a file into the tree.
func (r *reader) bytes(path string, data []byte, id string) {
	fmt.Fprintf(r.sum, "%s\x00%d\x00", path, len(data))
	r.sum.Write(data)
	r.texts = append(r.texts, File{path, string(data)})
	n, errs := schema.Parse(path, data)
	r.errs = append(r.errs, errs...)
	if n == nil {
		return
	}
	if n.Kind != schema.Map {
		r.fail(n, "a document is a map of settings such as listeners and routes, not %s", n.Kind)
		return
	}
	r.merge(n)
	if include := n.Field("include"); include != nil && !r.restored {
		r.under = append(r.under, id)
		r.include(include, filepath.Dir(path))
		r.under = r.under[:len(r.under)-1]
	}
}

// include reads the files that a list of names and patterns stands for. They are relative to the file that
// includes them.
func (r *reader) include(list *schema.Node, dir string) {
	items := list.Items
	if list.Kind == schema.String {
		items = []*schema.Node{list}
	}
	if len(r.under) > maxDepth {
		r.fail(list, "includes are nested more than %d deep", maxDepth)
		return
	}
	for _, n := range items {
		if n.Kind != schema.String || n.Text == "" {
			continue // decoding says so
		}
		pattern := n.Text
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(dir, pattern)
		}
		r.watch = append(r.watch, pattern)
		names, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			r.fail(n, "%q is no pattern of file names; write such as conf.d/*.yaml", n.Text)
		case len(names) == 0 && !strings.ContainsAny(pattern, "*?["):
			r.fail(n, "there is no file %s", pattern)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && info.IsDir() {
				r.fail(n, "%s is a directory; write %s for the files in it", name, filepath.Join(n.Text, "*.yaml"))
				continue
			}
			r.file(name, n)
		}
	}
}

// realName is one name for a file however it is reached.
func realName(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

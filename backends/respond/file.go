package respond

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"sallyport/expr"
	"sallyport/schema"
)

// maxFile bounds a file, which lives in memory.
const maxFile = 4 << 20

// A file is the content of a file.
type file struct {
	name    string
	content []byte
}

// UnmarshalNode reads the file that n names.
func (f *file) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch {
	case n.Kind == schema.List || n.Kind == schema.Map || n.Kind == schema.Null || n.Text == "":
		errs.Add(n, path, "%s is given where the name of a file is wanted", n.Kind)
		return errs
	case !n.Literal && strings.Contains(n.Text, "${"):
		errs.Add(n, path, "the name of the file cannot depend on the request, since it is read at load")
		return errs
	}
	f.name = n.Text
	name := n.Text
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(n.File), name)
	}
	var err error
	var at *fs.PathError
	if f.content, err = read(name, n.Outside); errors.As(err, &at) {
		err = at.Err // the name stands in the document
	}
	if err != nil {
		errs.Add(n, path, "the file cannot be read: %v", err)
	} else if len(f.content) > maxFile {
		errs.Add(n, path, "the file is larger than %d MiB; serve it from an upstream", maxFile>>20)
	}
	return errs
}

// JSONSchema says that it is text.
func (f *file) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *file) SchemaKind() string { return "name of a file" }

// read returns the content, or a byte more than allowed of it.
func read(name string, o *schema.Outside) ([]byte, error) {
	if o != nil && o.ReadFile != nil {
		return o.ReadFile(name)
	}
	f, err := schema.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func (f *file) make(expr.Vars) ([]byte, error) { return f.content, nil }

// contentTypes are the types by extension. They are ours, since the tables of machines differ.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".json": "application/json",
	".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml", ".pdf": "application/pdf",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".ico": "image/x-icon", ".wasm": "application/wasm", ".woff2": "font/woff2",
}

func (f *file) contentType() string {
	if t := contentTypes[strings.ToLower(filepath.Ext(f.name))]; t != "" {
		return t
	}
	return "application/octet-stream"
}

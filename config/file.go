package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"sallyport/schema"
)

// A NamedFile is a file that a setting names. It is read with the document, of which it is a part: a change of it is one of the document.
type NamedFile struct {
	Name string // as it is written
	Data []byte // nil when it could not be read
}

// UnmarshalNode reads the file that n names, from the folder of the document unless it says another.
func (f *NamedFile) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file; it is read at load, so it cannot depend on requests")
		return errs
	}
	f.Name = n.Text
	name := n.Text
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(n.File), name)
	}
	read := readFile
	if n.Outside != nil && n.Outside.ReadFile != nil {
		read = n.Outside.ReadFile
	}
	data, err := read(name)
	switch {
	case err != nil:
		errs.Add(n, path, "%s", f.reason(err))
	case len(data) == 0:
		errs.Add(n, path, "%s is empty", f.Name)
	default:
		f.Data = data
	}
	return errs
}

// reason says why the file could not be read.
func (f *NamedFile) reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return reason(f.Name, err) + "; names are relative to the document's folder"
	}
	return reason(f.Name, err)
}

// JSONSchema says that it is text.
func (f *NamedFile) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *NamedFile) SchemaKind() string { return "name of a file" }

package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A File is a file that a setting names. It is read with the document, of which it is a part: a change of it is one of the document.
type File struct {
	Name string // as it is written
	Data []byte // nil when it could not be read
}

// UnmarshalNode reads the file that n names, from the folder of the document unless it says another.
func (f *File) UnmarshalNode(n *Node, path string) (errs Errors) {
	if n.Kind == List || n.Kind == Map || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file; it is read at load, so it cannot depend on requests")
		return errs
	}
	f.Name = n.Text
	name := n.Text
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(n.File), name)
	}
	read := os.ReadFile
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
func (f *File) reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return Unreadable(f.Name, err) + "; names are relative to the document's folder"
	}
	return Unreadable(f.Name, err)
}

// JSONSchema says that it is text.
func (f *File) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *File) SchemaKind() string { return "name of a file" }

// Open opens a file that a document names. A pipe is refused: nobody knows when something comes out of one, and until then a reload, or
// the end of the process, would wait. What is under /dev, such as /dev/stdin, is given on purpose.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil || strings.HasPrefix(path, "/dev/") {
		return f, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("it is a pipe")}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Unreadable says why a file could not be read.
func Unreadable(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no file %s", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s may not be read by this user", path)
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Sprintf("%s cannot be read: %v", path, err)
}

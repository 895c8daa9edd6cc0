package ipfilter

// The lists that stand in a file.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"

	"sallyport/schema"
)

// maxFile bounds a list, as it does any file that a document names: about a million lines of IPv4.
const maxFile = 16 << 20

// A File is what a file lists; the zero value is none.
type File struct {
	allow, deny []netip.Prefix
	bare        []netip.Prefix // with neither word in front
}

// UnmarshalNode reads the file that n names, from the folder of the document unless it says another.
func (f *File) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	if n.Kind == schema.List || n.Kind == schema.Map || n.Text == "" || !n.Literal && strings.Contains(n.Text, "${") {
		errs.Add(n, path, "write the name of a file; it is read at load, so it cannot depend on requests")
		return errs
	}
	name := n.Text
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(n.File), name)
	}
	text, err := read(name, n.Outside)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the name stands in the document
	}
	if err == nil {
		err = f.parse(text)
	}
	if err != nil {
		errs.Add(n, path, "%s: %v", n.Text, err)
	}
	return errs
}

// JSONSchema says that it is text.
func (f *File) JSONSchema() map[string]any { return map[string]any{"type": "string"} }

// SchemaKind is the type's name in the reference.
func (f *File) SchemaKind() string { return "name of a file" }

func read(name string, o *schema.Outside) ([]byte, error) {
	if o != nil && o.ReadFile != nil {
		return o.ReadFile(name)
	}
	f, err := schema.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// parse reads the lines.
func (f *File) parse(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		if err := f.line(s.Text()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if len(f.allow)+len(f.deny)+len(f.bare) == 0 { // a file emptied by mistake must not let everybody in
		return errors.New("it lists nothing")
	}
	return nil
}

func (f *File) line(text string) error {
	text, _, _ = strings.Cut(text, "#")
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	list := &f.bare
	switch words[0] {
	case "allow":
		list, words = &f.allow, words[1:]
	case "deny":
		list, words = &f.deny, words[1:]
	}
	if len(words) != 1 {
		return errors.New("write one network or address a line, such as 10.0.0.0/8")
	}
	p, err := schema.ParsePrefix(words[0])
	if err != nil {
		return fmt.Errorf("%q: %w", words[0], err)
	}
	*list = append(*list, p)
	return nil
}

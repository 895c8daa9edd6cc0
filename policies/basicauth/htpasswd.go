package basicauth

// The users that stand in a file, one a line as NAME:HASH, as Apache's htpasswd writes it.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"sallyport/identity"
	"sallyport/schema"
)

// Bounds of a file.
const (
	maxFile  = 16 << 20
	maxUsers = 100_000
)

// A File is the users of a file; the zero value has none. It is read at each load, and the document is loaded again when it
// changes, as with every file that a document names.
type File struct {
	users map[string]*identity.Hash
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

// parse reads the lines. All that is wrong with them is told, up to a few.
func (f *File) parse(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	f.users = map[string]*identity.Hash{}
	var errs []string
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		err := f.line(strings.TrimSuffix(s.Text(), "\r"))
		if err != nil {
			errs = append(errs, fmt.Sprintf("line %d: %v", n, err))
		}
		if len(errs) == 5 {
			break
		}
	}
	switch {
	case len(errs) > 0:
		return errors.New(strings.Join(errs, "; "))
	case s.Err() != nil:
		return s.Err()
	case len(f.users) == 0:
		return errors.New("it has no users")
	}
	return nil
}

func (f *File) line(text string) error {
	if strings.TrimSpace(text) == "" || text[0] == '#' {
		return nil
	}
	name, hash, found := strings.Cut(text, ":")
	if !found {
		return errors.New("write NAME:HASH, as htpasswd -nB makes") // the line may be a password
	}
	if err := checkUser(name); err != nil {
		return err
	}
	if f.users[name] != nil {
		return fmt.Errorf("%q stands there twice", name)
	}
	if len(f.users) == maxUsers {
		return fmt.Errorf("there are more than %d users", maxUsers)
	}
	h, err := identity.ParseHash(hash)
	if err != nil {
		return fmt.Errorf("the password of %q: %w", name, err)
	}
	f.users[name] = h
	return nil
}

// checkUser says what is wrong with a user's name (RFC 7617 §2).
func checkUser(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a user is missing")
	case len(name) > 255 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' }):
		return fmt.Errorf("%q is no name of a user; it is up to 255 bytes of UTF-8 without colons and control characters", name)
	}
	return nil
}

package validate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/schema"
)

// This file reads schemas and compiles them, at load. Files are known by the URL scheme:///NAME, which has no way up and none out.

const (
	scheme   = "sallyport"
	maxFiles = 100
	maxBytes = 4 << 20 // of all files of a schema
	maxNodes = 50_000  // values of all of them: compiling takes the square of the time
)

// A shelf is where a schema, and what it refers to, comes from.
type shelf struct {
	folder string // what is below may be read
	read   func(path string) ([]byte, error)
	nodes  map[string]*schema.Node // by URL
	made   map[string]any          // the same, as the compiler reads it
	start  string                  // URL of the schema itself
	inline map[string]string       // the settings that schemas of the document stand in, by URL

	files, bytes, values, ids int
}

// A shape is a schema, ready.
type shape struct {
	*jsonschema.Schema
	depth  int       // of values that it judges in bounded time
	times  []float64 // how often a value is judged at most, by the number of objects and arrays around it
	values int       // of a body that it judges in bounded memory
}

// load compiles one of the two: the schema at n, which is the setting at, or that of a file.
func load(n *schema.Node, f *File, at string, c *Config, warn func(string, ...any)) (*shape, error) {
	s := &shelf{nodes: map[string]*schema.Node{}, made: map[string]any{}, inline: map[string]string{}}
	var err error
	if n != nil {
		err = s.take(n, at)
	} else {
		at += ".file"
		err = s.open(f.node)
	}
	var wrong schema.Errors
	if err != nil && !errors.As(err, &wrong) {
		return nil, schema.At(at, err)
	}
	if err == nil {
		err = s.stock(c.Schemas)
	}
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(s)
	if c.Formats {
		compiler.AssertFormat()
	}
	doc, err := s.Load(s.start)
	if err == nil {
		err = compiler.AddResource(s.start, doc)
	}
	var compiled *jsonschema.Schema
	if err == nil {
		compiled, err = compiler.Compile(s.start)
	}
	if err != nil {
		return nil, s.wrong(err, at)
	}
	s.advise(warn)
	out, err := s.measured(compiled, c.Depth, at, warn)
	if err == nil {
		out.values = c.Values
	}
	return out, err
}

// take has the schema stand in the document.
func (s *shelf) take(n *schema.Node, at string) error {
	if n.Kind != schema.Map && n.Kind != schema.Bool {
		return fmt.Errorf("%s is given where a schema is wanted, such as { type: object }", n.Kind)
	}
	s.folder, s.read = filepath.Dir(n.File), reads(n)
	s.start = scheme + ":///?" + url.QueryEscape(at)
	s.nodes[s.start], s.inline[s.start] = n, at
	return nil
}

// open has the schema stand in the file that n names. What it refers to is below the document's folder if it is itself, and below its own
// otherwise.
func (s *shelf) open(n *schema.Node) error {
	s.folder, s.read = filepath.Dir(n.File), reads(n)
	name := n.Text
	if !filepath.IsLocal(name) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.folder, name)
		}
		s.folder, name = filepath.Split(name)
	}
	s.start = urlOf(name)
	_, err := s.Load(s.start)
	return err
}

func urlOf(name string) string {
	return scheme + "://" + (&url.URL{Path: "/" + filepath.ToSlash(filepath.Clean(name))}).EscapedPath()
}

// reads is how the document that n is of reads files.
func reads(n *schema.Node) func(string) ([]byte, error) {
	if o := outsideOf(n); o != nil && o.ReadFile != nil {
		return o.ReadFile
	}
	return os.ReadFile
}

// outsideOf finds what some text in n may read: all of a document may read the same.
func outsideOf(n *schema.Node) *schema.Outside {
	if n.Outside != nil {
		return n.Outside
	}
	for _, f := range n.Entries() {
		if o := outsideOf(f.Node); o != nil {
			return o
		}
	}
	for _, item := range n.Items {
		if o := outsideOf(item); o != nil {
			return o
		}
	}
	return nil
}

var (
	errElsewhere = errors.New("it is not read: a $ref leads to files below the document's folder, to what has the $id and stands under schemas, and never into the network; an $id makes it relative to that")
	errOut       = errors.New("it is not below the document's folder")
	errLarge     = fmt.Errorf("together the schemas have more than %d files, %d bytes or %d values", maxFiles, maxBytes, maxNodes)
)

// Load returns the schema at an URL.
func (s *shelf) Load(at string) (any, error) {
	if made, is := s.made[at]; is {
		return made, nil
	}
	n := s.nodes[at]
	if n == nil {
		var err error
		if n, err = s.file(at); err != nil {
			return nil, err
		}
		s.nodes[at] = n
	}
	made, err := s.plain(n)
	if err == nil {
		s.made[at] = made
	}
	return made, err
}

func (s *shelf) file(at string) (*schema.Node, error) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != scheme || u.RawQuery != "" || u.Host != "" {
		return nil, errElsewhere
	}
	name := filepath.FromSlash(strings.TrimPrefix(u.Path, "/"))
	path := filepath.Join(s.folder, name)
	if !filepath.IsLocal(name) || !s.holds(path) {
		return nil, errOut
	}
	b, err := s.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", name)
	case err != nil:
		return nil, errors.New(schema.Unreadable(name, err))
	}
	s.files++
	if s.bytes += len(b); s.files > maxFiles || s.bytes > maxBytes {
		return nil, errLarge
	}
	n, errs := schema.Parse(path, b)
	if len(errs) > 0 {
		return nil, errs
	}
	return n, nil
}

// holds says whether path, with its links followed, is below the folder.
func (s *shelf) holds(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return true // reading says what is wrong
	}
	folder, err := filepath.EvalSymlinks(s.folder)
	if err != nil {
		return true
	}
	rel, err := filepath.Rel(folder, real)
	return err == nil && filepath.IsLocal(rel)
}

// plain is n as the compiler reads it, with numbers as they are written.
func (s *shelf) plain(n *schema.Node) (any, error) {
	if s.values++; s.values > maxNodes {
		return nil, errLarge
	}
	switch n.Kind {
	case schema.Null:
		return nil, nil //nolint:nilnil // it is null
	case schema.Bool:
		return strings.EqualFold(n.Text, "true"), nil
	case schema.Number:
		if json.Valid([]byte(n.Text)) && !huge(n.Text) {
			return json.Number(n.Text), nil
		}
		return n.Text, nil
	case schema.List:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			v, err := s.plain(item)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case schema.Map:
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			v, err := s.plain(f.Node)
			if err != nil {
				return nil, err
			}
			out[f.Name] = v
		}
		return out, nil
	}
	return n.Text, nil
}

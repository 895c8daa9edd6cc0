package validate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/schema"
)

// This file reads schemas and compiles them, at load. Files are known by the URL scheme:///NAME, which has no way up and none out.

const (
	scheme   = "sallyport"
	maxFiles = 100
	maxBytes = 4 << 20 // of all files of a schema
	maxNodes = 20_000  // values of all of them: compiling takes the square of the time
)

// A shelf is where a schema, and what it refers to, comes from.
type shelf struct {
	folder string // what is below may be read
	read   func(path string) ([]byte, error)
	nodes  map[string]*schema.Node // by URL
	start  string                  // URL of the schema itself
	inline string                  // the setting that it stands in, "" for a file

	files, bytes, values int
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
	s := &shelf{nodes: map[string]*schema.Node{}}
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
	s.folder, s.read, s.inline = filepath.Dir(n.File), reads(n), at
	s.start = scheme + ":///?" + url.QueryEscape(at)
	s.nodes[s.start] = n
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
	s.start = scheme + "://" + (&url.URL{Path: "/" + filepath.ToSlash(filepath.Clean(name))}).EscapedPath()
	_, err := s.Load(s.start)
	return err
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
	errElsewhere = errors.New("it is not read: a $ref leads to files below the document's folder only, and never into the network; an $id makes it relative to that")
	errOut       = errors.New("it is not below the document's folder")
	errLarge     = fmt.Errorf("together the schemas have more than %d files, %d bytes or %d values", maxFiles, maxBytes, maxNodes)
)

// Load returns the schema at an URL.
func (s *shelf) Load(at string) (any, error) {
	n := s.nodes[at]
	if n == nil {
		var err error
		if n, err = s.file(at); err != nil {
			return nil, err
		}
		s.nodes[at] = n
	}
	return s.plain(n)
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

// wrong is an error of compiling, at its place.
func (s *shelf) wrong(err error, at string) error {
	var parsed schema.Errors
	var against *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	var regex *jsonschema.InvalidRegexError
	var lost *jsonschema.LoadURLError
	var nowhere *jsonschema.JSONPointerNotFoundError
	var anchor *jsonschema.AnchorNotFoundError
	switch {
	case errors.As(err, &parsed):
		return parsed
	case errors.As(err, &against) && errors.As(against.Err, &invalid):
		var errs []error
		found := findings(invalid, nil)
		for i := range found[:min(len(found), 10)] {
			errs = append(errs, s.place(against.URL, found[i].pointer, "this is no JSON Schema: %s", lower(put(&found[i]))))
		}
		return errors.Join(errs...)
	case errors.As(err, &regex):
		return s.place(regex.URL, "", "%q is no regular expression of RE2: %v", schema.Clip(regex.Regex), cause(regex.Err))
	case errors.As(err, &lost):
		return s.ref(lost.URL, "%s cannot be had: %v", s.shown(lost.URL), lost.Err)
	case errors.As(err, &nowhere):
		return s.ref(nowhere.URL, "%s leads nowhere", s.shown(nowhere.URL))
	case errors.As(err, &anchor):
		return s.ref(anchor.Reference, "%s leads nowhere", s.shown(anchor.Reference))
	}
	return schema.At(at, err)
}

// put is a finding about a schema, in the words of schemas where those of values would not help.
func put(f *finding) string {
	switch {
	case strings.HasSuffix(f.pointer, "/type"):
		return "A type is string, number, integer, boolean, object, array or null."
	case f.detail == "It is no valid regex.":
		return "It is no regular expression of RE2, which has no look-ahead and no back-references."
	}
	return f.detail
}

// cause is what is wrong with a regular expression, without all of it.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": `"); i > 0 {
		text = text[:i]
	}
	return strings.TrimPrefix(text, "error parsing regexp: ")
}

func lower(s string) string { return strings.ToLower(s[:1]) + strings.TrimSuffix(s[1:], ".") }

// shown is an URL as its reader knows it.
func (s *shelf) shown(u string) string {
	u = strings.TrimPrefix(u, scheme+":///")
	if doc, fragment, _ := strings.Cut(u, "#"); strings.HasPrefix(doc, "?") {
		return "#" + fragment
	}
	return u
}

// place is an error at a pointer further down than an URL with a fragment.
func (s *shelf) place(at, pointer, format string, args ...any) error {
	doc, fragment, _ := strings.Cut(at, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		fragment = plain
	}
	pointer = fragment + pointer
	n := s.nodes[doc]
	if n == nil {
		n = s.nodes[s.start]
	}
	n, path := follow(n, pointer)
	err := fmt.Errorf(format, args...)
	if doc == s.start && s.inline != "" {
		return schema.At(s.inline+path, err)
	}
	return &schema.Error{Pos: n.Pos, Path: strings.TrimPrefix(path, "."), Msg: err.Error()}
}

// follow goes down a pointer as far as there is something, and tells the path as that of a setting.
func follow(n *schema.Node, pointer string) (_ *schema.Node, path string) {
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		if n.Kind == schema.List {
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.Items) {
				return n, path
			}
			n, path = n.Items[i], schema.Index(path, i)
			continue
		}
		next := n.Field(token)
		if next == nil {
			return n, path
		}
		n, path = next, path+"."+token
	}
	return n, path
}

// ref is an error at the reference that leads to an URL.
func (s *shelf) ref(to, format string, args ...any) error {
	for doc, n := range s.nodes {
		if pointer, found := refTo(n, doc, to, ""); found {
			return s.place(doc, pointer, format, args...)
		}
	}
	return s.place(s.start, "", format, args...)
}

// refTo finds the first reference to an URL in n.
func refTo(n *schema.Node, base, to, pointer string) (string, bool) {
	for _, f := range n.Entries() {
		at := pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(f.Name, "~", "~0"), "/", "~1")
		if (f.Name == "$ref" || f.Name == "$dynamicRef" || f.Name == "$schema") && f.Node.Kind == schema.String && leads(base, f.Node.Text, to) {
			return at, true
		}
		if found, ok := refTo(f.Node, base, to, at); ok {
			return found, true
		}
	}
	for i, item := range n.Items {
		if found, ok := refTo(item, base, to, fmt.Sprintf("%s/%d", pointer, i)); ok {
			return found, true
		}
	}
	return "", false
}

func leads(base, ref, to string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	r, err := url.Parse(ref)
	if err != nil {
		return false
	}
	full := u.ResolveReference(r).String()
	doc, _, _ := strings.Cut(full, "#")
	return full == to || doc == to || strings.HasSuffix(to, "/"+strings.TrimPrefix(ref, "./")) || ref == to
}

package expr

// What expressions take from outside the document, at load: the environment and files. It becomes a constant of the
// expression, so that a request never waits for it, and no message shows it.

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sallyport/schema"
)

// maxFile bounds what file("…") reads.
const maxFile = 1 << 20

// ReadFile reads a file for file("…"), and no more of it than it takes to see that it is too large.
func ReadFile(path string) ([]byte, error) {
	f, err := schema.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

var literals = ast.NewExprFactory()

// become puts a constant in the place of e.
func (r *resolver) become(e ast.Expr, v ref.Val) {
	if r.out = true; r.given == nil {
		r.given = map[int64]bool{}
	}
	r.given[e.ID()] = true
	e.SetKindCase(literals.NewLiteral(e.ID(), v))
}

func (r *resolver) envCall(e ast.Expr) {
	args := e.AsCall().Args()
	var texts []string
	for _, a := range args {
		if s, ok := literalText(a); ok {
			texts = append(texts, s)
		}
	}
	if len(texts) != len(args) || len(args) < 1 || len(args) > 2 {
		r.fault(e, `env takes a name and a default, both written out: env("NAME", "default")`)
		return
	}
	r.environment(e, texts[0], texts[1:], false)
}

func (r *resolver) environment(e ast.Expr, name string, otherwise []string, test bool) {
	if r.outside == nil || r.outside.Lookup == nil {
		r.fault(e, "the environment cannot be read here")
		return
	}
	value, found := r.outside.Lookup(name)
	switch {
	case test:
		r.become(e, types.Bool(found))
	case found:
		r.become(e, types.String(value))
	case len(otherwise) > 0:
		r.become(e, types.String(otherwise[0]))
	default:
		r.fault(e, "the environment has no variable %s; set it, or write env(%q, \"default\")", name, name)
	}
}

func (r *resolver) file(e ast.Expr) {
	args := e.AsCall().Args()
	if len(args) != 1 {
		r.fault(e, `file takes one path: file("path")`)
		return
	}
	name, ok := literalText(args[0])
	if !ok {
		r.fault(e, "the path of file must be written out, since it is read once, at load")
		return
	}
	if r.outside == nil || r.outside.ReadFile == nil {
		r.fault(e, "files cannot be read here")
		return
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	data, err := r.outside.ReadFile(path)
	switch {
	case err != nil:
		r.fault(e, "file %q cannot be read: %v", name, pathless(err))
	case len(data) > maxFile:
		r.fault(e, "file %q is larger than 1 MiB", name)
	case !utf8.Valid(data):
		r.fault(e, "file %q is no text in UTF-8", name)
	default:
		r.become(e, types.String(trimNewline(string(data))))
	}
}

func trimNewline(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r") }

// pathless is the reason of an error of the file system without the path, which the message has already.
func pathless(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

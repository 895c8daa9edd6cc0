package expr

// Templates of paths, queries and URLs. What a hole puts in is percent-encoded for the place where it stands, so a value can never
// become syntax: no further segment, no dot segment, no other parameter, no other host.

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// A place is the part of a URL that a piece of a template stands in.
type place uint8

const (
	inPath place = iota
	inQuery
	inHost
	inScheme
	inFragment
)

// What may stand for itself: unreserved characters anywhere (RFC 3986 §2.3), sub-delims in a segment, but for ";", which
// some servers cut a segment at.
var (
	plainAnywhere = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
	plainInPath   = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=")
	plainInQuery  = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/?%")
	plainInHost   = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:")
)

func set(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

func appendEncoded(dst []byte, s string, plain *[256]bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; plain[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// EncodeSegment encodes s as (part of) one segment of a path.
func EncodeSegment(s string) string { return string(appendEncoded(nil, s, &plainInPath)) }

// EncodeQuery encodes s as a name or value in a query.
func EncodeQuery(s string) string { return string(appendEncoded(nil, s, &plainAnywhere)) }

// A urlPiece is a piece of a URL.
type urlPiece struct {
	piece
	place place
	whole bool // of a query: nothing stands beside it in its parameter, so it may be several
}

// append appends what the piece makes to a URL that is begun.
func (p *urlPiece) append(dst []byte, v Vars) ([]byte, error) {
	if p.expr == nil {
		return append(dst, p.text...), nil
	}
	r := &p.expr.ref
	switch {
	case p.place == inPath && r.isPath():
		s, err := r.get(v)
		if len(dst) > 0 && dst[len(dst)-1] == '/' {
			s = strings.TrimPrefix(s, "/")
		}
		return append(dst, s...), p.expr.failed(err)
	case p.place == inPath && r.Root == "request" && r.Field == "params":
		raw, found, err := v.LookupText("request", "raw_params", r.Key)
		if err != nil || found {
			return append(dst, raw...), p.expr.failed(err)
		}
	case p.whole && p.expr.isQuery():
		raw, _, err := v.LookupText("request", "raw_query", "")
		if raw == "" && len(dst) > 0 && (dst[len(dst)-1] == '?' || dst[len(dst)-1] == '&') {
			dst = dst[:len(dst)-1]
		}
		return appendEncoded(dst, raw, &plainInQuery), p.expr.failed(err)
	case p.whole:
		x, err := p.expr.eval(v)
		if err != nil {
			return nil, err
		}
		return appendParams(dst, x, p.expr)
	}
	s, err := Expr{p.expr}.Text(v)
	if err != nil {
		return nil, err
	}
	return p.encode(dst, s)
}

func (p *urlPiece) encode(dst []byte, s string) ([]byte, error) {
	switch p.place {
	case inPath:
		if s == "" && (len(dst) == 0 || dst[len(dst)-1] == '/') {
			return nil, p.expr.failed(errEmptySegment)
		}
		return appendEncoded(dst, s, &plainInPath), nil
	case inHost, inScheme:
		allowed := &plainInHost
		if p.place == inScheme {
			allowed = &plainAnywhere
		}
		for i := range len(s) {
			if !allowed[s[i]] {
				return nil, p.expr.failed(errors.New("it makes no host"))
			}
		}
		return append(dst, s...), nil
	}
	return appendEncoded(dst, s, &plainAnywhere), nil
}

var errEmptySegment = errors.New("it makes an empty segment of the path")

// appendParams appends a value to a query: a map as pairs, anything else as text.
func appendParams(dst []byte, x any, from *program) ([]byte, error) {
	m, ok := asMap(x)
	if !ok {
		s, err := textOf(x)
		return appendEncoded(dst, s, &plainAnywhere), from.failed(err)
	}
	for i, name := range slices.Sorted(maps.Keys(m)) {
		s, err := textOf(m[name])
		if err != nil {
			return nil, from.failed(err)
		}
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(appendEncoded(dst, name, &plainAnywhere), '=')
		dst = appendEncoded(dst, s, &plainAnywhere)
	}
	return dst, nil
}

// isPath says whether r is a whole path, which may be put into another as it is.
func (r *reference) isPath() bool {
	return r.Root == "request" && (r.Field == "path" || r.Field == "raw_path")
}

// isQuery says whether p is request.query alone, of which the text is at hand.
func (p *program) isQuery() bool {
	return len(p.refs) == 1 && p.refs[0] == Ref{Root: "request", Field: "query"} && p.plainValue != nil
}

// canonical checks a path that was put together: nothing may be left in it that would make another path.
func canonical(path string) error {
	text, _, fault := wire.Canonical(path, ownString)
	if fault != nil {
		return errors.New("the path cannot be made: " + fault.Error()) // not as a fault of the request's own path
	}
	if text != path {
		return errors.New("the path cannot be made: a value leaves a dot segment or an empty one in it")
	}
	return nil
}

func ownString(b []byte) string { return string(b) }

// A PathTemplate is the path of a URL with expressions: "/v1/users/${request.params.id}". A value is one segment or a
// part of one, whatever is in it; a rest parameter and request.path itself keep their slashes. Text never returns a path that is
// not canonical.
type PathTemplate struct{ urlTemplate }

// CompilePath compiles a template of a path that stands on the request side, or where the options say.
func CompilePath(src string, options ...Option) (*PathTemplate, error) {
	t, err := newCompiler(options).url(src, inPath)
	return &PathTemplate{t}, err
}

// UnmarshalNode reads a path out of the document.
func (t *PathTemplate) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return t.unmarshal(n, path, inPath)
}

// A QueryTemplate is one name or value of a query with expressions. Text returns it encoded; a map or a list is none, whoever it comes from.
type QueryTemplate struct{ urlTemplate }

// CompileQuery compiles a template of a query's value that stands on the request side, or where the options say.
func CompileQuery(src string, options ...Option) (*QueryTemplate, error) {
	t, err := newCompiler(options).url(src, inQuery)
	return &QueryTemplate{t}, err
}

// UnmarshalNode reads a value of a query out of the document.
func (t *QueryTemplate) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return t.unmarshal(n, path, inQuery)
}

// A URLTemplate is a whole URL, or one that begins with its path, with expressions:
// "https://${request.host}${request.path}?from=${client.ip}". Nothing that a hole makes can change the host, the path's
// segments or the query's parameters, but where the hole stands for just that.
type URLTemplate struct{ urlTemplate }

// CompileURL compiles a template of a URL that stands on the request side, or where the options say.
func CompileURL(src string, options ...Option) (*URLTemplate, error) {
	t, err := newCompiler(options).url(src, inScheme)
	return &URLTemplate{t}, err
}

// UnmarshalNode reads a URL out of the document.
func (t *URLTemplate) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return t.unmarshal(n, path, inScheme)
}

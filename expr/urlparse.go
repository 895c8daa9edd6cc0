package expr

// Compiling templates of URLs: which part each piece belongs to is known at load.

import (
	"errors"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// A urlTemplate is what the templates of paths, queries and URLs are made of.
type urlTemplate struct {
	src    string
	kind   place // inPath, inQuery or, for a whole URL, inScheme
	pieces []urlPiece
	text   string // without holes
	given  bool
}

func (t urlTemplate) blame(err error) error {
	var uses []Ref
	for _, p := range t.pieces {
		if p.expr != nil {
			uses = append(uses, p.expr.uses()...)
		}
	}
	return blame(t.src, uses, err)
}

// IsZero says whether there is no template.
func (t urlTemplate) IsZero() bool { return !t.given }

// String returns the template as it was written.
func (t urlTemplate) String() string { return t.src }

// Constant returns the text, if it is the same for every request.
func (t urlTemplate) Constant() (text string, constant bool) { return t.text, t.pieces == nil }

// Uses returns the variables that the template refers to.
func (t urlTemplate) Uses() []Ref {
	var out []Ref
	for _, p := range t.pieces {
		if p.expr != nil {
			out = append(out, p.expr.refs...)
		}
	}
	return out
}

// Text fills the holes, each encoded for its place.
func (t urlTemplate) Text(v Vars) (string, error) {
	if t.pieces == nil {
		return t.text, nil
	}
	var room [256]byte
	out, begin, end := room[:0], -1, -1
	for i := range t.pieces {
		p := &t.pieces[i]
		if p.place == inPath && begin < 0 {
			begin = len(out)
		} else if p.place != inPath && begin >= 0 && end < 0 {
			end = len(out)
		}
		var err error
		if out, err = p.append(out, v); err != nil {
			return "", err
		}
	}
	if end < 0 {
		end = len(out)
	}
	made := string(out)
	if begin >= 0 {
		if err := canonical(made[begin:end]); err != nil {
			return "", t.blame(err)
		}
	}
	return made, nil
}

func (t *urlTemplate) unmarshal(n *schema.Node, path string, kind place) (errs schema.Errors) {
	if wrong := noScalar(n, "text"); wrong != "" {
		errs.Add(n, path, "%s", wrong)
		return errs
	}
	if n.Kind == schema.String && n.Text == "" && !n.Quoted {
		*t = urlTemplate{} // the default of a setting that is not given
		return nil
	}
	c := at(n, nil)
	out, err := c.url(n.Text, kind)
	if n.Literal {
		out, err = literalURL(n.Text, kind)
	}
	if err != nil {
		report(&errs, n, path, err)
		return errs
	}
	*t = out
	return nil
}

// url compiles a template whose first piece stands in kind.
func (c *compiler) url(src string, kind place) (urlTemplate, error) {
	if !strings.Contains(src, "${") {
		return literalURL(src, kind)
	}
	want := Text
	if kind == inScheme {
		want = Any // a query takes maps as well, where all of it is one
	}
	inner, err := c.template(src, want, want)
	if err != nil {
		return urlTemplate{}, err
	}
	if inner.parts == nil {
		t, err := literalURL(inner.text, kind)
		t.src = src
		return t, err
	}
	t := urlTemplate{src: src, kind: kind, given: true}
	switch kind {
	case inScheme:
		err = t.parse(inner.parts)
	default:
		for _, p := range inner.parts {
			if p.expr == nil && kind == inQuery {
				p.text = EncodeQuery(p.text)
			}
			t.pieces = append(t.pieces, urlPiece{piece: p, place: kind})
		}
	}
	if err == nil {
		err = t.check()
	}
	return t, err
}

func literalURL(s string, kind place) (urlTemplate, error) {
	t := urlTemplate{src: s, kind: kind, text: s, given: true}
	var err error
	switch kind {
	case inQuery:
		t.text = EncodeQuery(s)
	case inPath:
		err = checkPath(s)
	case inScheme:
		parsed := urlTemplate{src: s}
		if err = parsed.parse([]piece{{text: s}}); err == nil {
			err = parsed.check()
		}
	}
	return t, err
}

var (
	errQuery = errors.New(`a path holds no "?" or "#"; the query has a setting of its own`)
	errHost  = errors.New("the URL has no host")
	errWhole = errors.New("an expression cannot be all of a URL, or its beginning: what it makes is encoded as a part; begin with http://, https:// or \"/\"")
	errPart  = errors.New("request.query stands for all parameters, and here for a part of one; write request.query.NAME for one of them")
	errStart = errors.New(`a URL begins with http://, https:// or, for the same host, with "/"`)
)

// parse gives every piece its place, cutting text where one ends.
func (t *urlTemplate) parse(parts []piece) error {
	where := inScheme
	for _, p := range parts {
		if p.expr != nil {
			switch {
			case where == inScheme && len(parts) > 1 && strings.HasPrefix(parts[1].text, "://"):
			case where == inScheme && !p.expr.ref.isPath():
				return errWhole
			case where == inScheme, where == inHost && p.expr.ref.isPath():
				where = inPath
			}
			t.pieces = append(t.pieces, urlPiece{piece: p, place: where})
			continue
		}
		var err error
		if where, err = t.cut(p.text, where); err != nil {
			return err
		}
	}
	return t.wholes()
}

// wholes finds the holes that stand for whole parameters: in all else of a query a map would bring parameters that nobody wrote.
func (t *urlTemplate) wholes() error {
	for i := range t.pieces {
		p := &t.pieces[i]
		if p.place != inQuery || p.expr == nil {
			continue
		}
		before := t.pieces[i-1].text // a query begins with its mark
		p.whole = (strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&")) && t.pieces[i-1].place == inQuery &&
			(i == len(t.pieces)-1 || t.pieces[i+1].place != inQuery || strings.HasPrefix(t.pieces[i+1].text, "&"))
		if !p.whole && p.expr.isQuery() {
			return &Error{Msg: errPart.Error()}
		}
	}
	return nil
}

// cut adds text that begins in a place, and returns the place that it ends in.
func (t *urlTemplate) cut(s string, where place) (place, error) {
	add := func(n int, next place) {
		if n > 0 {
			t.pieces = append(t.pieces, urlPiece{piece: piece{text: s[:n]}, place: where})
		}
		s, where = s[n:], next
	}
	if where == inScheme {
		switch {
		case strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"):
			where = inPath
		case strings.HasPrefix(s, "https://"), strings.HasPrefix(s, "http://"), len(t.pieces) == 1 && strings.HasPrefix(s, "://"):
			add(strings.Index(s, "//")+2, inHost)
			if strings.IndexAny(s+" ", "/?#") == 0 {
				return where, errHost
			}
		default:
			return where, errStart
		}
	}
	for s != "" {
		switch n := strings.IndexAny(s, ends[where]); {
		case n < 0:
			add(len(s), where)
		case s[n] == '#':
			add(n, inFragment)
			add(1, inFragment)
		case s[n] == '?':
			add(n, inQuery)
			add(1, inQuery)
		default:
			add(n, inPath)
		}
	}
	return where, nil
}

// ends holds the characters that end a part of a URL.
var ends = [...]string{inPath: "?#", inQuery: "#", inHost: "/?#", inScheme: "", inFragment: ""}

// check tries the template with harmless values, so that a mistake in its text is found at load.
func (t *urlTemplate) check() error {
	var path strings.Builder
	for i := range t.pieces {
		switch p := &t.pieces[i]; {
		case p.place == inHost && p.expr == nil && strings.Trim(p.text, hostText) != "":
			return &Error{Msg: "the URL's host holds a character that must not be there"}
		case p.place != inPath:
		case p.expr == nil:
			path.WriteString(p.text)
		case p.expr.ref.isPath():
			if s := path.String(); s == "" || s[len(s)-1] != '/' {
				path.WriteByte('/')
			}
			path.WriteByte('x')
		case path.Len() == 0 && t.kind == inPath:
			return &Error{Msg: "the path must begin with a slash, which an expression does not make: what it makes is a segment, or a part of one"}
		default:
			path.WriteByte('x')
		}
	}
	if path.Len() == 0 {
		return nil
	}
	return checkPath(path.String())
}

const hostText = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._[]:"

// checkPath says what is wrong with a path that is written in the document.
func checkPath(s string) error {
	if strings.ContainsAny(s, "?#") {
		return &Error{Msg: errQuery.Error()}
	}
	text, _, fault := wire.Canonical(s, ownString)
	switch {
	case fault != nil:
		return &Error{Msg: strings.ToLower(fault.Reason[:1]) + strings.TrimSuffix(fault.Reason[1:], ".")}
	case text != s:
		return &Error{Msg: "the path is not in its canonical form; write it as " + text}
	}
	return nil
}

package schema

// Reading YAML, and JSON with it, into nodes that know where they stand. Whatever the document, memory and time stay
// bounded and the first error says what would be right.

import (
	"errors"
	"io"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Bounds of a document.
const (
	MaxDocument = 16 << 20  // bytes
	maxEntries  = 1 << 19   // lines, commas and brackets: what bounds the number of nodes before there are any
	maxNodes    = 1_000_000 // after aliases and merge keys took their copies
	maxDepth    = 100
)

// Parse reads one YAML or JSON document. What it returns beside errors is for further checks only.
func Parse(file string, data []byte) (*Node, Errors) {
	p := &parser{file: file, open: map[*yaml.Node]bool{}}
	data, ok := p.plain(data)
	if !ok {
		return nil, p.errs
	}
	p.data = data
	loader, err := yaml.NewLoader(&polite{data}, yaml.WithV4Defaults(), yaml.WithPlugin(depth{}))
	if err != nil { // the options are wrong
		panic("schema: " + err.Error())
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); err != nil {
		p.syntax(err)
		return nil, p.errs
	}
	n := p.node(doc.Content[0], 0)
	switch err := loader.Load(&second); {
	case err == nil:
		p.add(second.Line, second.Column, "a second document begins here; write one file for each")
	case !errors.Is(err, io.EOF):
		p.syntax(err)
	}
	if n == nil || len(p.errs) == 0 && n.Kind == Null && !n.Quoted {
		if len(p.errs) == 0 {
			p.add(1, 1, "the document is empty")
		}
		return nil, p.errs
	}
	p.errs.Sort()
	return n, p.errs
}

// A polite reader hands out a little at a time and lets others run in between: documents are read while requests are served, and
// a large one takes its time.
type polite struct{ left []byte }

func (p *polite) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	runtime.Gosched()
	n := copy(b, p.left[:min(len(p.left), 1<<10)])
	p.left = p.left[n:]
	return n, nil
}

// Yield lets others run after each few steps of a long loop; i counts the steps.
func Yield(i int) {
	if i%32 == 31 {
		runtime.Gosched()
	}
}

// A parser makes nodes out of the library's.
type parser struct {
	file  string
	data  []byte
	count int
	open  map[*yaml.Node]bool // anchored nodes that are being copied, to refuse one that contains itself
	full  bool                // maxNodes was reported
	errs  Errors
}

func (p *parser) add(line, col int, msg string) {
	p.errs = append(p.errs, &Error{Pos: Pos{p.file, line, col}, Msg: msg})
}

// node converts y; it is nil when y cannot stand in a document.
func (p *parser) node(y *yaml.Node, depth int) *Node {
	if p.count++; p.count > maxNodes || depth > maxDepth {
		p.tooMuch(y, depth)
		return nil
	}
	if y.Kind == yaml.AliasNode {
		return p.alias(y, depth)
	}
	if y.Anchor != "" {
		p.open[y] = true
		defer delete(p.open, y)
	}
	Yield(p.count)
	n := &Node{Pos: Pos{p.file, y.Line, y.Column}}
	switch y.Kind {
	case yaml.ScalarNode:
		p.scalar(n, y)
	case yaml.SequenceNode:
		n.Kind = List
		p.tag(y, "!!seq")
		for _, c := range y.Content {
			if item := p.node(c, depth+1); item != nil {
				n.Items = append(n.Items, item)
			}
		}
	case yaml.MappingNode:
		n.Kind = Map
		p.tag(y, "!!map")
		p.fields(n, y, depth)
	}
	return n
}

func (p *parser) tooMuch(y *yaml.Node, depth int) {
	if p.full {
		return
	}
	p.full = true
	if depth > maxDepth {
		p.add(y.Line, y.Column, "values are nested more than 100 deep here")
		return
	}
	p.add(y.Line, y.Column, "the document has more than 1000000 values once its aliases (*name) are filled in")
}

func (p *parser) alias(y *yaml.Node, depth int) *Node {
	if p.open[y.Alias] {
		p.add(y.Line, y.Column, "the alias *"+y.Value+" stands inside of what it stands for")
		return nil
	}
	return p.node(y.Alias, depth)
}

func (p *parser) scalar(n *Node, y *yaml.Node) {
	n.Text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.Kind = Null
	case "!!bool":
		n.Kind = Bool
	case "!!int":
		n.Kind = Number
	case "!!float":
		n.Kind = Number
		if t := strings.ToLower(strings.TrimLeft(y.Value, "+-")); t == ".nan" || t == ".inf" {
			p.add(y.Line, y.Column, y.Value+` is no number to count with; write "`+y.Value+`" if text is meant`)
		}
	case "!!timestamp", "!!merge":
		n.Kind = String
	case "!!str":
		n.Kind = String
		n.Quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0
		n.Block = y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	default:
		n.Kind = String
		p.tag(y, "")
	}
}

// tag refuses tags other than the one that a value has anyway.
func (p *parser) tag(y *yaml.Node, own string) {
	if t := y.ShortTag(); t != own {
		p.add(y.Line, y.Column, "the tag "+Clip(t)+" has no meaning here; leave it out")
	}
}

// depth refuses documents that nest too deep before they are built.
type depth struct{}

func (depth) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return errors.New("too deep")
	}
	return nil
}

// CheckAlias lets all pass: nodes are not expanded by the library.
func (depth) CheckAlias(int, int) error { return nil }

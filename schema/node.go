// Package schema turns documents into settings. A config struct with tags is the one declaration of a setting: strict
// decoding with every error at once, JSON Schema and the reference pages all come from it.
package schema

import (
	"fmt"
	"slices"
	"strings"
)

// A Node is one value of a document, with the place where it stands.
type Node struct {
	Kind   Kind
	Text   string // of a scalar, as written (quotes and escapes undone)
	Quoted bool   // a scalar that was written as a string on purpose
	// Literal says that Text is final: "${" has no meaning in it. Folding at load sets it, so that a value from the
	// environment is never expanded again. A literal is read by its text, whatever its Kind.
	Literal bool
	Block   bool     // a scalar that is written below its key, after | or >
	Written string   // what Text was before folding replaced it; empty when it did not
	Secret  bool     // it was read as a Secret
	Hashed  bool     // it was read as the hash of a password: not shown, but it may stand in a document
	Faulty  bool     // what is wrong with it has been reported; decoding passes it over
	Items   []*Node  // of a list
	Fields  []*Field // of a map, in order
	// Outside is what env.X and file("…") in Text may read, for types that compile expressions. Folding at load sets it; nil
	// means that they may read nothing.
	Outside *Outside
	// Scope is what else expressions in Text may refer to, nil for nothing; package expr says what it is.
	Scope any
	Pos
}

// Outside is where values that do not stand in the document come from, at load.
type Outside struct {
	Lookup   func(name string) (value string, found bool) // a variable of the environment
	ReadFile func(path string) ([]byte, error)
}

// A Field is one entry of a map node.
type Field struct {
	Name string
	Pos  // of the name
	Node *Node
}

// A Kind is a sort of node.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

func (k Kind) String() string {
	return [...]string{"nothing", "a boolean", "a number", "a string", "a list", "a map"}[k]
}

// Field returns the value of name in a map node, nil when there is none.
func (n *Node) Field(name string) *Node {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Name == name {
			return f.Node
		}
	}
	return nil
}

// Entries returns the entries of a map node, none of any other and of nil.
func (n *Node) Entries() []*Field {
	if n == nil {
		return nil
	}
	return n.Fields
}

// List returns the items of a list node; what is no list is a list of itself, nil and nothing have no items.
func (n *Node) List() []*Node {
	switch {
	case n == nil || n.Kind == Null && !n.Literal:
		return nil
	case n.Kind == List:
		return n.Items
	}
	return []*Node{n}
}

// A Pos is a place in a file. Line and Col count from 1; 0 is unknown.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// An Error is one thing wrong at one place of a document.
type Error struct {
	Pos  Pos
	Path string // "routes[0].policies[1].rate_limit.rate"
	Msg  string // what is wrong; what would be right
	Warn bool   // true: the document works, but is unwise
	Note bool   // beside Warn: it may well be on purpose
	Code string // of what is unwise, to look it up by
}

func (e *Error) Error() string {
	var b strings.Builder
	if s := e.Pos.String(); s != "" {
		b.WriteString(s)
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	return b.String()
}

// Errors is everything wrong with a document.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Add appends what is wrong at n.
func (es *Errors) Add(n *Node, path, format string, args ...any) {
	e := &Error{Path: path, Msg: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Pos = n.Pos
	}
	*es = append(*es, e)
}

// Sort orders by file, line and column.
func (es Errors) Sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		if c := strings.Compare(a.Pos.File, b.Pos.File); c != 0 {
			return c
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
}

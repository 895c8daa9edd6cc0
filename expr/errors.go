package expr

import (
	"errors"
	"strings"

	"sallyport/schema"
)

// An Error is something wrong with an expression, found at load.
type Error struct {
	At  int // byte of the source
	Msg string
}

func (e *Error) Error() string { return e.Msg }

// Faults is everything wrong with an expression.
type Faults []*Error

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Msg
	}
	return strings.Join(lines, "; ")
}

// faults makes a list of any error of this package.
func faults(err error) Faults {
	var all Faults
	var one *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &all):
		return all
	case errors.As(err, &one):
		return Faults{one}
	}
	return Faults{{Msg: err.Error()}}
}

// shifted moves the places of err by n bytes, for an expression inside other text.
func shifted(err error, n int) Faults {
	fs := faults(err)
	for _, f := range fs {
		f.At += n
	}
	return fs
}

// report adds what is wrong with the text of n, each at its own line and column.
func report(errs *schema.Errors, n *schema.Node, path string, err error) {
	for _, f := range faults(err) {
		errs.Add(n, path, "%s", f.Msg)
		(*errs)[len(*errs)-1].Pos = posOf(n, f.At)
	}
}

// posOf is where byte at of the node's text stands in the document. In a block, and behind an escape in quotes, only the
// line can be told, so those errors point at the beginning of the value.
func posOf(n *schema.Node, at int) schema.Pos {
	pos := n.Pos
	if n.Block || pos.Line == 0 || at > len(n.Text) {
		return pos
	}
	before := n.Text[:at]
	if n.Quoted && strings.ContainsFunc(before, escapable) || strings.Contains(before, "\n") {
		return pos
	}
	if n.Quoted {
		pos.Col++
	}
	pos.Col += len([]rune(before))
	return pos
}

// escapable says whether a character of quoted text may have been written as more than one.
func escapable(r rune) bool { return r < ' ' || r == '"' || r == '\'' || r == '\\' || r > '~' }

package main

import (
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// A shown writer keeps what it writes from steering a terminal: names in documents, answers of targets and the rest may hold anything.
// Control characters, and those that turn the direction of text round, are written as escapes, which JSON reads as well.
type shown struct {
	io.Writer
	painted bool // sequences that colors makes stay
}

func newShown(w io.Writer) shown { return shown{w, printer(w).on} }

var (
	steers = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]`)
	paint  = regexp.MustCompile(`^\x1b\[(0|1|2|31|32|33)m`)
)

// Write writes p.
func (s shown) Write(p []byte) (int, error) {
	if !steers.Match(p) {
		return s.Writer.Write(p)
	}
	var out []byte
	for i := 0; i < len(p); {
		if n := len(paint.Find(p[i:])); s.painted && n > 0 {
			out = append(out, p[i:i+n]...)
			i += n
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		if steers.Match(p[i : i+n]) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, p[i:i+n]...)
		}
		i += n
	}
	_, err := s.Writer.Write(out)
	return len(p), err
}

// bare returns what w writes to.
func bare(w io.Writer) io.Writer {
	if s, ok := w.(shown); ok {
		return s.Writer
	}
	return w
}

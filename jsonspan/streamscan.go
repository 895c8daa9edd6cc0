package jsonspan

import "io"

// This file finds pieces of a Stream: where one ends is looked for byte by byte across reads, and what it is is checked when all of it is there.

// A scan is how far the piece at the place was looked at.
type scan struct {
	n     int // bytes
	depth int
	text  bool
}

// piece returns the whole value that stands at the place, checked, and goes behind it. depth is that of what is around it.
func (t *Stream) piece(depth int) ([]byte, error) {
	n, err := t.length()
	if err != nil {
		return nil, err
	}
	if n > t.most {
		return nil, ErrLarge
	}
	v, err := check(t.in[t.at:t.at+n:t.at+n], depth)
	if err != nil {
		return nil, err
	}
	t.at, t.scan = t.at+n, scan{}
	return v, nil
}

// length finds how long the piece at the place is, however well it is made.
func (t *Stream) length() (int, error) {
	b, s := t.in[t.at:], &t.scan
	if b[0] != '"' && b[0] != '{' && b[0] != '[' {
		for ; s.n < len(b); s.n++ {
			if c := b[s.n]; c == ',' || c == '}' || c == ']' || c == ':' || c <= ' ' {
				return s.n, nil
			}
		}
		if t.over {
			return s.n, nil
		}
		return 0, errMore
	}
	for s.n < len(b) {
		if s.text {
			if t.inText(b) {
				return s.n, nil
			}
			if s.n == len(b)-1 && b[s.n] == '\\' {
				break // what it escapes is not there yet
			}
			continue
		}
		c := b[s.n]
		s.n++
		switch c {
		case '"':
			s.text = true
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.depth--; s.depth == 0 {
				return s.n, nil
			}
		}
	}
	if t.over {
		return 0, errEnded
	}
	return 0, errMore
}

// inText goes on in a text, up to its end at most, and says whether the piece ends with it.
func (t *Stream) inText(b []byte) bool {
	s := &t.scan
	switch s.n = marked(b, s.n); {
	case s.n == len(b):
	case b[s.n] == '"':
		s.text = false
		s.n++
		return s.depth == 0
	case s.n+1 < len(b):
		s.n += 2
	}
	return false
}

// marked returns the index of the first byte from i on that is a quote or a backslash.
func marked(b []byte, i int) int {
	for len(b)-i >= 8 {
		w := wordAt(b, i)
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if found := ((quote-ones)&^quote | (slash-ones)&^slash) & highs; found != 0 {
			return i + lowest(found)
		}
		i += 8
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// finish lets go what was held until the value had ended.
func (t *Stream) finish() error {
	t.out = append(t.out, t.held...)
	return io.EOF
}

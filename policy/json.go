package policy

// A strict reader of JSON (RFC 8259), made for bodies that clients send: one pass, text shared with the input, and refusing
// what readers disagree on.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep lists and objects may nest.
const maxDepth = 200

var (
	errText  = errors.New("it is not in UTF-8")
	errDeep  = errors.New("it nests too deep")
	errTwice = errors.New("an object has a name twice")
	errHalf  = errors.New("a text holds half a character")
)

// DecodeJSON reads one JSON value, strictly: names in an object must differ, since readers do not agree on which of two counts, and
// text must be text. Integers that fit become int64; other numbers stay json.Number, with every digit.
func DecodeJSON(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errText
	}
	r := jsonReader{s: string(b)}
	r.space()
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if r.space(); r.i < len(r.s) {
		return nil, r.mistake()
	}
	return v, nil
}

type jsonReader struct {
	s string
	i int
}

// mistake says where the reader stopped, without repeating what the client sent.
func (r *jsonReader) mistake() error {
	if r.i >= len(r.s) {
		return errors.New("it breaks off")
	}
	return fmt.Errorf("there is a mistake at byte %d", r.i+1)
}

func (r *jsonReader) space() {
	for r.i < len(r.s) && (r.s[r.i] == ' ' || r.s[r.i] == '\n' || r.s[r.i] == '\r' || r.s[r.i] == '\t') {
		r.i++
	}
}

// next takes c if it comes next, behind white space.
func (r *jsonReader) next(c byte) bool {
	r.space()
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *jsonReader) value(depth int) (any, error) {
	if r.i >= len(r.s) {
		return nil, r.mistake()
	}
	switch c := r.s[r.i]; c {
	case '{', '[':
		switch {
		case depth == maxDepth:
			return nil, errDeep
		case c == '{':
			return r.object(depth + 1)
		}
		return r.list(depth + 1)
	case '"':
		return r.text()
	case 't':
		return r.word("true", true)
	case 'f':
		return r.word("false", false)
	case 'n':
		return r.word("null", nil)
	}
	return r.number()
}

func (r *jsonReader) word(w string, v any) (any, error) {
	if !strings.HasPrefix(r.s[r.i:], w) {
		return nil, r.mistake()
	}
	r.i += len(w)
	return v, nil
}

func (r *jsonReader) object(depth int) (any, error) {
	r.i++
	out := map[string]any{}
	if r.next('}') {
		return out, nil
	}
	for {
		if r.space(); r.i >= len(r.s) || r.s[r.i] != '"' {
			return nil, r.mistake()
		}
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if !r.next(':') {
			return nil, r.mistake()
		}
		if _, twice := out[name]; twice {
			return nil, errTwice
		}
		r.space()
		if out[name], err = r.value(depth); err != nil {
			return nil, err
		}
		switch {
		case r.next(','):
		case r.next('}'):
			return out, nil
		default:
			return nil, r.mistake()
		}
	}
}

func (r *jsonReader) list(depth int) (any, error) {
	r.i++
	out := []any{}
	if r.next(']') {
		return out, nil
	}
	for {
		r.space()
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		switch {
		case r.next(','):
		case r.next(']'):
			return out, nil
		default:
			return nil, r.mistake()
		}
	}
}

// number reads a number by the grammar of RFC 8259 §6.
func (r *jsonReader) number() (any, error) {
	start := r.i
	negative := r.i < len(r.s) && r.s[r.i] == '-'
	if negative {
		r.i++
	}
	zero := r.i < len(r.s) && r.s[r.i] == '0'
	n := r.digits()
	whole := true
	if n == 0 || zero && n > 1 {
		r.i = start
		return nil, r.mistake()
	}
	if r.i < len(r.s) && r.s[r.i] == '.' {
		r.i++
		if whole = false; r.digits() == 0 {
			return nil, r.mistake()
		}
	}
	if r.i < len(r.s) && r.s[r.i]|0x20 == 'e' {
		if r.i++; r.i < len(r.s) && (r.s[r.i] == '+' || r.s[r.i] == '-') {
			r.i++
		}
		if whole = false; r.digits() == 0 {
			return nil, r.mistake()
		}
	}
	s := r.s[start:r.i]
	if whole && !(negative && zero) { // minus zero is no integer
		if v, err := strconv.ParseInt(s, 10, 64); err == nil {
			return v, nil
		}
	}
	return json.Number(s), nil
}

func (r *jsonReader) digits() (n int) {
	for ; r.i < len(r.s) && '0' <= r.s[r.i] && r.s[r.i] <= '9'; n++ {
		r.i++
	}
	return n
}

// text reads a string. One without escapes shares the input.
func (r *jsonReader) text() (string, error) {
	r.i++
	start := r.i
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return r.s[start : r.i-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.mistake()
		}
		r.i++
	}
	return "", r.mistake()
}

// escaped goes on with a string that began at start, from its first escape.
func (r *jsonReader) escaped(start int) (string, error) {
	out := []byte(r.s[start:r.i])
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return string(out), nil
		case c < ' ':
			return "", r.mistake()
		case c != '\\':
			out = append(out, c)
			r.i++
		default:
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, char)
		}
	}
	return "", r.mistake()
}

// escape reads one escape; two of them where UTF-16 needs two.
func (r *jsonReader) escape() (rune, error) {
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if r.i+1 >= len(r.s) {
		r.i = len(r.s)
		return 0, r.mistake()
	}
	if n := strings.IndexByte(letters, r.s[r.i+1]); n >= 0 {
		r.i += 2
		return rune(meant[n]), nil
	}
	high, ok := r.unit()
	if !ok {
		return 0, r.mistake()
	}
	if !utf16.IsSurrogate(high) {
		return high, nil
	}
	low, ok := r.unit()
	if both := utf16.DecodeRune(high, low); ok && both != utf8.RuneError {
		return both, nil
	}
	return 0, errHalf
}

// unit reads \uXXXX.
func (r *jsonReader) unit() (rune, bool) {
	if len(r.s)-r.i < 6 || r.s[r.i] != '\\' || r.s[r.i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[r.i+2:r.i+6], 16, 16)
	if err != nil {
		return 0, false
	}
	r.i += 6
	return rune(n), true
}

package jsonlimits

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sallyport/problem"
)

// This file judges JSON. It is read token by token in one pass: neither depth nor width make it slower than the bytes do, or take
// stack.

// bounds are what JSON may look like.
type bounds struct {
	depth, members, keys, items int
	key, text, number           int // text is negative for any
	exponent                    int
	twice                       bool // an object may have a key twice
}

// A reason is why a body is refused, in the words of metrics and log.
type reason string

const (
	syntax    reason = "syntax"
	duplicate reason = "duplicate_key"
	tooDeep   reason = "depth"
	members   reason = "members"
	keys      reason = "keys"
	items     reason = "items"
	keyLength reason = "key_length"
	textSize  reason = "string_length"
	number    reason = "number"
	nul       reason = "nul"
)

var reasons = []reason{syntax, duplicate, tooDeep, members, keys, items, keyLength, textSize, number, nul}

// A finding is the first thing that is wrong with a body.
type finding struct {
	reason  reason
	pointer string // RFC 6901
	detail  string
}

// maxPointer bounds what is told of where something is wrong.
const maxPointer = 1 << 10

// problem is the finding as the client gets it.
func (f *finding) problem() error {
	p := problem.Invalid.New("The body is no JSON that is taken here.").Because(fmt.Errorf("at %q: %s", f.pointer, f.detail))
	p.Extra = map[string]any{"errors": []any{map[string]any{"pointer": f.pointer, "detail": f.detail}}}
	return p
}

// A reader is pooled: what it learnt of one body is overwritten by the next.
type reader struct {
	decoder *jsontext.Decoder
	buffer  bytes.Buffer
}

var readers = sync.Pool{New: func() any { return &reader{decoder: jsontext.NewDecoder(&bytes.Buffer{})} }}

// nothing is what a reader in the pool reads, so that it holds on to no body.
var nothing = &bytes.Buffer{}

var (
	strict  = []jsontext.Options{jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false)}
	lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(false)}
)

// check returns what is wrong with b, nil when nothing is. It does not change b.
func (l *bounds) check(b []byte) *finding {
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		return &finding{syntax, "", "It begins with a byte order mark."}
	}
	r := readers.Get().(*reader)
	options := strict
	if l.twice {
		options = lenient
	}
	r.buffer = *bytes.NewBuffer(b)
	r.decoder.Reset(&r.buffer, options...)
	defer func() {
		r.buffer = bytes.Buffer{}
		r.decoder.Reset(nothing)
		readers.Put(r)
	}()
	return l.read(r.decoder)
}

func (l *bounds) read(d *jsontext.Decoder) *finding {
	total := 0
	for {
		var raw []byte
		var err error
		kind := d.PeekKind()
		switch kind {
		case '{', '[', '}', ']':
			_, err = d.ReadToken()
		default:
			raw, err = d.ReadValue()
		}
		if err != nil {
			return broken(err)
		}
		if f := l.token(d, kind, raw, &total); f != nil {
			return f
		}
		if d.StackDepth() == 0 {
			return rest(d)
		}
	}
}

// rest says whether anything follows the value.
func rest(d *jsontext.Decoder) *finding {
	switch d.PeekKind() {
	case 0:
		if _, err := d.ReadToken(); err != io.EOF { //nolint:errorlint // it is never wrapped
			return &finding{syntax, "", "Something follows the value."}
		}
		return nil
	default:
		return &finding{syntax, "", "Something follows the value."}
	}
}

// token judges what was just read.
func (l *bounds) token(d *jsontext.Decoder, kind jsontext.Kind, raw []byte, total *int) *finding {
	depth := d.StackDepth()
	if kind == '{' || kind == '[' {
		if depth > l.depth {
			return found(d, 0, tooDeep, "It has more than %d levels.", l.depth)
		}
		depth-- // what holds it
	}
	holder, n := d.StackIndex(depth)
	switch {
	case kind == '}' || kind == ']':
		return nil
	case holder == '[' && n > int64(l.items):
		return found(d, 1, items, "The array has more than %d items.", l.items)
	case holder == '{' && n%2 == 1: // a key
		*total++
		return l.name(d, raw, int((n+1)/2), *total)
	}
	return l.value(d, kind, raw)
}

// name judges a key, the nth of its object.
func (l *bounds) name(d *jsontext.Decoder, raw []byte, n, total int) *finding {
	switch {
	case n > l.keys:
		return found(d, 1, keys, "The object has more than %d keys.", l.keys)
	case total > l.members:
		return found(d, 1, members, "All objects together have more than %d keys.", l.members)
	case longer(raw, l.key):
		return found(d, 1, keyLength, "A key has more than %d characters.", l.key)
	case hasNUL(raw):
		return found(d, 1, nul, "A key holds the character U+0000.")
	}
	return nil
}

func (l *bounds) value(d *jsontext.Decoder, kind jsontext.Kind, raw []byte) *finding {
	switch {
	case kind == '0' && len(raw) > l.number:
		return found(d, 0, number, "The number is longer than %d characters.", l.number)
	case kind == '0' && exponent(raw) > l.exponent:
		return found(d, 0, number, "The exponent of the number is larger than %d.", l.exponent)
	case kind == '"' && l.text >= 0 && longer(raw, l.text):
		return found(d, 0, textSize, "The string has more than %d characters.", l.text)
	case kind == '"' && hasNUL(raw):
		return found(d, 0, nul, "The string holds the character U+0000.")
	}
	return nil
}

// found makes a finding at what was just read, or up levels above.
func found(d *jsontext.Decoder, up int, r reason, format string, args ...any) *finding {
	p := d.StackPointer()
	for range up {
		p = p.Parent()
	}
	return &finding{r, bounded(p), fmt.Sprintf(format, args...)}
}

func bounded(p jsontext.Pointer) string {
	if len(p) > maxPointer {
		p = p[:maxPointer]
		p = p[:strings.LastIndexByte(string(p), '/')]
	}
	return strings.ToValidUTF8(string(p), "\uFFFD")
}

// broken makes a finding of what is no JSON.
func broken(err error) *finding {
	var s *jsontext.SyntacticError
	switch {
	case !errors.As(err, &s):
		return &finding{syntax, "", "The value is missing or ends early."}
	case errors.Is(err, jsontext.ErrDuplicateName):
		return &finding{duplicate, bounded(s.JSONPointer), "The object has the key twice."}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &finding{syntax, bounded(s.JSONPointer), "The value ends early."}
	}
	detail := strings.ToValidUTF8(s.Err.Error(), "\uFFFD")
	if len(detail) > 200 {
		detail = "It is no JSON"
	}
	return &finding{syntax, bounded(s.JSONPointer), fmt.Sprintf("At byte %d: %s.", s.ByteOffset, detail)}
}

// longer says whether a string, with its quotes and escapes, has more than most characters.
func longer(raw []byte, most int) bool {
	if raw = raw[1 : len(raw)-1]; len(raw) <= most {
		return false
	}
	n := 0
	for i := 0; i < len(raw); n++ {
		switch c := raw[i]; {
		case c == '\\' && raw[i+1] == 'u':
			if i += 6; isSurrogate(raw[i-6:]) {
				i += 6 // a pair is one character
			}
		case c == '\\':
			i += 2
		case c < utf8.RuneSelf:
			i++
		default:
			_, size := utf8.DecodeRune(raw[i:])
			i += size
		}
	}
	return n > most
}

// isSurrogate says whether the escape \uXXXX is the first half of a pair.
func isSurrogate(b []byte) bool {
	return (b[2] == 'd' || b[2] == 'D') && (b[3] == '8' || b[3] == '9' || b[3]|0x20 == 'a' || b[3]|0x20 == 'b')
}

// hasNUL says whether a string holds U+0000, at which some readers end.
func hasNUL(raw []byte) bool {
	for i := bytes.IndexByte(raw, '\\'); i >= 0; {
		if bytes.HasPrefix(raw[i:], []byte(`\u0000`)) {
			return true
		}
		raw = raw[i+2:]
		i = bytes.IndexByte(raw, '\\')
	}
	return false
}

// exponent returns how large the exponent of a number is, without its sign.
func exponent(raw []byte) (n int) {
	i := bytes.IndexAny(raw, "eE")
	if i < 0 {
		return 0
	}
	for _, c := range raw[i+1:] {
		if c >= '0' && c <= '9' && n < 1<<40 {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

package expr

// JSON written from values and from documents with expressions in them.

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sallyport/schema"
)

// MaxJSON bounds JSON that is made, in bytes, where nobody says less. An expression of a line may repeat a body that it is given for every item
// of it.
const MaxJSON = 64 << 20

// ErrLarge is what JSON fails with that would be larger than it may be.
var ErrLarge = errors.New("what it makes is larger than it may be")

// AppendJSON appends a value as JSON. The names of a map come in order of their bytes, so that the same value gives the same
// text; numbers keep every digit. It fails with ErrLarge beyond MaxJSON.
func AppendJSON(dst []byte, v any) ([]byte, error) { return appendJSON(dst, v, len(dst)+MaxJSON, 0) }

// appendJSON appends v, unless dst gets longer than most.
func appendJSON(dst []byte, v any, most, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return nil, errors.New("the value nests too deep")
	}
	if dst, err = appendValue(dst, v, most, depth); err != nil {
		return nil, err
	}
	if len(dst) > most {
		return nil, ErrLarge
	}
	return dst, nil
}

func appendValue(dst []byte, v any, most, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case json.Number:
		return append(dst, v...), nil
	case Raw:
		return append(dst, v...), nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("JSON has no number for %v", v)
		}
		return append(dst, formatFloat(v)...), nil
	case []any:
		return appendList(dst, v, most, depth)
	case []string:
		return appendList(dst, v, most, depth)
	case map[string]any:
		return appendMap(dst, v, most, depth)
	case map[string]string:
		return appendMap(dst, v, most, depth)
	}
	s, err := textOf(v)
	return appendText(dst, s), err
}

func appendList[T any](dst []byte, list []T, most, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, v, most, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap[T any](dst []byte, m map[string]T, most, depth int) (_ []byte, err error) {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, name), ':')
		if dst, err = appendJSON(dst, m[name], most, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendText appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// JSON is a value of the document with expressions in its strings: a body as it is written out. A string that is one
// expression becomes what the expression makes; names come in the order of the document.
type JSON struct {
	parts []jsonPart
}

// A jsonPart is text of JSON, or a string of the document with expressions.
type jsonPart struct {
	text []byte
	fill Template
	lead []byte // the name of the member that fill is, with its colon
	item bool   // fill is a member or an item, and may be left out
}

// UnmarshalNode reads any value out of the document.
func (j *JSON) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return j.unmarshal(n, path)
}

func (j *JSON) unmarshal(n *schema.Node, path string, options ...Option) (errs schema.Errors) {
	*j = JSON{}
	j.add(n, path, options, &errs)
	return errs
}

// write appends text to the last part.
func (j *JSON) write(s ...byte) {
	if n := len(j.parts); n > 0 && j.parts[n-1].text != nil {
		j.parts[n-1].text = append(j.parts[n-1].text, s...)
		return
	}
	j.parts = append(j.parts, jsonPart{text: s})
}

func (j *JSON) add(n *schema.Node, path string, options []Option, errs *schema.Errors) {
	switch {
	case n == nil || n.Kind == schema.Null:
		j.write([]byte("null")...)
	case n.Kind == schema.Map:
		j.write('{')
		for i, f := range n.Fields {
			lead := append(appendText(nil, f.Name), ':')
			if j.hole(f.Node, schema.Join(path, f.Name), lead, options, errs) {
				continue
			}
			if i > 0 {
				j.write(',')
			}
			j.write(lead...)
			j.add(f.Node, schema.Join(path, f.Name), options, errs)
		}
		j.write('}')
	case n.Kind == schema.List:
		j.write('[')
		for i, item := range n.Items {
			if j.hole(item, schema.Index(path, i), nil, options, errs) {
				continue
			}
			if i > 0 {
				j.write(',')
			}
			j.add(item, schema.Index(path, i), options, errs)
		}
		j.write(']')
	case n.Kind == schema.Bool:
		j.write([]byte(strings.ToLower(n.Text))...)
	case n.Kind == schema.Number:
		j.number(n, path, errs)
	default:
		j.string(n, path, options, errs)
	}
}

// number keeps the digits of a number that JSON has as well. YAML's other ways to write one are converted.
func (j *JSON) number(n *schema.Node, path string, errs *schema.Errors) {
	if json.Valid([]byte(n.Text)) {
		j.write([]byte(n.Text)...)
		return
	}
	digits := strings.TrimLeft(n.Text, "+-")
	ambiguous := len(digits) > 1 && digits[0] == '0' && '0' <= digits[1] && digits[1] <= '9' // octal to some
	if i, err := strconv.ParseInt(n.Text, 0, 64); err == nil && !ambiguous {
		j.write(strconv.AppendInt(nil, i, 10)...)
		return
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || ambiguous {
		errs.Add(n, path, "%q is no number that JSON has; write it in quotes if text is meant", clip(n.Text))
		return
	}
	j.write([]byte(formatFloat(f))...)
}

func (j *JSON) string(n *schema.Node, path string, options []Option, errs *schema.Errors) {
	var t Template
	*errs = append(*errs, t.unmarshal(n, path, options...)...)
	if text, constant := t.Constant(); constant {
		j.write(appendText(nil, text)...)
		return
	}
	j.parts = append(j.parts, jsonPart{fill: t})
}

// hole adds a member or an item if it is a string with expressions. Its comma is made when it is filled in.
func (j *JSON) hole(n *schema.Node, path string, lead []byte, options []Option, errs *schema.Errors) bool {
	if n == nil || n.Kind != schema.String && !n.Literal {
		return false
	}
	var t Template
	var wrong schema.Errors
	if wrong = t.unmarshal(n, path, options...); len(wrong) == 0 {
		if _, constant := t.Constant(); constant {
			return false
		}
	}
	*errs = append(*errs, wrong...)
	j.parts = append(j.parts, jsonPart{fill: t, lead: lead, item: true})
	return true
}

// IsZero says whether there is no value.
func (j JSON) IsZero() bool { return j.parts == nil }

// Constant returns the JSON, if it is the same for every request. It must not be changed.
func (j JSON) Constant() (text []byte, constant bool) {
	if len(j.parts) == 1 && j.parts[0].text != nil {
		return j.parts[0].text, true
	}
	return nil, false
}

// Alone returns the source of the one expression that the value consists of, "" when it is anything else.
func (j JSON) Alone() string {
	if len(j.parts) != 1 || j.parts[0].text != nil {
		return ""
	}
	t := &j.parts[0].fill
	if len(t.parts) != 1 || t.parts[0].expr == nil {
		return ""
	}
	inner, opened := strings.CutPrefix(strings.TrimSpace(t.src), "${")
	inner, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed {
		return ""
	}
	return strings.TrimSpace(inner)
}

// Uses returns the variables that the value refers to.
func (j JSON) Uses() (out []Ref) {
	for i := range j.parts {
		out = append(out, j.parts[i].fill.Uses()...)
	}
	return out
}

// Append appends the JSON for one request. It fails with ErrLarge beyond MaxJSON.
func (j JSON) Append(dst []byte, v Vars) ([]byte, error) { return j.AppendBut(dst, v, MaxJSON, nil) }

// AppendBut is Append, but a member or item whose expressions fail is left out, should absent say so; uses are the variables in it. What is
// appended has at most that many bytes.
func (j JSON) AppendBut(dst []byte, v Vars, most int, absent func(uses []Ref, err error) bool) ([]byte, error) {
	most += len(dst)
	for i := range j.parts {
		p := &j.parts[i]
		if p.text != nil {
			dst = appendBehind(dst, p.text, i > 0)
			continue
		}
		x, err := p.fill.Value(v)
		if err != nil {
			if p.item && absent != nil && absent(p.fill.Uses(), err) {
				continue
			}
			return nil, err
		}
		if p.item && opened(dst) == 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(append(dst, p.lead...), x, most, 0); err != nil {
			return nil, p.fill.Blame(err)
		}
	}
	return dst, nil
}

// opened returns the bracket that dst ends with, 0 for none: then something stands in the object or list already.
func opened(dst []byte) byte {
	if c := dst[len(dst)-1]; c == '{' || c == '[' {
		return c
	}
	return 0
}

// appendBehind appends text, without its comma when what stood before it was left out.
func appendBehind(dst, text []byte, behind bool) []byte {
	if behind && text[0] == ',' && opened(dst) != 0 {
		text = text[1:]
	}
	return append(dst, text...)
}

// A ResponseJSON is JSON whose expressions may use response.
type ResponseJSON struct{ JSON }

// UnmarshalNode reads any value out of the document.
func (j *ResponseJSON) UnmarshalNode(n *schema.Node, path string) schema.Errors {
	return j.unmarshal(n, path, OnResponse())
}

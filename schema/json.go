package schema

import (
	"bytes"
	"encoding/json"
	"strings"
)

// AppendJSON appends n as JSON: maps in their order, numbers with every digit that was written. A number that JSON
// cannot write, such as 0x1f, becomes a string of what was written.
func AppendJSON(b []byte, n *Node) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	switch n.Kind {
	case Null:
		return append(b, "null"...)
	case Bool:
		return append(b, strings.ToLower(n.Text)...)
	case Number:
		if json.Valid([]byte(n.Text)) {
			return append(b, n.Text...)
		}
	case List:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSON(b, item)
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, f := range n.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, f.Name), ':')
			b = AppendJSON(b, f.Node)
		}
		return append(b, '}')
	}
	return quote(b, n.Text)
}

// quote appends s as a JSON string, with <, > and & as they are.
func quote(b []byte, s string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always encodes
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

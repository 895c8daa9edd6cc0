package wire

import (
	"iter"
	"strings"
)

// A Field is one line of a header or trailer: a name as it was spelt and a value without
// the white space around it (RFC 9110 §5.5).
type Field struct {
	Name  string
	Value string
	id    Name
	read  bool // made by a parser, which has checked every byte
}

// Is says whether f has one of the known names.
func (f *Field) Is(n Name) bool { return f.id == n }

// ID returns the known name of f, or Other.
func (f *Field) ID() Name { return f.id }

// Valid says whether f may be written as it is: the name a token, the value without
// controls (RFC 9110 §5.1, §5.5). What a parser made is valid already.
func (f *Field) Valid() bool {
	return f.read || ValidToken(f.Name) && ValidValue(f.Value)
}

// A Header is a list of fields. Order and spelling are kept; names are compared without
// case (RFC 9110 §5.1). The zero value is empty and ready.
//
// The strings in it stay valid for ever. The list itself belongs to its message: keep a
// Clone, not the Header, beyond the exchange.
type Header struct {
	fields []Field
}

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// At returns field i, which may be changed through Set and the like only.
func (h *Header) At(i int) *Field { return &h.fields[i] }

// Reset removes every field and keeps the room they had.
func (h *Header) Reset() {
	clear(h.fields)
	h.fields = h.fields[:0]
}

// All yields every name and value in order.
func (h *Header) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range h.fields {
			if !yield(h.fields[i].Name, h.fields[i].Value) {
				return
			}
		}
	}
}

func (h *Header) find(id Name, name string, from int) int {
	for i := from; i < len(h.fields); i++ {
		f := &h.fields[i]
		if f.id == id && (id != Other || equalFold(f.Name, name)) {
			return i
		}
	}
	return -1
}

// Get returns the first value of name, or "" when there is none.
func (h *Header) Get(name string) string {
	if i := h.find(NameOf(name), name, 0); i >= 0 {
		return h.fields[i].Value
	}
	return ""
}

// Lookup returns the first value of name and whether there is one.
func (h *Header) Lookup(name string) (value string, found bool) {
	if i := h.find(NameOf(name), name, 0); i >= 0 {
		return h.fields[i].Value, true
	}
	return "", false
}

// Has says whether there is a field of that name.
func (h *Header) Has(name string) bool { return h.find(NameOf(name), name, 0) >= 0 }

// Values returns all values of name in order, nil when there is none.
func (h *Header) Values(name string) []string {
	var out []string
	id := NameOf(name)
	for i := h.find(id, name, 0); i >= 0; i = h.find(id, name, i+1) {
		out = append(out, h.fields[i].Value)
	}
	return out
}

// Known returns the first value of a known name, or "".
func (h *Header) Known(n Name) string {
	for i := range h.fields {
		if h.fields[i].id == n {
			return h.fields[i].Value
		}
	}
	return ""
}

// HasKnown says whether there is a field of a known name.
func (h *Header) HasKnown(n Name) bool {
	for i := range h.fields {
		if h.fields[i].id == n {
			return true
		}
	}
	return false
}

// Set makes value the only one of name. The first field of that name keeps its place.
func (h *Header) Set(name, value string) { h.set(NameOf(name), name, value) }

// SetKnown is Set for a known name, in its usual spelling.
func (h *Header) SetKnown(n Name, value string) { h.set(n, n.String(), value) }

func (h *Header) set(id Name, name, value string) {
	i := h.find(id, name, 0)
	if i < 0 {
		h.fields = append(h.fields, Field{Name: name, Value: value, id: id})
		return
	}
	h.fields[i] = Field{Name: name, Value: value, id: id}
	h.del(id, name, i+1)
}

// Add appends a field.
func (h *Header) Add(name, value string) {
	h.fields = append(h.fields, Field{Name: name, Value: value, id: NameOf(name)})
}

// AddKnown appends a field of a known name, in its usual spelling.
func (h *Header) AddKnown(n Name, value string) {
	h.fields = append(h.fields, Field{Name: n.String(), Value: value, id: n})
}

// AddRead appends a field whose bytes a parser has checked.
func (h *Header) AddRead(n Name, name, value string) {
	h.fields = append(h.fields, Field{Name: name, Value: value, id: n, read: true})
}

// Del removes every field of that name.
func (h *Header) Del(name string) { h.del(NameOf(name), name, 0) }

// DelKnown removes every field of a known name.
func (h *Header) DelKnown(n Name) { h.del(n, "", 0) }

func (h *Header) del(id Name, name string, from int) {
	i := h.find(id, name, from)
	if i < 0 {
		return
	}
	h.Filter(func(f *Field) bool {
		return f.id != id || id == Other && !equalFold(f.Name, name)
	}, i)
}

// Filter keeps the fields from index from on for which keep is true.
func (h *Header) Filter(keep func(*Field) bool, from int) {
	n := from
	for i := from; i < len(h.fields); i++ {
		if keep(&h.fields[i]) {
			if n != i {
				h.fields[n] = h.fields[i]
			}
			n++
		}
	}
	clear(h.fields[n:])
	h.fields = h.fields[:n]
}

// Clone returns a copy that lives on its own.
func (h *Header) Clone() Header {
	if len(h.fields) == 0 {
		return Header{}
	}
	return Header{fields: append([]Field(nil), h.fields...)}
}

// CopyFrom makes h a copy of from, in the room that h has.
func (h *Header) CopyFrom(from *Header) {
	h.fields = append(h.fields[:0], from.fields...)
}

// Token says whether a list-valued header (RFC 9110 §5.6.1) holds token, without case.
func (h *Header) Token(n Name, token string) bool {
	for i := range h.fields {
		if h.fields[i].id == n && ListHas(h.fields[i].Value, token) {
			return true
		}
	}
	return false
}

// ListHas says whether the comma-separated list holds token, without case.
func ListHas(list, token string) bool {
	for list != "" {
		var item string
		item, list, _ = strings.Cut(list, ",")
		if equalFold(strings.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

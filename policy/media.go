package policy

// What a body says of itself: its type, and whether the gateway reads it as others do.

import (
	"errors"
	"strings"

	"sallyport/wire"
)

// A Media is a pattern of media types, such as application/json or *+json.
type Media struct {
	head, tail string
	wild       bool
}

// UnmarshalText reads a pattern; * stands for anything, once.
func (m *Media) UnmarshalText(b []byte) error {
	text := string(b)
	kind, sub, found := strings.Cut(strings.ReplaceAll(text, "*", "x"), "/")
	if !found && strings.HasPrefix(text, "*") {
		sub = kind
	}
	if !wire.ValidToken(kind) || !wire.ValidToken(sub) || strings.Count(text, "*") > 1 {
		return errors.New("it is no type; write such as application/json or *+json")
	}
	m.head, m.tail, m.wild = strings.Cut(text, "*")
	return nil
}

// Matches says whether kind, a type without parameters, is meant.
func (m *Media) Matches(kind string) bool {
	if !m.wild {
		return wire.EqualFold(kind, m.head)
	}
	return len(kind) >= len(m.head)+len(m.tail) && wire.EqualFold(kind[:len(m.head)], m.head) && wire.EqualFold(kind[len(kind)-len(m.tail):], m.tail)
}

// A Described is what the header of a message says about its body.
type Described struct {
	Type    string // without parameters, "" when it does not say
	Charset string // "" when it does not say; of several the one that is not UTF-8
	Encoded bool   // it has a Content-Encoding, so that its bytes are not its text
	Twice   bool   // it has several Content-Type fields, of which readers may take either
}

// Describe reads what h says about the body.
func Describe(h *wire.Header) (d Described) {
	kind, _, once := h.Single("Content-Type")
	if d.Twice = !once; d.Twice {
		return d
	}
	kind, params, _ := strings.Cut(kind, ";")
	d.Type, d.Charset = strings.Trim(kind, " \t"), charset(params)
	for name, value := range h.All() {
		if wire.NameOf(name) == wire.ContentEncoding && value != "" && !wire.EqualFold(value, "identity") {
			d.Encoded = true
		}
	}
	return d
}

// Is says whether the type is one of those that are meant. A body without a type is.
func (d *Described) Is(types []Media) bool {
	if d.Type == "" {
		return true
	}
	for i := range types {
		if types[i].Matches(d.Type) {
			return true
		}
	}
	return false
}

// UTF8 says whether the text is in UTF-8, as JSON has to be (RFC 8259 §8.1).
func (d *Described) UTF8() bool {
	return d.Charset == "" || wire.EqualFold(d.Charset, "utf-8") || wire.EqualFold(d.Charset, "utf8") || wire.EqualFold(d.Charset, "us-ascii")
}

// charset returns the parameter of that name, "" when there is none. Of several the one that is not UTF-8 counts.
func charset(params string) (set string) {
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		key, value, _ := strings.Cut(strings.Trim(p, " \t"), "=")
		if !wire.EqualFold(strings.Trim(key, " \t"), "charset") {
			continue
		}
		if value = strings.Trim(value, " \t\"'"); set == "" || !wire.EqualFold(value, "utf-8") {
			set = value
		}
	}
	return set
}

// AskWhole asks the upstream for a response that can be read: all of it, and not compressed.
func AskWhole(r *wire.Request) {
	r.Header.Del("Range")
	r.Header.Del("If-Range")
	if r.Header.Has("Accept-Encoding") {
		r.Header.Set("Accept-Encoding", "identity")
	}
}

// ofBytes are the fields that hold for the bytes of one body only.
var ofBytes = [...]string{"ETag", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Accept-Ranges", "Content-Range"}

// Remade takes out of h what no longer holds when the body is another one than it came with.
func Remade(h *wire.Header) {
	for _, name := range ofBytes {
		h.Del(name)
	}
}

// A Status is a status of responses, such as 404, or all of a class, such as 4xx.
type Status struct{ code int }

// UnmarshalText reads one.
func (s *Status) UnmarshalText(b []byte) error {
	if len(b) == 3 && b[0] >= '1' && b[0] <= '5' {
		s.code = int(b[0] - '0')
		if wire.EqualFold(string(b[1:]), "xx") {
			return nil
		}
		if b[1] >= '0' && b[1] <= '9' && b[2] >= '0' && b[2] <= '9' {
			s.code = s.code*100 + int(b[1]-'0')*10 + int(b[2]-'0')
			return nil
		}
	}
	return errors.New("it is no status; write such as 404 or 4xx")
}

// Is says whether status is meant.
func (s Status) Is(status int) bool { return s.code == status || s.code == status/100 }

// Code is the status, or the first digit of a class.
func (s Status) Code() int { return s.code }

package xmlmap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// This file reads XML, strictly: well-formed by itself and by namespaces, without DTD, and with no entities but the five. Tokens come from
// encoding/xml as they are written; what belongs together is judged here.

// An element is read XML.
type element struct {
	name       string // in the words of JSON
	attributes []attribute
	children   []*element
	text       []byte // all of it; that between elements only when it is more than space
	null       bool   // xsi:nil
}

type attribute struct{ name, value string }

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
	nsXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

var (
	errDTD   = errors.New("it has a DTD, which is not taken here")
	errDeep  = errors.New("it nests too deep")
	errMany  = errors.New("it has too many elements and attributes")
	errRoot  = errors.New("it is not one element with nothing but comments around it")
	errEnds  = errors.New("it ends early, or where another element should")
	errSpace = errors.New("it has a prefix that is not declared, or declared wrongly")
	errTwice = errors.New("an element has an attribute twice")
	errName  = errors.New("it has a name that is none")
	errXML   = errors.New("it has an XML declaration that is not at its beginning")
	errScope = errors.New("it has more namespaces at one place than are taken here")
)

// maxScopes bounds the namespaces that may be declared at one place: each name is looked for among them.
const maxScopes = 256

// An open is an element that has not ended yet.
type open struct {
	*element
	raw    xml.Name
	scopes int // how many there were before it
}

// A scope is a prefix that is declared.
type scope struct{ prefix, uri string }

// A reader reads one document.
type reader struct {
	*Mapper
	decoder *xml.Decoder
	stack   []open
	scopes  []scope
	root    *element
	count   int
}

// read makes a tree of b, which is in UTF-8.
func (m *Mapper) read(b []byte) (*element, error) {
	r := &reader{Mapper: m, decoder: xml.NewDecoder(bytes.NewReader(b))}
	r.decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is in UTF-8 by now
	for {
		line, _ := r.decoder.InputPos()
		start := r.decoder.InputOffset() == 0
		t, err := r.decoder.RawToken()
		if err == io.EOF { //nolint:errorlint // it is never wrapped
			break
		}
		if err == nil {
			err = r.token(t, start)
		} else {
			err = errors.New("it is not well-formed") // what the decoder says may repeat what was sent
		}
		if err != nil {
			return nil, fmt.Errorf("%w (line %d)", err, line)
		}
	}
	if len(r.stack) > 0 {
		return nil, errEnds
	}
	if r.root == nil {
		return nil, errRoot
	}
	return r.root, nil
}

func (r *reader) token(t xml.Token, start bool) error {
	switch t := t.(type) {
	case xml.ProcInst:
		if !start && strings.EqualFold(t.Target, "xml") { // XML 1.0 §2.6
			return errXML
		}
	case xml.Directive:
		return errDTD
	case xml.StartElement:
		return r.start(t)
	case xml.EndElement:
		return r.end(t)
	case xml.CharData:
		if len(r.stack) == 0 {
			if len(bytes.Trim(t, " \t\r\n")) > 0 {
				return errRoot
			}
			return nil
		}
		e := r.stack[len(r.stack)-1]
		e.text = append(e.text, t...)
	}
	return nil
}

func (r *reader) start(t xml.StartElement) error {
	if len(r.stack) == 0 && r.root != nil {
		return errRoot
	}
	if len(r.stack) >= r.depth {
		return errDeep
	}
	if r.count += 1 + len(t.Attr); r.count > r.most {
		return errMany
	}
	before := len(r.scopes)
	if err := r.declare(t.Attr); err != nil {
		return err
	}
	e := &element{}
	uri, err := r.resolve(t.Name, true)
	if err != nil {
		return err
	}
	e.name = r.named(uri, t.Name.Local)
	if err := r.attrs(e, t.Attr); err != nil {
		return err
	}
	if len(r.stack) > 0 {
		parent := r.stack[len(r.stack)-1]
		parent.children = append(parent.children, e)
	} else {
		r.root = e
	}
	r.stack = append(r.stack, open{e, t.Name, before})
	return nil
}

// declare takes note of the namespaces that an element declares.
func (r *reader) declare(attrs []xml.Attr) error {
	before := len(r.scopes)
	for _, a := range attrs {
		prefix := a.Name.Local
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			prefix = ""
		case a.Name.Space != "xmlns":
			continue
		}
		bad := prefix != "" && a.Value == "" || prefix == "xmlns" || a.Value == nsXMLNS || (prefix == "xml") != (a.Value == nsXML)
		for _, s := range r.scopes[before:] {
			bad = bad || s.prefix == prefix
		}
		if bad {
			return errSpace
		}
		if r.scopes = append(r.scopes, scope{prefix, a.Value}); len(r.scopes) > maxScopes {
			return errScope
		}
	}
	return nil
}

// resolve returns the namespace of a name.
func (r *reader) resolve(n xml.Name, isElement bool) (uri string, err error) {
	switch {
	case !ncName(n.Local):
		return "", errName
	case n.Space == "" && !isElement:
		return "", nil
	case n.Space == "xml":
		return nsXML, nil
	}
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if r.scopes[i].prefix == n.Space {
			return r.scopes[i].uri, nil
		}
	}
	if n.Space != "" {
		return "", errSpace
	}
	return "", nil
}

// attrs reads the attributes of e.
func (r *reader) attrs(e *element, attrs []xml.Attr) error {
	var full map[xml.Name]bool
	if len(attrs) > 1 {
		full = make(map[xml.Name]bool, len(attrs))
	}
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		uri, err := r.resolve(a.Name, false)
		if err != nil {
			return err
		}
		key := xml.Name{Space: uri, Local: a.Name.Local}
		if full[key] {
			return errTwice
		}
		if full != nil {
			full[key] = true
		}
		if uri == nsXSI && a.Name.Local == "nil" {
			e.null = a.Value == "true" || a.Value == "1"
			continue
		}
		if uri == nsXSI && r.prefixes[uri] == "" {
			continue // about the types of a schema
		}
		e.attributes = append(e.attributes, attribute{r.attribute + r.named(uri, a.Name.Local), a.Value})
	}
	if len(e.attributes) > 1 { // those of different namespaces may have one name in JSON
		names := make(map[string]bool, len(e.attributes))
		for _, a := range e.attributes {
			if names[a.name] {
				return errTwice
			}
			names[a.name] = true
		}
	}
	return nil
}

func (r *reader) end(t xml.EndElement) error {
	if len(r.stack) == 0 {
		return errEnds
	}
	o := r.stack[len(r.stack)-1]
	if o.raw != t.Name {
		return errEnds
	}
	if len(o.children) > 0 && len(bytes.Trim(o.text, " \t\r\n")) == 0 {
		o.text = nil
	}
	r.stack, r.scopes = r.stack[:len(r.stack)-1], r.scopes[:o.scopes]
	return nil
}

// named is a name as JSON has it.
func (m *Mapper) named(uri, local string) string {
	if prefix := m.prefixes[uri]; prefix != "" && prefix != "_" {
		return prefix + ":" + local
	}
	return local
}

// ncName says whether s is a name of XML without a colon (Namespaces in XML 1.0 §3).
func ncName(s string) bool {
	for i, c := range s {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && (c == '-' || c == '.' || '0' <= c && c <= '9' || c == 0xb7):
		case c >= 0xc0 && c != 0xd7 && c != 0xf7 && c != 0x37e && c != utf8.RuneError && !(c >= 0x2000 && c <= 0x206f) && !(c >= 0xd800 && c <= 0xf8ff) && c != 0xfffe && c != 0xffff:
		default:
			return false
		}
	}
	return s != ""
}

// xmlText says whether XML can hold s (XML 1.0 §2.2).
func xmlText(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff || c == utf8.RuneError
	})
}

package route

import (
	"strings"

	"sallyport/problem"
	"sallyport/wire"
)

// This file tells which version of an api a request is for. In the path and in the host a version is part of what rules match; for the
// other carriers it is a condition of theirs, so that the walk down the tree is the same, and who has no versions pays nothing.

// A Carrier is where requests name a version.
type Carrier string

// The carriers.
const (
	InPath      Carrier = "path"
	InHost      Carrier = "host"
	InHeader    Carrier = "header"
	InQuery     Carrier = "query"
	InMediaType Carrier = "media_type"
)

// Versions are the versions of one api, and how a request names one. It never changes.
type Versions struct {
	In      Carrier
	Name    string // of the header, or of the parameter in query or media type
	Before  string // what stands before the version, in a host, in a media type that holds it, or in a path
	After   string // what follows it there
	Names   []string
	Default string // for requests that name none; "" when these are refused
}

// Unknown is the problem of a request for a version that there is not.
var Unknown = problem.Define("unknown_version", 404, "Unknown version", "The api has no version of the name that the request gives, or the request gives none and the api has no default.")

// Conditional says whether the version is a condition of rules, and not part of what they match.
func (v *Versions) Conditional() bool {
	return v.In == InHeader || v.In == InQuery || v.In == InMediaType
}

// Varies are the fields for Vary in all answers, none when these depend on the URL alone (RFC 9110 §12.5.5).
func (v *Versions) Varies() []string {
	switch v.In {
	case InHeader:
		return []string{v.Name}
	case InMediaType:
		return []string{"Accept", "Content-Type"}
	}
	return nil
}

// Pick returns the version that r is for. Its errors are problems: unknown_version, or bad_request for a request that names several.
func (v *Versions) Pick(r *wire.Request) (string, error) {
	said, err := v.said(r)
	switch {
	case err != nil:
		return "", err
	case !said.named && v.Default != "":
		return v.Default, nil
	case !said.named:
		return "", Unknown.New("The request names no version; it belongs into %s.", v.place())
	case said.known == "":
		return "", Unknown.New("The version that the request names in %s is none of this api.", v.place())
	}
	return said.known, nil
}

// place says where the version belongs.
func (v *Versions) place() string {
	switch v.In {
	case InPath:
		return "the path"
	case InHost:
		return "the host"
	case InHeader:
		return "the header " + v.Name
	case InQuery:
		return "the query parameter " + v.Name
	}
	if v.Name == "" {
		return "the media type " + v.Before + "VERSION" + v.After
	}
	return "the parameter " + v.Name + " of the media type"
}

// A saying is what one place of a request says of its version.
type saying struct {
	named bool   // it names one
	known string // which of those that there are, "" for none of them
}

func (v *Versions) said(r *wire.Request) (s saying, err error) {
	switch v.In {
	case InPath:
		s = v.inPath(r.Path.Text)
	case InHost:
		s = v.between(r.Host)
		s.named = s.named && !strings.Contains(r.Host[len(v.Before):len(r.Host)-len(v.After)], ".")
	case InHeader:
		return v.inHeader(r)
	case InQuery:
		return v.inQuery(r.Query)
	case InMediaType:
		return v.inMediaType(r)
	}
	return s, nil
}

// inPath looks at the segment behind the base path. With a default, a segment may be part of a path without a version, unless it looks
// like the name of one: v9 where there are v1 and v2.
func (v *Versions) inPath(path string) (s saying) {
	left, below := strings.CutPrefix(path, v.Before)
	if !below {
		return s
	}
	segment, _, _ := strings.Cut(left, "/")
	s.known = v.known(segment, false)
	s.named = s.known != "" || v.Default == "" && segment != "" || v.looksLike(segment)
	return s
}

// looksLike says whether text differs from the name of a version in its numbers and case only: some servers take V1 for v1.
func (v *Versions) looksLike(text string) bool {
	for _, own := range v.Names {
		if sameForm(own, text) {
			return true
		}
	}
	return false
}

func sameForm(a, b string) bool {
	for a != "" && b != "" {
		digits := leadingDigits(a)
		switch {
		case (digits > 0) != (leadingDigits(b) > 0):
			return false
		case digits > 0:
			a, b = a[digits:], b[leadingDigits(b):]
		case lower(a[0]) != lower(b[0]):
			return false
		default:
			a, b = a[1:], b[1:]
		}
	}
	return a == b
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func leadingDigits(s string) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// between looks at what stands in text where the pattern has {version}.
func (v *Versions) between(text string) (s saying) {
	n := len(text) - len(v.Before) - len(v.After)
	if n < 1 || !wire.EqualFold(text[:len(v.Before)], v.Before) || !wire.EqualFold(text[len(text)-len(v.After):], v.After) {
		return s
	}
	return saying{true, v.known(text[len(v.Before):][:n], true)}
}

// known returns the version that is named, as it is written in the document.
func (v *Versions) known(name string, fold bool) string {
	for _, own := range v.Names {
		if own == name || fold && wire.EqualFold(own, name) {
			return own
		}
	}
	return ""
}

// errSeveral says that a request names several versions, so that the gateway and a server could read two different ones.
func errSeveral() error {
	return problem.BadRequest.New("The request names more than one version.")
}

// add takes another naming into account.
func (s *saying) add(known string) error {
	if s.named && s.known != known {
		return errSeveral()
	}
	s.named, s.known = true, known
	return nil
}

// inHeader looks at all fields of the name, each of which may be a list, and at those whose names a server could take for it.
func (v *Versions) inHeader(r *wire.Request) (s saying, err error) {
	alike := false
	for i := range r.Header.Len() {
		f := r.Header.At(i)
		if !wire.EqualFold(f.Name, v.Name) {
			alike = alike || wire.Alike(f.Name, v.Name)
			continue
		}
		for item := range strings.SplitSeq(f.Value, ",") {
			if err := s.add(v.known(strings.Trim(item, " \t"), false)); err != nil {
				return s, err
			}
		}
	}
	if !alike {
		return s, nil
	}
	used := v.used(s)
	for i := range r.Header.Len() {
		f := r.Header.At(i)
		if wire.Alike(f.Name, v.Name) && v.known(f.Value, false) != used {
			return s, errSeveral()
		}
	}
	return s, nil
}

// inQuery looks at all parameters of the name, and at those whose names a server could take for it.
func (v *Versions) inQuery(query string) (s saying, err error) {
	if query == "" {
		return s, nil
	}
	alike := false
	wire.Params(query, func(name, value string, valid bool) bool {
		if name != v.Name {
			alike = alike || wire.Alike(name, v.Name)
			return true
		}
		if !valid {
			err = problem.BadRequest.New("The version in the query holds a percent sign that begins no escape.")
		} else {
			err = s.add(v.known(value, false))
		}
		return err == nil
	})
	if !alike || err != nil {
		return s, err
	}
	used := v.used(s)
	wire.Params(query, func(name, value string, _ bool) bool {
		if wire.Alike(name, v.Name) && v.known(value, false) != used {
			err = errSeveral()
		}
		return err == nil
	})
	return s, err
}

// used is the version of a request that says s, "" for none.
func (v *Versions) used(s saying) string {
	if s.named {
		return s.known
	}
	return v.Default
}

// Says says whether a host names a version, whether there is such a one or not.
func (v *Versions) Says(host string) bool {
	s, err := v.said(&wire.Request{Host: host})
	return s.named && err == nil
}

// Why says what tells the version of r, for people.
func (v *Versions) Why(r *wire.Request) string {
	if s, err := v.said(r); err == nil && s.named {
		return "by " + v.place()
	}
	return "the default, since " + v.place() + " names none"
}

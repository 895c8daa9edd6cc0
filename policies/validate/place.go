package validate

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/schema"
)

// This file puts what is wrong with a schema where it stands.

// wrong is an error of compiling, at its place.
func (s *shelf) wrong(err error, at string) error {
	var parsed schema.Errors
	var against *jsonschema.SchemaValidationError
	var invalid *jsonschema.ValidationError
	var regex *jsonschema.InvalidRegexError
	var lost *jsonschema.LoadURLError
	var nowhere *jsonschema.JSONPointerNotFoundError
	var anchor *jsonschema.AnchorNotFoundError
	switch {
	case errors.As(err, &parsed):
		return parsed
	case errors.As(err, &against) && errors.As(against.Err, &invalid):
		var errs []error
		found := findings(invalid, nil)
		for i := range found[:min(len(found), 10)] {
			errs = append(errs, s.place(against.URL, found[i].pointer, "this is no JSON Schema: %s", lower(put(&found[i]))))
		}
		return errors.Join(errs...)
	case errors.As(err, &regex):
		return s.place(regex.URL, "", "%q is no regular expression of RE2: %v", schema.Clip(regex.Regex), cause(regex.Err))
	case errors.As(err, &lost):
		return s.ref(lost.URL, "%s cannot be had: %v", s.shown(lost.URL), lost.Err)
	case errors.As(err, &nowhere):
		return s.ref(nowhere.URL, "%s leads nowhere", s.shown(nowhere.URL))
	case errors.As(err, &anchor):
		return s.ref(anchor.Reference, "%s leads nowhere", s.shown(anchor.Reference))
	}
	return schema.At(at, err)
}

// put is a finding about a schema, in the words of schemas where those of values would not help.
func put(f *finding) string {
	switch {
	case strings.HasSuffix(f.pointer, "/type"):
		return "A type is string, number, integer, boolean, object, array or null."
	case f.detail == "It is no valid regex.":
		return "It is no regular expression of RE2, which has no look-ahead and no back-references."
	}
	return f.detail
}

// cause is what is wrong with a regular expression, without all of it.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": `"); i > 0 {
		text = text[:i]
	}
	return strings.TrimPrefix(text, "error parsing regexp: ")
}

func lower(s string) string { return strings.ToLower(s[:1]) + strings.TrimSuffix(s[1:], ".") }

// shown is an URL as its reader knows it.
func (s *shelf) shown(u string) string {
	u = strings.TrimPrefix(u, scheme+":///")
	if doc, fragment, _ := strings.Cut(u, "#"); strings.HasPrefix(doc, "?") {
		return "#" + fragment
	}
	return u
}

// place is an error at a pointer further down than an URL with a fragment.
func (s *shelf) place(at, pointer, format string, args ...any) error {
	doc, fragment, _ := strings.Cut(at, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		fragment = plain
	}
	pointer = fragment + pointer
	n := s.nodes[doc]
	if n == nil {
		n = s.nodes[s.start]
	}
	n, path := follow(n, pointer)
	err := fmt.Errorf(format, args...)
	if at := s.inline[doc]; at != "" {
		return schema.At(at+path, err)
	}
	return &schema.Error{Pos: n.Pos, Path: strings.TrimPrefix(path, "."), Msg: err.Error()}
}

// follow goes down a pointer as far as there is something, and tells the path as that of a setting.
func follow(n *schema.Node, pointer string) (_ *schema.Node, path string) {
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		if n.Kind == schema.List {
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.Items) {
				return n, path
			}
			n, path = n.Items[i], schema.Index(path, i)
			continue
		}
		next := n.Field(token)
		if next == nil {
			return n, path
		}
		n, path = next, path+"."+token
	}
	return n, path
}

// ref is an error at the reference that leads to an URL.
func (s *shelf) ref(to, format string, args ...any) error {
	for _, doc := range slices.Sorted(maps.Keys(s.nodes)) {
		if pointer, found := refTo(s.nodes[doc], doc, to, ""); found {
			return s.place(doc, pointer, format, args...)
		}
	}
	return s.place(s.start, "", format, args...)
}

// refTo finds the first reference to an URL in n.
func refTo(n *schema.Node, base, to, pointer string) (string, bool) {
	for _, f := range n.Entries() {
		at := pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(f.Name, "~", "~0"), "/", "~1")
		if (f.Name == "$ref" || f.Name == "$dynamicRef" || f.Name == "$schema") && f.Node.Kind == schema.String && leads(base, f.Node.Text, to) {
			return at, true
		}
		if found, ok := refTo(f.Node, base, to, at); ok {
			return found, true
		}
	}
	for i, item := range n.Items {
		if found, ok := refTo(item, base, to, fmt.Sprintf("%s/%d", pointer, i)); ok {
			return found, true
		}
	}
	return "", false
}

func leads(base, ref, to string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	r, err := url.Parse(ref)
	if err != nil {
		return false
	}
	full := u.ResolveReference(r).String()
	doc, _, _ := strings.Cut(full, "#")
	return full == to || doc == to || strings.HasSuffix(to, "/"+strings.TrimPrefix(ref, "./")) || ref == to
}

package validate

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sallyport/schema"
)

// This file puts schemas where a $ref finds them by their $id (JSON Schema 2020-12 §8.2.1): those under schemas, and those with an $id of their
// own in them and in the schema itself.

var (
	errNoID = errors.New("it has no $id that is a URL of its own, so that nothing leads to it; files are found by their names, without being listed here")
	errMine = errors.New("its $id is not one that a schema can have: a URL without a fragment")
)

// stock puts the resources of the document on the shelf.
func (s *shelf) stock(resources []Resource) error {
	errs := []error{s.index(s.nodes[s.start], s.start, s.inline[s.start], "$id", 0)}
	for i, r := range resources {
		errs = append(errs, s.put(r.node, schema.Index("schemas", i)))
	}
	return errors.Join(errs...)
}

// put puts one resource on the shelf, which stands at a setting.
func (s *shelf) put(n *schema.Node, setting string) error {
	base, at := scheme+":///?"+url.QueryEscape(setting), setting
	if n.Kind == schema.String {
		base, at = urlOf(n.Text), ""
		if s.nodes[base] == nil {
			file, err := s.file(base)
			var parsed schema.Errors
			switch {
			case errors.As(err, &parsed):
				return parsed
			case err != nil:
				return schema.At(setting, err)
			}
			s.nodes[base] = file
		}
		n = s.nodes[base]
	} else {
		s.nodes[base], s.inline[base] = n, at
	}
	before := s.ids
	if err := s.index(n, base, at, "$id", 0); err != nil {
		return err
	}
	if s.ids == before {
		return schema.At(setting, errNoID)
	}
	return nil
}

// index puts n, and what is in it, on the shelf by their ids, which are relative to base. at is the setting that n stands in, "" in a file; word
// is what an id is called.
func (s *shelf) index(n *schema.Node, base, at, word string, depth int) error {
	if n == nil || n.Kind != schema.Map || depth > maxDepth {
		return nil
	}
	if dialect := n.Field("$schema"); dialect != nil && strings.Contains(dialect.Text, "draft-04") {
		word = "id"
	}
	var errs []error
	if id := n.Field(word); id != nil && id.Kind == schema.String && !strings.HasPrefix(id.Text, "#") { // an anchor, in old drafts
		full, err := s.resolve(n, base, id.Text)
		switch {
		case err != nil && at != "":
			errs = append(errs, schema.At(at+"."+word, err))
		case err != nil:
			errs = append(errs, &schema.Error{Pos: id.Pos, Path: word, Msg: err.Error()})
		case full != base:
			s.ids++
			base, s.nodes[full] = full, n
			if at != "" {
				s.inline[full] = at
			}
		}
	}
	return errors.Join(append(errs, s.within(n, base, at, word, depth))...)
}

// resolve is an id in full, of n, as it is found.
func (s *shelf) resolve(n *schema.Node, base, id string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(id)
	if err != nil || u.Fragment != "" {
		return "", errMine
	}
	full := b.ResolveReference(u).String()
	full, _, _ = strings.Cut(full, "#")
	if other := s.nodes[full]; other != nil && other != n {
		return "", fmt.Errorf("this is the $id of another schema as well, at %s", other.Pos)
	}
	return full, nil
}

// within indexes the schemas that stand in n.
func (s *shelf) within(n *schema.Node, base, at, word string, depth int) error {
	var errs []error
	inner := func(n *schema.Node, path string) {
		if at != "" {
			path = at + path
		} else {
			path = ""
		}
		errs = append(errs, s.index(n, base, path, word, depth+1))
	}
	for _, f := range n.Fields {
		path := "." + f.Name
		switch {
		case has(holdsMap, f.Name):
			for _, e := range f.Node.Entries() {
				inner(e.Node, path+"."+e.Name)
			}
		case has(holdsList, f.Name) && f.Node.Kind == schema.List:
			for i, item := range f.Node.Items {
				inner(item, schema.Index(path, i))
			}
		case has(holdsOne, f.Name):
			inner(f.Node, path)
		}
	}
	return errors.Join(errs...)
}

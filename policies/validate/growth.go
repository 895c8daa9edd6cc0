package validate

import (
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sallyport/schema"
)

// This file bounds what a schema may cost. In a schema that refers to itself from several alternatives, such as
// { anyOf: [{ properties: { a: { $ref: "#" } } }, { properties: { a: { $ref: "#" } } }] }, each level of a body doubles how often the next
// one is judged. How often a value at each depth can be judged at most is known at load, and bodies may nest as deep as that stays bounded.

// often is how often one value may be judged, unless the schema judges one near its top more often than that.
const often = 1000

// A growth counts how often values are judged.
type growth struct {
	known map[key]float64
	sets  map[*jsonschema.Schema]set
	loop  *jsonschema.Schema // one that judges the same value by itself again
}

// A set is the schemas that judge one value, each with how often it does.
type set map[*jsonschema.Schema]float64

type key struct {
	s     *jsonschema.Schema
	depth int
}

var errLoop = errors.New("it refers to itself for the same value, so that nobody can tell what it allows")

// measured finds how deep bodies may nest.
func (s *shelf) measured(c *jsonschema.Schema, depth int, at string, warn func(string, ...any)) (*shape, error) {
	g := &growth{known: map[key]float64{}, sets: map[*jsonschema.Schema]set{}}
	most := 0.0
	out := &shape{Schema: c, depth: depth}
	for d := range depth + 1 {
		n := g.at(c, d)
		if g.loop != nil {
			return nil, s.place(g.loop.Location, "", "%v", errLoop)
		}
		if d <= 1 {
			most = max(often, 4*n, most)
		}
		if n > most {
			warn("%s judges values at depth %d up to %.0f times, since it refers to itself from several alternatives; bodies may nest %d deep", at, d, n, d-1)
			out.depth = d - 1
			break
		}
		out.times = append(out.times, max(n, 1))
	}
	return out, nil
}

// at returns how often a value that is depth levels below the one that s is asked about is judged.
func (g *growth) at(s *jsonschema.Schema, depth int) (n float64) {
	if s == nil || g.loop != nil {
		return 0
	}
	k := key{s, depth}
	if n, known := g.known[k]; known {
		return n
	}
	together := g.together(s)
	if depth == 0 {
		for _, times := range together {
			n += times
		}
	} else {
		n = max(g.members(together, depth-1), g.items(together, depth-1))
	}
	g.known[k] = n
	return n
}

// together finds the schemas that judge a value when s does.
func (g *growth) together(s *jsonschema.Schema) set {
	if known, is := g.sets[s]; is {
		if known == nil {
			g.loop = s
		}
		return known
	}
	g.sets[s] = nil // under way
	out := set{s: 1}
	for _, t := range same(s) {
		if t == nil {
			continue
		}
		for u, times := range g.together(t) {
			out[u] += times
		}
	}
	g.sets[s] = out
	return out
}

// members counts for the property of objects that is judged most.
func (g *growth) members(together set, depth int) float64 {
	const other = "" // stands for names that no schema knows
	names := map[string]float64{other: 0}
	for s := range together {
		for name := range s.Properties {
			names[name] = 0
		}
	}
	most := 0.0
	for name := range names {
		n := 0.0
		for s, times := range together {
			n += times * g.member(s, name, depth)
		}
		most = max(most, n)
	}
	return most
}

func (g *growth) member(s *jsonschema.Schema, name string, depth int) float64 {
	n := g.at(s.Properties[name], depth) + g.at(s.UnevaluatedProperties, depth)
	for _, t := range s.PatternProperties {
		n += g.at(t, depth)
	}
	if t, is := s.AdditionalProperties.(*jsonschema.Schema); is && s.Properties[name] == nil {
		n += g.at(t, depth)
	}
	return n
}

// items counts for the item of arrays that is judged most, or a little more.
func (g *growth) items(together set, depth int) (n float64) {
	for s, times := range together {
		item := g.at(s.Items2020, depth)
		for _, t := range s.PrefixItems {
			item = max(item, g.at(t, depth))
		}
		switch items := s.Items.(type) {
		case *jsonschema.Schema:
			item = max(item, g.at(items, depth))
		case []*jsonschema.Schema:
			for _, t := range items {
				item = max(item, g.at(t, depth))
			}
		}
		if t, is := s.AdditionalItems.(*jsonschema.Schema); is {
			item = max(item, g.at(t, depth))
		}
		n += times * (item + g.at(s.Contains, depth) + g.at(s.UnevaluatedItems, depth))
	}
	return n
}

// same are the schemas that judge the same value as s does.
func same(s *jsonschema.Schema) (out []*jsonschema.Schema) {
	out = append(out, s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else)
	if s.DynamicRef != nil {
		out = append(out, s.DynamicRef.Ref)
	}
	out = append(append(append(out, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, t := range s.DependentSchemas {
		out = append(out, t)
	}
	for _, d := range s.Dependencies {
		if t, is := d.(*jsonschema.Schema); is {
			out = append(out, t)
		}
	}
	return out
}

// advise warns of what is likely a slip: formats and keywords that there are not say nothing, and everything passes.
func (s *shelf) advise(warn func(string, ...any)) {
	told := map[*schema.Node]bool{} // what has several ids stands there several times
	for _, n := range s.nodes {
		advise(n, func(n *schema.Node, what, word, near string) {
			if told[n] {
				return
			}
			told[n] = true
			hint := ""
			if near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			warn("%s: there is no %s %q, so that it checks nothing%s", n.Pos, what, schema.Clip(word), hint)
		}, 0)
	}
}

// The keywords under which schemas stand: one, a list or one by name.
var (
	holdsOne  = []string{"not", "if", "then", "else", "additionalProperties", "unevaluatedProperties", "propertyNames", "items", "additionalItems", "unevaluatedItems", "contains", "contentSchema"}
	holdsList = []string{"allOf", "anyOf", "oneOf", "prefixItems", "items"}
	holdsMap  = []string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies"}
	keywords  = append(append(append([]string{
		"type", "enum", "const", "format", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
		"minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required", "dependentRequired",
		"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
	}, holdsOne...), holdsList...), holdsMap...)
	formats = []string{
		"json-pointer", "relative-json-pointer", "uuid", "duration", "period", "ipv4", "ipv6", "hostname", "email", "date", "time", "date-time", "uri", "iri",
		"uri-reference", "iri-reference", "uri-template", "semver", "regex",
	}
)

// advise looks for words that are almost keywords, and for formats that are none.
func advise(n *schema.Node, tell func(n *schema.Node, what, word, near string), depth int) {
	if n == nil || n.Kind != schema.Map || depth > maxDepth {
		return
	}
	for _, f := range n.Fields {
		if f.Name == "format" && f.Node.Kind == schema.String && !has(formats, f.Node.Text) {
			tell(f.Node, "format", f.Node.Text, schema.Nearest(f.Node.Text, formats))
		}
		if f.Name != "id" && !has(keywords, f.Name) { // id is one of draft 4
			if near := schema.Nearest(f.Name, keywords); near != "" {
				tell(f.Node, "keyword", f.Name, near)
			}
		}
		switch {
		case has(holdsMap, f.Name):
			for _, e := range f.Node.Entries() {
				advise(e.Node, tell, depth+1)
			}
		case has(holdsList, f.Name) && f.Node.Kind == schema.List:
			for _, item := range f.Node.Items {
				advise(item, tell, depth+1)
			}
		case has(holdsOne, f.Name):
			advise(f.Node, tell, depth+1)
		}
	}
}

const maxDepth = 200

func has(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

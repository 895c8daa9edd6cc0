package schema

// Maps of a document: their keys, duplicates, and merge keys.

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// fields fills the map n. Its own keys win over those that "<<" brings in, and of several sources the first.
func (p *parser) fields(n *Node, y *yaml.Node, depth int) {
	seen := make(map[string]*Field, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			p.add(key.Line, key.Column, "a name must be text")
			continue
		}
		f := &Field{Name: key.Value, Pos: Pos{p.file, y.Content[i].Line, y.Content[i].Column}}
		if first := seen[f.Name]; first != nil {
			p.add(f.Line, f.Col, fmt.Sprintf("%q is given twice; the first is at line %d, column %d", Clip(f.Name), first.Line, first.Col))
			continue
		}
		if f.Node = p.node(value, depth+1); f.Node != nil {
			seen[f.Name] = f
			n.Fields = append(n.Fields, f)
		}
	}
	for _, m := range merges {
		p.merge(n, seen, m, depth)
	}
}

// merge takes over the fields of a map, or of each of a list of maps, that n has not.
func (p *parser) merge(n *Node, seen map[string]*Field, y *yaml.Node, depth int) {
	target := y
	if y.Kind == yaml.AliasNode {
		target = y.Alias
	}
	switch target.Kind {
	case yaml.SequenceNode:
		for _, c := range target.Content {
			if c.Kind == yaml.SequenceNode || c.Kind == yaml.AliasNode && c.Alias.Kind == yaml.SequenceNode {
				p.add(c.Line, c.Column, "<< takes a map or a list of maps")
				continue
			}
			p.merge(n, seen, c, depth)
		}
	case yaml.MappingNode:
		from := p.node(y, depth)
		if from == nil {
			return
		}
		for _, f := range from.Fields {
			if seen[f.Name] == nil {
				seen[f.Name] = f
				n.Fields = append(n.Fields, f)
			}
		}
	default:
		p.add(y.Line, y.Column, "<< takes a map or a list of maps")
	}
}

package config

import (
	"sallyport/schema"
)

// merge puts the settings of one more file into the tree: lists become one list, maps one map. What can stand only
// once and stands in two files is an error that shows both places.
func (r *reader) merge(n *schema.Node) {
	if r.root.Line == 0 && len(r.root.Fields) == 0 {
		r.root.Pos = n.Pos
	}
	known := make(map[string]*schema.Node, len(n.Fields))
	for _, f := range r.root.Fields {
		known[f.Name] = f.Node
	}
	for _, f := range n.Fields {
		if f.Name == "include" {
			r.keepInclude(f)
			continue
		}
		have := known[f.Name]
		if have == nil {
			// A copy: the lists of the tree grow, those of the file must not.
			top := *f.Node
			known[f.Name] = &top
			r.root.Fields = append(r.root.Fields, &schema.Field{Name: f.Name, Pos: f.Pos, Node: &top})
			continue
		}
		r.join(f, have)
	}
}

// keepInclude leaves in the tree what decoding has to find wrong in an include.
func (r *reader) keepInclude(f *schema.Field) {
	if have := r.root.Field("include"); have != nil {
		have.Items = append(have.Items, listed(f.Node)...)
		return
	}
	top := *f.Node
	top.Kind, top.Items = schema.List, listed(f.Node)
	r.root.Fields = append(r.root.Fields, &schema.Field{Name: f.Name, Pos: f.Pos, Node: &top})
}

func listed(n *schema.Node) []*schema.Node {
	if n.Kind == schema.List {
		return n.Items
	}
	return []*schema.Node{n}
}

// join adds a setting of another file to the one that is there.
func (r *reader) join(f *schema.Field, have *schema.Node) {
	switch {
	case f.Node.Kind == schema.Null:
	case have.Kind == schema.Null:
		*have = *f.Node
	case have.Kind == schema.List && f.Node.Kind == schema.List:
		have.Items = append(have.Items[:len(have.Items):len(have.Items)], f.Node.Items...)
	case have.Kind == schema.Map && f.Node.Kind == schema.Map:
		r.joinMaps(f, have)
	default:
		r.errs = append(r.errs, &schema.Error{Pos: f.Pos, Path: f.Name,
			Msg: "stands at " + have.Pos.String() + " as well; it can stand in one file only"})
	}
}

func (r *reader) joinMaps(f *schema.Field, have *schema.Node) {
	fields := have.Fields[:len(have.Fields):len(have.Fields)]
	known := make(map[string]*schema.Field, len(fields))
	for _, entry := range fields {
		known[entry.Name] = entry
	}
	for _, entry := range f.Node.Fields {
		if first := known[entry.Name]; first != nil {
			r.errs = append(r.errs, &schema.Error{Pos: entry.Pos, Path: f.Name + "." + entry.Name,
				Msg: "this name stands at " + first.Pos.String() + " as well; rename or remove one of the two"})
			continue
		}
		fields = append(fields, entry)
	}
	have.Fields = fields
}

// fieldOf returns the entry of that name, nil when there is none.
func fieldOf(n *schema.Node, name string) *schema.Field {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

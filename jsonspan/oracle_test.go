package jsonspan

// A slow reader, merger and shaper of JSON, made of encoding/json, which the fast ones are compared with.

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// A tree is a decoded value: a json.Number, string, bool, nil, []tree or *object.
type tree any

type object struct {
	names  []string
	values []tree
}

func (o *object) find(name string) int {
	for i, n := range o.names {
		if n == name {
			return i
		}
	}
	return -1
}

var errOracle = errors.New("refused")

func readTree(b []byte) (tree, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errOracle
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (tree, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, nested := t.(json.Delim)
	if !nested {
		return t, nil
	}
	if depth == MaxDepth {
		return nil, errOracle
	}
	o, list := &object{}, []tree{}
	for d.More() {
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if o.find(name.(string)) >= 0 {
				return nil, errOracle
			}
			o.names = append(o.names, name.(string))
		}
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.values, list = append(o.values, v), append(list, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if delim == '{' {
		return o, nil
	}
	return list, nil
}

func writeTree(v tree) string {
	switch v := v.(type) {
	case *object:
		parts := make([]string, len(v.names))
		for i := range v.names {
			parts[i] = string(AppendText(nil, v.names[i])) + ":" + writeTree(v.values[i])
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []tree:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = writeTree(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return string(AppendText(nil, v))
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// written is b as writeTree has it.
func written(b []byte) string {
	v, err := readTree(b)
	if err != nil {
		return "no JSON: " + string(b)
	}
	return writeTree(v)
}

func mergeTrees(rule Rule, a, b tree, top bool) (tree, error) {
	l, isList := a.([]tree)
	r, bothLists := b.([]tree)
	if isList && bothLists && rule.Lists == Concat {
		return append(append([]tree{}, l...), r...), nil
	}
	x, isObject := a.(*object)
	y, both := b.(*object)
	if !isObject || !both {
		return b, nil
	}
	out := &object{append([]string{}, x.names...), append([]tree{}, x.values...)}
	for i, name := range y.names {
		at := out.find(name)
		switch {
		case at < 0:
			out.names, out.values = append(out.names, name), append(out.values, y.values[i])
		case rule.Objects == Strict && top:
			return nil, errOracle
		case rule.Objects == Shallow:
			out.values[at] = y.values[i]
		default:
			v, err := mergeTrees(rule, out.values[at], y.values[i], false)
			if err != nil {
				return nil, err
			}
			out.values[at] = v
		}
	}
	return out, nil
}

// without leaves out what paths of names lead to, also through lists.
func without(v tree, path []string) tree {
	switch v := v.(type) {
	case []tree:
		out := []tree{}
		for _, item := range v {
			out = append(out, without(item, path))
		}
		return out
	case *object:
		out := &object{}
		for i, name := range v.names {
			value := v.values[i]
			if name == path[0] {
				if len(path) == 1 {
					continue
				}
				value = without(value, path[1:])
			}
			out.names, out.values = append(out.names, name), append(out.values, value)
		}
		return out
	}
	return v
}

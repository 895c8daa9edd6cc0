package body

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/schema"
)

// This file tells settings from bodies, which stand in the same place.

// does are the settings that do something to a body.
var does = []string{"value", "select", "omit", "rename", "set", "defaults"}

var errEmpty = errors.New("it does nothing; give settings, or write value: {} for a body that is an empty object")

// either reads settings of the type t if all names are of settings, and otherwise a body, into what value makes. slip is a name that looks
// like one of a setting and is none.
func either(n *schema.Node, path string, t *schema.Type, settings any, value func() schema.Unmarshaler) (slip string, errs schema.Errors) {
	is, slip, errs := isSettings(n, path, t.Names())
	switch {
	case len(errs) > 0:
		return slip, errs
	case is:
		return slip, append(t.Decode(n, settings, path), idle(n, path)...)
	case n.Kind == schema.Map && len(n.Fields) == 0:
		return "", schema.Errors{{Pos: n.Pos, Path: path, Msg: errEmpty.Error()}}
	}
	errs = t.Decode(&schema.Node{Kind: schema.Map, Pos: n.Pos}, settings, path)
	return slip, append(errs, value().UnmarshalNode(n, path)...)
}

// isSettings says whether n holds settings. Some names of settings and some others are neither that nor a body.
func isSettings(n *schema.Node, path string, names []string) (settings bool, slip string, errs schema.Errors) {
	if n.Kind != schema.Map || len(n.Fields) == 0 {
		return false, "", nil
	}
	var other *schema.Field
	known := 0
	for _, f := range n.Fields {
		if slices.Contains(names, f.Name) {
			known++
			continue
		}
		other = f
	}
	if known > 0 && other != nil {
		errs = append(errs, &schema.Error{Pos: other.Pos, Path: schema.Join(path, other.Name), Msg: "it is no setting, while there are some beside it; write value: { … } around a body that has names such as these"})
	}
	return other == nil, slipOf(n, names), errs
}

// slipOf finds a name that looks like one of a setting and is none. Bodies are full of texts, so the name of one has to stand alone or
// with others such.
func slipOf(n *schema.Node, names []string) (slip string) {
	all := !slices.ContainsFunc(n.Fields, func(f *schema.Field) bool { return schema.Nearest(f.Name, names) == "" })
	for _, f := range n.Fields {
		near := schema.Nearest(f.Name, names)
		if near == "" || slices.Contains(names, f.Name) {
			continue
		}
		if f.Node.Kind != schema.String || all && (strings.EqualFold(f.Name, near) || !strings.Contains(f.Node.Text, "${")) {
			slip = fmt.Sprintf("%q stands in a body, as it is; is the setting %s meant? If not, write value: { … } around the body", f.Name, near)
		}
	}
	return slip
}

// idle finds settings that do nothing.
func idle(n *schema.Node, path string) (errs schema.Errors) {
	some := false
	for _, f := range n.Fields {
		if !slices.Contains(does, f.Name) {
			continue
		}
		some = true
		if k := f.Node.Kind; f.Name != "value" && (k == schema.List && len(f.Node.Items) == 0 || k == schema.Map && len(f.Node.Fields) == 0) {
			errs = append(errs, &schema.Error{Pos: f.Node.Pos, Path: schema.Join(path, f.Name), Msg: "it is empty and does nothing; remove it, or write value: { … } around a body that has such a name"})
		}
	}
	if !some {
		errs = append(errs, &schema.Error{Pos: n.Pos, Path: path, Msg: "nothing is done to the body; give " + strings.Join(does, ", ") + ", or write value: { … } around a body that has names such as these"})
	}
	return errs
}

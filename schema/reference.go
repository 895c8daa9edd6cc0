package schema

// What people read about settings: words for types, lists of settings, the reference.

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// words names a type in a sentence.
func (t *Type) words() string {
	switch t.kind {
	case pointerKind:
		return t.elem.words()
	case listKind:
		return "a list of " + plural(t.elem.Kind())
	case mapKind:
		return "a map of " + plural(t.elem.Kind())
	}
	k := t.Kind()
	if strings.IndexByte("aeiouA", k[0]) >= 0 {
		return "an " + k
	}
	return "a " + k
}

var kindNames = [...]string{
	textKind: "string", boolKind: "boolean", intKind: "whole number", uintKind: "whole number", floatKind: "number",
	durationKind: "duration", sizeKind: "size", rateKind: "rate", percentKind: "percentage", secretKind: "secret",
	regexpKind: "regular expression", urlKind: "URL", prefixKind: "network", addrKind: "IP address", parsesKind: "string",
	ownKind: "value", nodeKind: "value", structKind: "map of settings",
}

// Kind names the type in a table: "duration", "list of strings".
func (t *Type) Kind() string {
	switch t.kind {
	case pointerKind:
		return t.elem.Kind()
	case listKind:
		return "list of " + plural(t.elem.Kind())
	case mapKind:
		return "map of " + plural(t.elem.Kind())
	case ownKind:
		if k, ok := t.zero().(interface{ SchemaKind() string }); ok {
			return k.SchemaKind()
		}
	}
	return kindNames[t.kind]
}

func plural(kind string) string {
	first, rest, more := strings.Cut(kind, " of ")
	switch {
	case strings.ContainsAny(first, ",;"), strings.HasSuffix(first, "ies"): // a description rather than a noun; plural already
	case strings.HasSuffix(first, "ss"):
		first += "es"
	case strings.HasSuffix(first, "y"):
		first = strings.TrimSuffix(first, "y") + "ies"
	default:
		first += "s"
	}
	if more {
		return first + " of " + rest
	}
	return first
}

// A Setting is one setting of a type, for lists of them.
type Setting struct {
	Path     string   `json:"path"` // "rate", "timeouts.connect", "targets[].url", "calls.NAME.path"
	Kind     string   `json:"kind"` // "duration", "list of strings"
	Doc      string   `json:"doc"`
	Default  string   `json:"default,omitempty"`
	Required bool     `json:"required,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	Holds    string   `json:"holds,omitempty"` // of a raw node: "policy", "backend"
	Short    bool     `json:"short,omitempty"` // it may stand alone in place of the map that it belongs to
	One      bool     `json:"one,omitempty"`   // a single item may stand for a list of one
}

// Settings lists the settings of a struct, in order of declaration, those of structs within after their own.
func (t *Type) Settings() []Setting {
	var all []Setting
	t.settings(&all, "", nil)
	return all
}

func (t *Type) settings(all *[]Setting, path string, within []*Type) {
	if slices.Contains(within, t) {
		return // a struct that contains itself is told once
	}
	within = append(within, t)
	for _, f := range t.fields {
		if f.later != "" {
			continue
		}
		s := Setting{Path: path + f.name, Kind: f.typ.Kind(), Doc: f.doc, Default: f.text, Required: f.needed(), Enum: f.rules.enum,
			Min: f.rules.minText, Max: f.rules.maxText, Holds: f.kind, Short: f == t.short, One: f.one}
		*all = append(*all, s)
		inner, sub := f.typ, path+f.name
		for inner.elem != nil {
			switch inner.kind {
			case listKind:
				sub += "[]"
			case mapKind:
				sub += ".NAME"
			}
			inner = inner.elem
		}
		if o, ok := inner.zero().(interface{ SchemaType() *Type }); ok && inner.kind == ownKind {
			inner = o.SchemaType()
		}
		inner.settings(all, sub+".", within)
	}
	if t.rest != nil && t.rest.doc != "" {
		*all = append(*all, Setting{Path: path + strings.ToUpper(t.rest.kind), Kind: kindNames[nodeKind], Doc: t.rest.doc, Holds: t.rest.kind})
	}
}

// Reference writes a Markdown table of the settings.
func (t *Type) Reference(w io.Writer) error { return Table(w, t.Settings()) }

// Table writes settings as a Markdown table.
func Table(w io.Writer, settings []Setting) error {
	if len(settings) == 0 {
		_, err := fmt.Fprintln(w, "It has no settings.")
		return err
	}
	var b strings.Builder
	b.WriteString("| setting | kind | default | meaning |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace
	for _, s := range settings {
		fallback := s.Default
		switch {
		case s.Required:
			fallback = "*required*"
		case fallback != "":
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Path, cell(s.Values()), cell(fallback), cell(s.Doc))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Values says what the setting may be: its kind and its rules, in Markdown.
func (s Setting) Values() string {
	k := s.Kind
	if s.One {
		k = "one or a " + k
	}
	if s.Holds != "" {
		k = strings.Replace(k, "values", plural(s.Holds), 1)
		k = strings.Replace(k, "value", s.Holds, 1) // "map of policies" is left as it is
	}
	if values := oneOf(s.Enum); values != "" {
		k += ": " + values
	}
	unit := ""
	switch first, _, _ := strings.Cut(s.Kind, " "); first {
	case "list", "map":
		unit = " items"
	case "string", "secret":
		unit = " characters"
	}
	switch {
	case s.Min != "" && s.Max != "":
		k += ", " + s.Min + " to " + s.Max + unit
	case s.Min != "":
		k += ", at least " + s.Min + few(unit, s.Min)
	case s.Max != "":
		k += ", at most " + s.Max + few(unit, s.Max)
	}
	if s.Short {
		k += "; may stand alone"
	}
	return k
}

// few is the unit of n.
func few(unit, n string) string {
	if n == "1" {
		return strings.TrimSuffix(unit, "s")
	}
	return unit
}

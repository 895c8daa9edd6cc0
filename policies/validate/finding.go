package validate

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"sallyport/expr"
	"sallyport/problem"
)

// This file says what is wrong with a value, in words of ours: what it has to be stands in the schema, which its readers may know; what it
// is does not, as it is in no log.

const (
	maxFindings = 50
	maxPointer  = 1 << 10
	maxShown    = 200 // of what a schema says, in one sentence
)

// A finding is one thing that is wrong.
type finding struct {
	in      string // "params", "query" or "headers"; "" for the body
	pointer string // RFC 6901
	detail  string
}

// invalid is the problem of a request with what is wrong.
func invalid(found []finding) error {
	p := problem.Invalid.New("The request is not as it has to be here.").Because(told(found))
	list := make([]any, len(found))
	for i, f := range found {
		e := map[string]any{"pointer": f.pointer, "detail": f.detail}
		if f.in != "" {
			e["in"] = f.in
		}
		list[i] = e
	}
	p.Extra = map[string]any{"errors": list}
	return p
}

// told is what is wrong, for the log.
func told(found []finding) error {
	var b strings.Builder
	for i, f := range found {
		if i == 3 {
			fmt.Fprintf(&b, " and %d more", len(found)-i)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		in := ""
		if f.in != "" {
			in = f.in + " "
		}
		fmt.Fprintf(&b, "%sat %q: %s", in, f.pointer, f.detail)
	}
	return errors.New(b.String())
}

// findings lists what a validation found: the first maxFindings by their pointers.
func findings(e *jsonschema.ValidationError, value any) []finding {
	w := &walk{value: value}
	w.error(e)
	slices.SortFunc(w.found, func(a, b finding) int {
		if c := strings.Compare(a.pointer, b.pointer); c != 0 {
			return c
		}
		return strings.Compare(a.detail, b.detail)
	})
	w.found = slices.Compact(w.found)
	return w.found[:min(len(w.found), maxFindings)]
}

type walk struct {
	found []finding
	value any
}

func (w *walk) add(at []string, detail string) {
	w.found = append(w.found, finding{pointer: pointerOf(at), detail: detail})
}

func pointerOf(at []string) string {
	var b strings.Builder
	for _, token := range at {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
		if b.Len()+len(token) > maxPointer {
			break
		}
		b.WriteByte('/')
		b.WriteString(token)
	}
	return b.String()
}

// error finds what lies at the bottom of e.
func (w *walk) error(e *jsonschema.ValidationError) {
	at := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		w.missing(at, k.Missing, "It is missing.")
	case *kind.Dependency:
		w.missing(at, k.Missing, fmt.Sprintf("It is missing; %s needs it.", shown(k.Prop)))
	case *kind.DependentRequired:
		w.missing(at, k.Missing, fmt.Sprintf("It is missing; %s needs it.", shown(k.Prop)))
	case *kind.AdditionalProperties:
		w.missing(at, k.Properties, "There may be none of this name.")
	case *kind.PropertyNames:
		w.add(append(w.holder(at, k.Property), k.Property), "Its name is not as names have to be here.")
	case *kind.AnyOf:
		w.alternatives(e)
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			w.add(at, "It is as more than one of the alternatives, and has to be as one.")
			return
		}
		w.alternatives(e)
	default:
		if text := wording(e.ErrorKind); text != "" {
			w.add(at, text)
			return
		}
		for _, c := range e.Causes {
			w.error(c)
		}
	}
}

func (w *walk) missing(at, names []string, detail string) {
	for _, name := range names {
		w.add(append(slices.Clip(at), name), detail)
	}
}

// holder is where the object with a property is. The library may say where another one is, if names are at fault
// (its validator shares the room of locations, and copies all but these).
func (w *walk) holder(at []string, property string) []string {
	v := w.value
	for _, token := range at {
		switch t := v.(type) {
		case map[string]any:
			v = t[token]
		case []any:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(t) {
				v = t[i]
			}
		}
	}
	if m, is := v.(map[string]any); is {
		if _, has := m[property]; has {
			return slices.Clip(slices.Clone(at))
		}
	}
	found, _ := holderIn(w.value, property, nil)
	return found
}

func holderIn(v any, property string, at []string) ([]string, bool) {
	switch t := v.(type) {
	case map[string]any:
		if _, has := t[property]; has {
			return slices.Clone(at), true
		}
		for name, inner := range t {
			if found, ok := holderIn(inner, property, append(at, name)); ok {
				return found, true
			}
		}
	case []any:
		for i, inner := range t {
			if found, ok := holderIn(inner, property, append(at, strconv.Itoa(i))); ok {
				return found, true
			}
		}
	}
	return nil, false
}

// alternatives says what is wrong with the one alternative that was meant, if that can be told.
func (w *walk) alternatives(e *jsonschema.ValidationError) {
	var meant []*jsonschema.ValidationError
	for _, c := range e.Causes {
		if !otherwise(c, len(e.InstanceLocation)) {
			meant = append(meant, c)
		}
	}
	if len(meant) == 1 {
		w.error(meant[0])
		return
	}
	w.add(e.InstanceLocation, fmt.Sprintf("It is as none of the %d alternatives.", len(e.Causes)))
}

// otherwise says whether an alternative is for values of another sort: of another type, or with another constant right in them.
func otherwise(e *jsonschema.ValidationError, depth int) bool {
	switch e.ErrorKind.(type) {
	case *kind.Type, *kind.FalseSchema:
		return len(e.InstanceLocation) <= depth
	case *kind.Const, *kind.Enum:
		return len(e.InstanceLocation) <= depth+1
	case *kind.Group, *kind.Reference, *kind.AllOf:
		return slices.ContainsFunc(e.Causes, func(c *jsonschema.ValidationError) bool { return otherwise(c, depth) })
	}
	return false
}

// wording is what is wrong in a sentence, "" for what only holds causes.
func wording(e jsonschema.ErrorKind) string {
	switch k := e.(type) {
	case *kind.Type:
		return fmt.Sprintf("It is %s, and has to be %s.", article(k.Got), articles(k.Want))
	case *kind.Enum:
		return "It has to be " + oneOf(k.Want)
	case *kind.Const:
		return "It has to be " + oneOf([]any{k.Want})
	case *kind.Format:
		return "It is no valid " + k.Want + "."
	case *kind.FalseSchema:
		return "It may not be there."
	case *kind.Not:
		return "It is what it must not be."
	case *kind.RefCycle, *kind.InvalidJsonValue:
		return "It cannot be judged."
	case *kind.MinLength:
		return fmt.Sprintf("It has %d characters, and needs at least %d.", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("It has %d characters, and may have %d.", k.Got, k.Want)
	case *kind.Pattern:
		return "It does not match " + cut(k.Want) + "."
	case *kind.ContentEncoding, *kind.ContentMediaType, *kind.ContentSchema:
		return "Its content is not as it has to be."
	}
	if text := ofNumbers(e); text != "" {
		return text
	}
	return ofSizes(e)
}

func ofNumbers(e jsonschema.ErrorKind) string {
	switch k := e.(type) {
	case *kind.Minimum:
		return fmt.Sprintf("It has to be at least %s.", decimal(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("It may be at most %s.", decimal(k.Want))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("It has to be more than %s.", decimal(k.Want))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("It has to be less than %s.", decimal(k.Want))
	case *kind.MultipleOf:
		return fmt.Sprintf("It has to be a multiple of %s.", decimal(k.Want))
	}
	return ""
}

func ofSizes(e jsonschema.ErrorKind) string {
	switch k := e.(type) {
	case *kind.MinProperties:
		return fmt.Sprintf("It has %d properties, and needs at least %d.", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("It has %d properties, and may have %d.", k.Got, k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("It has %d items, and needs at least %d.", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("It has %d items, and may have %d.", k.Got, k.Want)
	case *kind.AdditionalItems:
		return fmt.Sprintf("It has %d items too many.", k.Count)
	case *kind.UniqueItems:
		return fmt.Sprintf("Its items %d and %d are the same.", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "None of its items is as one has to be."
	case *kind.MinContains:
		return fmt.Sprintf("%d of its items are as at least %d have to be.", len(k.Got), k.Want)
	case *kind.MaxContains:
		return fmt.Sprintf("%d of its items are as at most %d may be.", len(k.Got), k.Want)
	}
	return ""
}

func article(typ string) string {
	switch typ {
	case "null":
		return "null"
	case "object", "array", "integer":
		return "an " + typ
	}
	return "a " + typ
}

func articles(types []string) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = article(t)
	}
	return strings.Join(out, " or ")
}

// oneOf lists what a schema allows.
func oneOf(values []any) string {
	var b strings.Builder
	for i, v := range values {
		text, err := expr.AppendJSON(nil, v)
		if err != nil || b.Len()+len(text) > maxShown {
			return "one of those that are allowed."
		}
		if i > 0 {
			b.WriteString(" or ")
		}
		b.Write(text)
	}
	return b.String() + "."
}

func decimal(r *big.Rat) string {
	n, exact := r.FloatPrec()
	if !exact || n > maxShown {
		return r.String()
	}
	return cut(r.FloatString(n))
}

func shown(s string) string { return strconv.Quote(cut(s)) }

func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

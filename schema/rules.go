package schema

// Bounds and allowed values of a setting.

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

type rules struct {
	min, max         float64
	hasMin, hasMax   bool
	minText, maxText string
	enum             []string
	noneOK           bool // "none" passes min and max, being the default
}

// read takes the rules from tags.
func (r *rules) read(tag reflect.StructTag, t *Type) error {
	t = t.base()
	if e := tag.Get("enum"); e != "" {
		switch item := t.item(); item.kind {
		case textKind, urlKind, intKind, uintKind:
			r.enum = strings.Split(e, ",")
		default:
			return fmt.Errorf("enum is for text, whole numbers and URLs")
		}
	}
	r.noneOK = tag.Get("default") == "none"
	var err error
	if r.minText, r.hasMin = tag.Lookup("min"); r.hasMin {
		r.min, err = t.bound(r.minText)
	}
	if r.maxText, r.hasMax = tag.Lookup("max"); r.hasMax && err == nil {
		r.max, err = t.bound(r.maxText)
	}
	return err
}

// item is what the rule enum is about: the items of a list, otherwise the value.
func (t *Type) item() *Type {
	if t.kind == listKind || t.kind == mapKind {
		return t.elem.base()
	}
	return t
}

// bound reads a min or max of the type.
func (t *Type) bound(text string) (float64, error) {
	switch t.kind {
	case textKind, listKind, mapKind, secretKind:
		t = &Type{kind: intKind, gotype: reflect.TypeFor[int]()}
	case intKind, uintKind, floatKind, durationKind, sizeKind, percentKind:
	default:
		return 0, fmt.Errorf("min and max are not for this type")
	}
	v := reflect.New(t.gotype).Elem()
	if err := t.scalar(text, v, &rules{}); err != nil {
		return 0, fmt.Errorf("its bound %q: %w", text, err)
	}
	return magnitude(v), nil
}

func magnitude(v reflect.Value) float64 {
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.String:
		return float64(utf8.RuneCountInString(v.String()))
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Map:
		return float64(v.Len())
	}
	if s, ok := v.Interface().(Secret); ok {
		return float64(utf8.RuneCountInString(s.Reveal()))
	}
	return 0
}

// check says in which way v breaks the rules; "" when it does not.
func (r *rules) check(v reflect.Value, t *Type, text string) string {
	if len(r.enum) > 0 && !t.compound() && t.kind != urlKind && !contains(r.enum, text) {
		msg := "write " + oneOf(r.enum)
		if near := Nearest(text, r.enum); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		return msg
	}
	if r.noneOK && text == "none" {
		return ""
	}
	unit := ""
	if t.kind == textKind || t.kind == secretKind {
		unit = " characters"
	}
	m := magnitude(v)
	switch {
	case r.hasMin && m < r.min:
		return fmt.Sprintf("the least is %s%s", r.minText, unit)
	case r.hasMax && m > r.max:
		return fmt.Sprintf("the most is %s%s", r.maxText, unit)
	}
	return ""
}

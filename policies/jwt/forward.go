package jwt

// Claims that go on to the upstream as header fields.

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/schema"
	"sallyport/wire"
)

// A field is one that is made of a claim.
type field struct{ name, claim string }

// checkForward wants names of fields that may be set.
func checkForward(forward map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(forward)) {
		switch {
		case !wire.ValidToken(name):
			errs = append(errs, schema.At("forward", fmt.Errorf("%q is no name of a header field", name)))
		case reserved(name):
			errs = append(errs, schema.At("forward", fmt.Errorf("%s is made by the gateway itself", name)))
		case forward[name] == "":
			errs = append(errs, schema.At("forward", fmt.Errorf("%s has no claim", name)))
		}
	}
	return errors.Join(errs...)
}

// reserved says whether a field is framing, or says where the message goes.
func reserved(name string) bool {
	return slices.ContainsFunc([]string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Trailer", "Keep-Alive", "Expect"}, func(n string) bool { return wire.EqualFold(n, name) })
}

func fields(forward map[string]string) (list []field) {
	for _, name := range slices.Sorted(maps.Keys(forward)) {
		list = append(list, field{name, forward[name]})
	}
	return list
}

// value is a claim as it stands in a field: text, numbers and booleans as they are, a list of those with commas between, all else as JSON. found is
// false when there is no such claim; ok is false for one that a field cannot hold, or a list that would be read as a longer one.
func (f *field) value(claims map[string]any) (text string, found, ok bool) {
	v, found := find(claims, f.claim)
	if !found || v == nil {
		return "", false, true
	}
	text, ok = written(v)
	return text, true, ok && wire.ValidValue(text) && strings.Trim(text, " \t") == text // a field keeps no space around it, and it would be another one
}

func written(v any) (string, bool) {
	if scalar(v) {
		return spelt(v), true
	}
	if list, is := v.([]any); is && !slices.ContainsFunc(list, func(item any) bool { return !scalar(item) }) {
		var b strings.Builder
		for i, item := range list {
			if i > 0 {
				b.WriteByte(',')
			}
			text := spelt(item)
			if text == "" || strings.ContainsAny(text, ",") {
				return "", false
			}
			b.WriteString(text)
		}
		return b.String(), true
	}
	text, err := json.Marshal(v)
	return string(text), err == nil
}

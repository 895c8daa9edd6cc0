package expr

// This file takes values from Go to CEL and back, and writes them as text.

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"sallyport/jsonspan"
)

// adapter makes CEL values of what Vars gives. Numbers of JSON are integers where they fit, doubles otherwise.
type adapter struct{}

// NativeToValue converts v.
func (a adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case ref.Val:
		return v
	case nil:
		return types.NullValue
	case string:
		return types.String(v)
	case bool:
		return types.Bool(v)
	case int64:
		return types.Int(v)
	case json.Number:
		return number(v)
	case map[string]any:
		return types.NewStringInterfaceMap(a, v)
	case []any:
		return types.NewDynamicList(a, v)
	case map[string]string:
		return types.NewStringStringMap(a, v)
	case []string:
		return types.NewStringList(a, v)
	case time.Time:
		return types.Timestamp{Time: v.UTC()}
	case netip.Addr:
		return types.String(v.String())
	case Raw:
		return v.val()
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

func number(n json.Number) ref.Val {
	if !strings.ContainsAny(string(n), ".eE") {
		if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
			return types.Int(i)
		}
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return types.NewErr("%q is no number", clip(string(n)))
	}
	return types.Double(f)
}

// maxDepth bounds how deep a value may nest on its way out.
const maxDepth = 200

// native converts a CEL value to Go's types. What came from Go as a whole comes back as it was, every digit kept.
func (f *frame) native(v ref.Val) (any, error) { return f.nativeAt(v, 0) }

func (f *frame) nativeAt(v ref.Val, depth int) (any, error) {
	if f.left--; f.left < 0 {
		return nil, ErrCostly // one list may be an item of another many times
	}
	if depth > maxDepth {
		return nil, errors.New("the value nests too deep")
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.String:
		return string(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if v > 1<<63-1 {
			return json.Number(strconv.FormatUint(uint64(v), 10)), nil
		}
		return int64(v), nil
	case types.Double:
		return float64(v), nil
	case types.Bytes:
		if !utf8.Valid(v) {
			return nil, errors.New("the value is bytes that are no text; base64(…) makes text of them")
		}
		return string(v), nil
	case types.Timestamp:
		return v.Time.UTC(), nil
	case types.Duration:
		return v.Duration.String(), nil
	case *types.Err:
		return nil, v
	case *entries:
		m, found, err := v.frame.vars.Lookup(v.root, v.field, "")
		if err != nil || !found {
			return nil, missing(v.root, v.field, "", err)
		}
		return m, nil
	case *rawList:
		return v.raw, nil
	case traits.Mapper:
		return f.nativeMap(v, depth)
	case traits.Lister:
		return f.nativeList(v, depth)
	}
	return nil, fmt.Errorf("the expression makes a %s, which cannot leave it", v.Type().TypeName())
}

func (f *frame) nativeMap(m traits.Mapper, depth int) (any, error) {
	switch whole := m.Value().(type) {
	case map[string]any, map[string]string, Raw:
		return whole, nil
	case error:
		return nil, whole
	}
	out := make(map[string]any, int(m.Size().(types.Int)))
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name, ok := k.(types.String)
		if !ok {
			return nil, fmt.Errorf("a map has a name that is %s; names must be text", kindOf(k))
		}
		v, err := f.nativeAt(m.Get(k), depth+1)
		if err != nil {
			return nil, err
		}
		out[string(name)] = v
	}
	return out, nil
}

func (f *frame) nativeList(l traits.Lister, depth int) (any, error) {
	switch whole := l.Value().(type) {
	case []any, []string:
		return whole, nil
	}
	n := int(l.Size().(types.Int))
	out := make([]any, n)
	for i := range n {
		v, err := f.nativeAt(l.Get(types.Int(i)), depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// textOf writes a value as text, if it is one that has a text.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case json.Number:
		return string(v), nil
	case float64:
		return formatFloat(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case netip.Addr:
		return v.String(), nil
	case Raw:
		if k := jsonspan.KindOf(v); k != jsonspan.Object && k != jsonspan.List {
			return textOf(v.scalar())
		}
	case []byte:
		if utf8.Valid(v) {
			return string(v), nil
		}
		return "", errors.New("the value is bytes that are no text; base64(…) makes text of them")
	}
	return "", fmt.Errorf("it makes %s where text is wanted; json(…) writes any value as text", kindOf(v))
}

// formatFloat writes a double as JSON does: plainly unless it is very large or small.
func formatFloat(f float64) string {
	b, err := json.Marshal(f)
	if err != nil { // infinity and the like
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return string(b)
}

func numberOf(v any) (float64, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case json.Number:
		return v.Float64()
	case Raw:
		if jsonspan.KindOf(v) == jsonspan.Number {
			return json.Number(v).Float64()
		}
	}
	return 0, fmt.Errorf("it makes %s where a number is wanted", kindOf(v))
}

func kindOf(v any) string {
	switch v := v.(type) {
	case Raw:
		switch jsonspan.KindOf(v) {
		case jsonspan.Object:
			return "a map"
		case jsonspan.List:
			return "a list"
		}
		return kindOf(v.scalar())
	case []byte:
		return "bytes"
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string, netip.Addr:
		return "text"
	case int64, float64, json.Number:
		return "a number"
	case time.Time:
		return "a time"
	case []any, []string:
		return "a list"
	case map[string]any, map[string]string:
		return "a map"
	}
	return fmt.Sprintf("a %T", v)
}

func asMap(v any) (map[string]any, bool) {
	switch m := v.(type) {
	case map[string]any:
		return m, true
	case map[string]string:
		out := make(map[string]any, len(m))
		for k, s := range m {
			out[k] = s
		}
		return out, true
	case Raw:
		all, ok := m.decoded().(map[string]any)
		return all, ok
	}
	return nil, false
}

func asList(v any) []any {
	switch l := v.(type) {
	case []any:
		return l
	case Raw:
		out, _ := l.decoded().([]any)
		return out
	case []string:
		out := make([]any, len(l))
		for i, s := range l {
			out[i] = s
		}
		return out
	}
	return nil
}

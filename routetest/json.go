package routetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"sallyport/schema"
)

// An object keeps its members in the order in which they are written.
type object []member

type member struct {
	name  string
	value any
}

// valueOf is a node as JSON has it: nil, bool, json.Number, string, []any or object.
func valueOf(n *schema.Node) any {
	switch n.Kind {
	case schema.Bool:
		return n.Text == "true"
	case schema.Number:
		if json.Valid([]byte(n.Text)) {
			return json.Number(n.Text)
		}
		if f, err := strconv.ParseFloat(n.Text, 64); err == nil {
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
		if i, err := strconv.ParseInt(n.Text, 0, 64); err == nil {
			return json.Number(strconv.FormatInt(i, 10))
		}
		return n.Text
	case schema.String:
		return n.Text
	case schema.List:
		list := []any{}
		for _, item := range n.Items {
			list = append(list, valueOf(item))
		}
		return list
	case schema.Map:
		o := object{}
		for _, f := range n.Fields {
			o = append(o, member{f.Name, valueOf(f.Node)})
		}
		return o
	}
	return nil
}

// marshal writes a node as JSON.
func marshal(n *schema.Node) []byte {
	var b bytes.Buffer
	encode(&b, valueOf(n))
	return b.Bytes()
}

func encode(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			encode(b, m.name)
			b.WriteByte(':')
			encode(b, m.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			encode(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		o := object{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			o = append(o, member{name, v[name]})
		}
		encode(b, o)
	default:
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // a scalar
		b.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
}

func spell(v any) string {
	var b bytes.Buffer
	encode(&b, v)
	return b.String()
}

// unmarshal reads one JSON document.
func unmarshal(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err = d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return v, nil
}

// A difference is where two documents part.
type difference struct{ path, want, got string }

// missing stands for what is not there.
const missing = "(not there)"

// differences compares a document with what it must hold. Unless exact is set its objects may have more members.
func differences(want, got any, exact bool) []difference {
	d := differ{exact: exact}
	d.compare("", want, got)
	return d.found
}

type differ struct {
	exact bool
	found []difference
}

func (d *differ) compare(path string, want, got any) {
	switch w := want.(type) {
	case object:
		if g, ok := got.(map[string]any); ok {
			d.objects(path, w, g)
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			d.lists(path, w, g)
			return
		}
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return
		}
	default:
		if want == got {
			return
		}
	}
	d.found = append(d.found, difference{path, spell(want), spell(got)})
}

func (d *differ) objects(path string, want object, got map[string]any) {
	named := map[string]bool{}
	for _, m := range want {
		named[m.name] = true
		at := path + "." + m.name
		if value, found := got[m.name]; found {
			d.compare(at, m.value, value)
		} else {
			d.found = append(d.found, difference{at, spell(m.value), missing})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if d.exact && !named[name] {
			d.found = append(d.found, difference{path + "." + name, missing, spell(got[name])})
		}
	}
}

func (d *differ) lists(path string, want, got []any) {
	for i := range max(len(want), len(got)) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(got):
			d.found = append(d.found, difference{at, spell(want[i]), missing})
		case i >= len(want):
			d.found = append(d.found, difference{at, missing, spell(got[i])})
		default:
			d.compare(at, want[i], got[i])
		}
	}
}

// sameNumber compares numbers however they are written.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	if len(a) > 40 || len(b) > 40 { // nobody writes them in two ways
		return false
	}
	if strings.ContainsAny(a.String()+b.String(), "eE") { // exactly could take for ever
		x, errX := a.Float64()
		y, errY := b.Float64()
		return errX == nil && errY == nil && x == y
	}
	x, okX := new(big.Rat).SetString(a.String())
	y, okY := new(big.Rat).SetString(b.String())
	return okX && okY && x.Cmp(y) == 0
}

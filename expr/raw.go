package expr

// JSON that stays as it was written until an expression looks into it, and then is opened level by level: what is handed on untouched
// keeps its digits and its order.

import (
	"encoding/json"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"sallyport/jsonspan"
	"sallyport/schema"
)

// Raw is a value as JSON, which jsonspan.Check has let pass. Vars may return one in place of any other value; it must not be changed.
type Raw []byte

// scalar returns what r is in Go's types if it is neither object nor list, and r otherwise.
func (r Raw) scalar() any {
	switch jsonspan.KindOf(r) {
	case jsonspan.Text:
		return jsonspan.TextOf(r)
	case jsonspan.Word:
		if r[0] == 'n' {
			return nil
		}
		return r[0] == 't'
	case jsonspan.Number:
		if n, err := strconv.ParseInt(string(r), 10, 64); err == nil && (n != 0 || len(r) == 1) { // minus zero is no integer
			return n
		}
		return json.Number(r)
	}
	return r
}

// decoded is r in Go's types all the way down.
func (r Raw) decoded() any {
	switch jsonspan.KindOf(r) {
	case jsonspan.Object:
		out := map[string]any{}
		for m := jsonspan.Members(r); m.Next(); {
			out[jsonspan.TextOf(m.Name)] = Raw(m.Value).decoded()
		}
		return out
	case jsonspan.List:
		out := []any{}
		for m := jsonspan.Items(r); m.Next(); {
			out = append(out, Raw(m.Value).decoded())
		}
		return out
	}
	return r.scalar()
}

// val is r for CEL.
func (r Raw) val() ref.Val {
	switch jsonspan.KindOf(r) {
	case jsonspan.Object:
		return &rawMap{raw: r}
	case jsonspan.List:
		return &rawList{raw: r}
	}
	return adapter{}.NativeToValue(r.scalar())
}

// A rawMap is an object during one evaluation, opened when something of it is asked for.
type rawMap struct {
	raw     Raw
	names   []ref.Val // in the order of the object
	members map[string]ref.Val
}

func (m *rawMap) open() map[string]ref.Val {
	if m.members == nil {
		m.members = map[string]ref.Val{}
		for w := jsonspan.Members(m.raw); w.Next(); {
			name := jsonspan.TextOf(w.Name)
			m.names = append(m.names, types.String(name))
			m.members[name] = Raw(w.Value).val()
		}
	}
	return m.members
}

func (m *rawMap) whole() traits.Mapper {
	all, _ := m.raw.decoded().(map[string]any)
	return types.NewStringInterfaceMap(adapter{}, all)
}

// Find returns one member.
func (m *rawMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v, found := m.open()[string(name)]
	return v, found
}

// Get returns one member or an error.
func (m *rawMap) Get(key ref.Val) ref.Val {
	if v, found := m.Find(key); found {
		return v
	}
	name, _ := key.(types.String)
	return types.WrapErr(&Missing{Ref{Key: string(name)}})
}

// Contains says whether there is a member.
func (m *rawMap) Contains(key ref.Val) ref.Val {
	_, found := m.Find(key)
	return types.Bool(found)
}

// Size counts the members.
func (m *rawMap) Size() ref.Val { return types.Int(len(m.open())) }

// Iterator walks the names in the order of the object.
func (m *rawMap) Iterator() traits.Iterator {
	m.open()
	return types.NewRefValList(adapter{}, m.names).Iterator()
}

// Type returns that of maps.
func (m *rawMap) Type() ref.Type { return types.MapType }

// Value returns the object as it was written.
func (m *rawMap) Value() any { return m.raw }

// Equal compares all members.
func (m *rawMap) Equal(other ref.Val) ref.Val { return m.whole().Equal(other) }

// ConvertToNative converts the decoded object.
func (m *rawMap) ConvertToNative(t schema.GoType) (any, error) { return m.whole().ConvertToNative(t) }

// ConvertToType converts the decoded object.
func (m *rawMap) ConvertToType(t ref.Type) ref.Val { return m.whole().ConvertToType(t) }

// A rawList is a list during one evaluation, opened when something of it is asked for. Lister is nil until then.
type rawList struct {
	traits.Lister
	raw Raw
}

func (l *rawList) open() traits.Lister {
	if l.Lister == nil {
		items := []ref.Val{}
		for w := jsonspan.Items(l.raw); w.Next(); {
			items = append(items, Raw(w.Value).val())
		}
		l.Lister = types.NewRefValList(adapter{}, items)
	}
	return l.Lister
}

// Add joins two lists.
func (l *rawList) Add(other ref.Val) ref.Val { return l.open().Add(other) }

// Get returns one item or an error.
func (l *rawList) Get(index ref.Val) ref.Val { return l.open().Get(index) }

// Contains says whether an item is in the list.
func (l *rawList) Contains(item ref.Val) ref.Val { return l.open().Contains(item) }

// Size counts the items.
func (l *rawList) Size() ref.Val { return l.open().Size() }

// Iterator walks the items.
func (l *rawList) Iterator() traits.Iterator { return l.open().Iterator() }

// Type returns that of lists.
func (l *rawList) Type() ref.Type { return types.ListType }

// Value returns the items: functions of cel-go cut it in pieces.
func (l *rawList) Value() any { return l.open().Value() }

// Equal compares all items.
func (l *rawList) Equal(other ref.Val) ref.Val { return l.open().Equal(other) }

// ConvertToNative converts the opened list.
func (l *rawList) ConvertToNative(t schema.GoType) (any, error) { return l.open().ConvertToNative(t) }

// ConvertToType converts the opened list.
func (l *rawList) ConvertToType(t ref.Type) ref.Val { return l.open().ConvertToType(t) }

package expr

// Functions that look at lists item by item, some at every item for every item, and pay for each look.

import (
	"errors"
	"math/bits"
	"sort"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// equal is ==, of lists and maps all the way down.
func (f *frame) equal(a, b ref.Val) ref.Val {
	if scalar(a) {
		f.spend(1 + min(look(a), look(b))/4)
		return types.Equal(a, b)
	}
	f.spend(1)
	switch x := a.(type) {
	case traits.Lister:
		f.spend(1)
		y, ok := b.(traits.Lister)
		if !ok || x.Size() != y.Size() {
			return types.False
		}
		for i := range x.Size().(types.Int) {
			if f.equal(x.Get(i), y.Get(i)) == types.False {
				return types.False
			}
		}
		return types.True
	case traits.Mapper:
		y, ok := b.(traits.Mapper)
		if !ok {
			return types.False
		}
		return f.equalMaps(x, y)
	}
	return types.Equal(a, b)
}

func (f *frame) equalMaps(x, y traits.Mapper) ref.Val {
	n, m := x.Size(), y.Size()
	for _, size := range []ref.Val{n, m} {
		if types.IsError(size) {
			return size
		}
	}
	if n != m {
		return types.False
	}
	f.spend(2)
	for it := x.Iterator(); it.HasNext() == types.True; {
		f.spend(2)
		key := it.Next()
		left, _ := x.Find(key)
		right, found := y.Find(key)
		if !found || f.equal(left, right) == types.False {
			return types.False
		}
	}
	return types.True
}

// in is the operator, of lists and maps.
func (f *frame) in(item, of ref.Val) ref.Val {
	switch of := of.(type) {
	case traits.Lister:
		return f.within(item, of)
	case traits.Container:
		return of.Contains(item)
	}
	return types.MaybeNoSuchOverloadErr(of)
}

func (f *frame) within(item ref.Val, l traits.Lister) ref.Val {
	for i := range l.Size().(types.Int) {
		if f.equal(item, l.Get(i)) == types.True {
			return types.True
		}
	}
	return types.False
}

func (f *frame) hasAll(of, items ref.Val) ref.Val { return f.has(of, items, types.True) }

func (f *frame) hasAny(of, items ref.Val) ref.Val { return f.has(of, items, types.False) }

// has says whether all items are in a list, or any.
func (f *frame) has(of, items ref.Val, all types.Bool) ref.Val {
	l, ok := of.(traits.Lister)
	s, okay := items.(traits.Lister)
	if !ok || !okay {
		return types.NoSuchOverloadErr()
	}
	for i := range s.Size().(types.Int) {
		if f.within(s.Get(i), l) != all {
			return !all
		}
	}
	return all
}

func (f *frame) hasExactly(a, b ref.Val) ref.Val {
	if in := f.hasAll(a, b); in != types.True {
		return in
	}
	return f.hasAll(b, a)
}

var (
	errKinds   = errors.New("list elements must have the same type")
	errNoOrder = errors.New("list elements must be comparable")
	errAsMany  = errors.New("sortBy needs as many keys as items")
	errLevel   = errors.New("level must be non-negative")
)

// sortBy sorts a list by keys, one for each of its items.
func (f *frame) sortBy(list, by ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	k, okay := by.(traits.Lister)
	if !ok || !okay {
		return types.NoSuchOverloadErr()
	}
	n := int(l.Size().(types.Int))
	if n != int(k.Size().(types.Int)) {
		return types.WrapErr(errAsMany)
	}
	f.spend(n)
	o := order{make([]ref.Val, n), make([]traits.Comparer, n)}
	longest := 0
	for i := range n {
		key := k.Get(types.Int(i))
		if o.keys[i], ok = key.(traits.Comparer); !ok {
			return types.WrapErr(errNoOrder)
		}
		if key.Type() != o.keys[0].(ref.Val).Type() {
			return types.WrapErr(errKinds)
		}
		o.items[i], longest = l.Get(types.Int(i)), max(longest, look(key)/4)
	}
	f.spend(n * bits.Len(uint(n)) * (1 + longest))
	sort.Stable(o)
	return types.NewRefValList(adapter{}, o.items)
}

// An order is what is sorted by keys.
type order struct {
	items []ref.Val
	keys  []traits.Comparer
}

func (o order) Len() int { return len(o.items) }
func (o order) Less(i, j int) bool {
	return o.keys[i].Compare(o.keys[j].(ref.Val)) == types.IntNegOne
}
func (o order) Swap(i, j int) {
	o.items[i], o.items[j] = o.items[j], o.items[i]
	o.keys[i], o.keys[j] = o.keys[j], o.keys[i]
}

// distinct leaves of equal items the first.
func (f *frame) distinct(list, _ ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	seen := map[ref.Val]bool{}
	var out, others []ref.Val
	for i := range l.Size().(types.Int) {
		item := l.Get(i)
		f.spend(1 + look(item))
		if key := hashed(item); key != nil {
			if !seen[key] {
				seen[key], out = true, append(out, item)
			}
		} else if f.within(item, types.NewRefValList(adapter{}, others)) != types.True {
			out, others = append(out, item), append(others, item)
		}
	}
	return types.NewRefValList(adapter{}, out)
}

// hashed is the same for all values that equal v, and for no others; nil where nothing is.
func hashed(v ref.Val) ref.Val {
	const exact = 1 << 53 // from here on doubles leave integers out
	switch v := v.(type) {
	case types.String, types.Bool, types.Null:
		return v
	case types.Int:
		if -exact < v && v < exact {
			return v
		}
	case types.Double:
		if -exact < v && v < exact && v == types.Double(types.Int(v)) {
			return types.Int(v)
		}
	}
	return nil
}

// flatten takes items out of the lists that they are in, one level deep unless depth says more.
func (f *frame) flatten(list, depth ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	levels := types.Int(1)
	if depth != nil && ok {
		levels, ok = depth.(types.Int)
	}
	if !ok {
		return types.NoSuchOverloadErr()
	}
	if levels < 0 {
		return types.WrapErr(errLevel)
	}
	return types.NewRefValList(adapter{}, f.flattened(nil, l, levels))
}

func (f *frame) flattened(dst []ref.Val, l traits.Lister, levels types.Int) []ref.Val {
	for i := range l.Size().(types.Int) {
		f.spend(1)
		item := l.Get(i)
		if inner, ok := item.(traits.Lister); ok && levels > 0 {
			dst = f.flattened(dst, inner, levels-1)
			continue
		}
		dst = append(dst, item)
	}
	return dst
}

// weigh pays for all of a value, all the way down, several times what a look at it costs.
func (f *frame) weigh(v ref.Val, times int) {
	switch v := v.(type) {
	case *rawMap:
		f.spend(times * (1 + len(v.raw)/16))
	case *rawList:
		f.spend(times * (1 + len(v.raw)/16))
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			f.weigh(key, times)
			f.weigh(v.Get(key), times)
		}
	case traits.Lister:
		for i := range v.Size().(types.Int) {
			f.weigh(v.Get(i), times)
		}
	default:
		f.spend(times * (1 + look(v)))
	}
}

package expr

// This file runs what is not plain: cel-go asks for variables when it needs them, and gets them one by one.

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// A frame is one evaluation: where its variables come from. It implements cel-go's Activation.
type frame struct {
	vars   Vars
	now    time.Time // one for the whole evaluation, zero until asked for
	roots  []rootValue
	maps   []wholeMap
	failed error // what could not be said at its place; it fails the whole evaluation
}

var frames = sync.Pool{New: func() any {
	f := &frame{roots: make([]rootValue, len(roots))}
	for i, r := range roots {
		f.roots[i] = rootValue{Val: types.NullValue, root: r, frame: f}
	}
	return f
}}

// A wholeMap is all headers or the like, made once an evaluation.
type wholeMap struct {
	root, field string
	traits.Mapper
}

// interpret evaluates and converts the result to Go's types, so that nothing of it refers to the frame.
func interpret(p cel.Program, v Vars) (any, error) {
	f := frames.Get().(*frame)
	f.vars = v
	defer func() {
		clear(f.maps)
		*f = frame{roots: f.roots, maps: f.maps[:0]}
		frames.Put(f)
	}()
	out, _, err := p.Eval(f)
	switch {
	case f.failed != nil:
		return nil, f.failed
	case err != nil:
		return nil, absent(err)
	}
	return native(out)
}

// absent recognises cel-go's error for an entry that a map does not have, which has no type.
func absent(err error) error {
	if key, ok := strings.CutPrefix(err.Error(), "no such key: "); ok {
		return &Missing{Ref{Key: key}}
	}
	return err
}

// ResolveName returns a variable.
func (f *frame) ResolveName(name string) (any, bool) {
	if name == "now" {
		if f.now.IsZero() {
			f.now = time.Now().UTC()
		}
		return types.Timestamp{Time: f.now}, true
	}
	switch name {
	case callsName:
		return &callsValue{types.NullValue, f}, true
	case itemName, indexName:
		v, found, err := f.vars.Lookup(name, "", "")
		if err != nil || !found {
			f.failed = missing(name, "", "", err)
		}
		return v, found
	}
	for i := range f.roots {
		if f.roots[i].root.name == name {
			return &f.roots[i], true
		}
	}
	return nil, false
}

// Parent returns nothing: a frame stands alone.
func (f *frame) Parent() interpreter.Activation { return nil }

// A rootValue is a variable with fields during one evaluation. The Val that it embeds answers what nobody asks of it: a
// root cannot be converted, and the compiler refuses to use it for anything but its fields and methods.
type rootValue struct {
	ref.Val
	root  *root
	frame *frame
}

// Type returns the root's own type.
func (r *rootValue) Type() ref.Type { return types.NewObjectType(r.root.name) }

// Value returns itself, of which fields are got.
func (r *rootValue) Value() any { return r }

// Equal is never asked.
func (r *rootValue) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(r)) }

// has says whether a field has a value. One that cannot be read is there: getting it tells why.
func (r *rootValue) has(f field) bool {
	if f.shape == texts || f.shape == facts {
		return true
	}
	_, found, err := r.frame.vars.Lookup(r.root.name, f.name, "")
	return found || err != nil
}

func (r *rootValue) get(f field) (any, error) {
	switch f.shape {
	case texts:
		return &entries{Mapper: noEntries, frame: r.frame, root: r.root.name, field: f.name}, nil
	case text:
		s, found, err := r.frame.vars.LookupText(r.root.name, f.name, "")
		if err != nil || !found {
			return nil, missing(r.root.name, f.name, "", err)
		}
		return types.String(s), nil
	case whole:
		n, found, err := r.frame.vars.LookupInt(r.root.name, f.name)
		if err != nil || !found {
			return nil, missing(r.root.name, f.name, "", err)
		}
		return types.Int(n), nil
	}
	v, found, err := r.frame.vars.Lookup(r.root.name, f.name, "")
	if err != nil || !found {
		return nil, missing(r.root.name, f.name, "", err)
	}
	return v, nil
}

// A Missing is a variable that the request at hand does not have.
type Missing struct{ Ref }

func (m *Missing) Error() string { return "there is no " + m.Ref.String() }

// String writes the reference as an expression has it.
func (r Ref) String() string {
	if r.Root == "" {
		return "entry " + strconv.Quote(clip(r.Key))
	}
	s := strings.TrimSuffix(r.Root+"."+r.Field, ".")
	switch {
	case r.Key != "" && (r.Root == callsName || r.Root == itemName):
		s += "." + clip(r.Key)
	case r.Key != "":
		s += `["` + clip(r.Key) + `"]`
	}
	return s
}

func missing(root, field, key string, err error) error {
	if err != nil {
		return err
	}
	return &Missing{Ref{root, field, key}}
}

var noEntries = types.NewStringStringMap(types.DefaultTypeAdapter, nil)

// entries is a map from text to text, such as the headers, of which single entries are looked up without
// making the map. Whatever needs all of them makes it.
type entries struct {
	traits.Mapper // what conversions say; all else is overridden below
	frame         *frame
	root, field   string
}

func (e *entries) all() (traits.Mapper, error) {
	for _, m := range e.frame.maps {
		if m.root == e.root && m.field == e.field {
			return m, nil
		}
	}
	v, _, err := e.frame.vars.Lookup(e.root, e.field, "")
	if err != nil {
		return nil, err
	}
	m, _ := v.(map[string]string)
	made := types.NewStringStringMap(adapter{}, m)
	e.frame.maps = append(e.frame.maps, wholeMap{e.root, e.field, made})
	return made, nil
}

// Find returns one entry.
func (e *entries) Find(key ref.Val) (ref.Val, bool) {
	s, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	if s == "" { // an empty key would mean all of them
		m, err := e.all()
		if err != nil {
			return types.WrapErr(err), false
		}
		return m.Find(key)
	}
	v, found, err := e.frame.vars.LookupText(e.root, e.field, string(s))
	if err != nil {
		return types.WrapErr(err), false
	}
	return types.String(v), found
}

// Get returns one entry or an error.
func (e *entries) Get(key ref.Val) ref.Val {
	v, found := e.Find(key)
	if !found && !types.IsError(v) {
		s, _ := key.(types.String)
		return types.WrapErr(&Missing{Ref{e.root, e.field, string(s)}})
	}
	return v
}

// Contains says whether there is an entry.
func (e *entries) Contains(key ref.Val) ref.Val {
	v, found := e.Find(key)
	if types.IsError(v) {
		return v
	}
	return types.Bool(found)
}

// Size counts the entries.
func (e *entries) Size() ref.Val {
	m, err := e.all()
	if err != nil {
		return types.WrapErr(err)
	}
	return m.Size()
}

// Iterator walks the names. It has no way to say that they cannot be read, so the frame does.
func (e *entries) Iterator() traits.Iterator {
	m, err := e.all()
	if err != nil {
		e.frame.failed = err
		return noEntries.Iterator()
	}
	return m.Iterator()
}

// Equal compares all entries.
func (e *entries) Equal(other ref.Val) ref.Val {
	m, err := e.all()
	if err != nil {
		return types.WrapErr(err)
	}
	return m.Equal(other)
}

// Value returns all entries; none when they cannot be read.
func (e *entries) Value() any {
	m, err := e.all()
	if err != nil {
		return err
	}
	return m.Value()
}

package expr

// This file runs what is not plain: cel-go asks for variables when it needs them, and gets them one by one.

import (
	"errors"
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
	left   int       // steps of work that it may still do
	roots  []rootValue
	kept   []keptValue
	last   *pattern // that was compiled
	failed error    // what could not be said at its place; it fails the whole evaluation
}

var frames = sync.Pool{New: func() any {
	f := &frame{roots: make([]rootValue, len(roots))}
	for i, r := range roots {
		f.roots[i] = rootValue{Val: types.NullValue, root: r, frame: f}
	}
	return f
}}

// A keptValue is all headers, a body or the like, made once an evaluation.
type keptValue struct {
	root, field string
	ref.Val
}

// keep returns a value as it was made the first time.
func (f *frame) keep(root, field string, get func() (any, error)) (ref.Val, error) {
	for _, k := range f.kept {
		if k.root == root && k.field == field {
			return k.Val, nil
		}
	}
	v, err := get()
	if err != nil {
		return nil, err
	}
	val := adapter{}.NativeToValue(v)
	f.kept = append(f.kept, keptValue{root, field, val})
	return val, nil
}

// lookup is keep for what stands in the variables.
func (f *frame) lookup(root, field string) (ref.Val, error) {
	return f.keep(root, field, func() (any, error) {
		v, found, err := f.vars.Lookup(root, field, "")
		if err != nil || !found {
			return nil, missing(root, field, "", err)
		}
		return v, nil
	})
}

// interpret evaluates and converts the result to Go's types, so that nothing of it refers to the frame.
func interpret(p cel.Program, v Vars) (any, error) {
	f := frames.Get().(*frame)
	f.vars, f.left = v, maxWork
	defer func() {
		clear(f.kept)
		*f = frame{roots: f.roots, kept: f.kept[:0]}
		frames.Put(f)
	}()
	out, _, err := p.Eval(f)
	switch {
	case err != nil && cancelled(err):
		return nil, ErrCostly
	case f.failed != nil:
		return nil, f.failed
	case err != nil:
		return nil, absent(err)
	}
	return f.native(out)
}

func cancelled(err error) bool {
	var c interpreter.EvalCancelledError
	return errors.As(err, &c)
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
	case frameName:
		return f, true
	case callsName:
		return &callsValue{types.NullValue, f}, true
	case itemName, indexName:
		v, err := f.lookup(name, "")
		if err != nil {
			f.failed = err
		}
		return v, err == nil
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
	_, err := r.get(f)
	var absent *Missing
	return !errors.As(err, &absent)
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
	return r.frame.lookup(r.root.name, f.name)
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
	v, err := e.frame.keep(e.root, e.field, func() (any, error) {
		v, _, err := e.frame.vars.Lookup(e.root, e.field, "")
		m, _ := v.(map[string]string)
		return types.NewStringStringMap(adapter{}, m), err
	})
	if err != nil {
		return nil, err
	}
	return v.(traits.Mapper), nil
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

package expr

// The variables of compose: the answers of its calls, and what a repeated call is made for.

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sallyport/jsonspan"
	"sallyport/wire"
)

// A Scope is what else expressions may refer to at a place of the document. It stands in Node.Scope.
type Scope struct {
	// Calls holds the names behind calls. and whether each is one call for every item of a list, so that the name stands for a list.
	Calls map[string]bool
	// Item says that item and index are known.
	Item bool
}

// An Answer is what calls.NAME stands for. Vars returns an *Answer, or []*Answer for a repeated call, as the variable "calls", NAME. One
// goroutine uses it at a time.
type Answer struct {
	Status int  // 0 when nobody answered
	OK     bool // the status is 2xx and the answer could be read
	Header *wire.Header
	Body   any // a Raw, string or []byte; nil for none

	body ref.Val // Body for CEL, once it was asked for
}

const (
	callsName, itemName, indexName = "calls", "item", "index"
	callType                       = "call"
	each                           = "[]" // stands behind the name of a call that is repeated, in compiled expressions
)

var callFields = []field{{"status", whole}, {"ok", tree}, {"headers", texts}, {"body", tree}}

// scopeVariables declare the variables.
func scopeVariables() []cel.EnvOption {
	call := cel.ObjectType(callType)
	args := []*cel.Type{call, cel.StringType}
	return []cel.EnvOption{
		cel.Variable(callsName, cel.ObjectType(callsName)), cel.Variable(itemName, cel.DynType), cel.Variable(indexName, cel.IntType),
		cel.Function("header", cel.MemberOverload("call_header", args, cel.StringType, cel.BinaryBinding(callHeader))),
		cel.Function("header_values", cel.MemberOverload("call_header_values", args, cel.ListType(cel.StringType), cel.BinaryBinding(callHeaderValues))),
	}
}

// scopeField is the type of a field of calls, or of one call.
func scopeField(typeName, name string) (*types.FieldType, bool) {
	if typeName == callsName {
		t := cel.ObjectType(callType)
		bare := strings.TrimSuffix(name, each)
		if bare != name {
			t = cel.ListType(t)
		}
		return &types.FieldType{Type: t,
			IsSet:   func(obj any) bool { return obj.(*callsValue).has(bare) },
			GetFrom: func(obj any) (any, error) { return obj.(*callsValue).get(bare) },
		}, true
	}
	i := slices.IndexFunc(callFields, func(f field) bool { return f.name == name })
	if i < 0 {
		return nil, false
	}
	t := shapeTypes[callFields[i].shape]
	if name == "ok" {
		t = cel.BoolType
	}
	return &types.FieldType{Type: t,
		IsSet:   func(obj any) bool { v, err := obj.(*callValue).get(name); return err == nil && v != nil },
		GetFrom: func(obj any) (any, error) { return obj.(*callValue).get(name) },
	}, true
}

// A callsValue is the variable calls during one evaluation. The Val answers what nobody asks, as that of rootValue does.
type callsValue struct {
	ref.Val
	frame *frame
}

// Type returns the type of calls.
func (c *callsValue) Type() ref.Type { return types.NewObjectType(callsName) }

// Value returns itself, of which fields are got.
func (c *callsValue) Value() any { return c }

func (c *callsValue) has(name string) bool {
	_, found, err := c.frame.vars.Lookup(callsName, name, "")
	return found || err != nil
}

func (c *callsValue) get(name string) (any, error) {
	return c.frame.keep(callsName, name, func() (any, error) {
		v, found, err := c.frame.vars.Lookup(callsName, name, "")
		if err != nil || !found {
			return nil, missing(callsName, name, "", err)
		}
		if list, ok := v.([]*Answer); ok {
			out := make([]ref.Val, len(list))
			for i, a := range list {
				out[i] = newCallValue(a, name)
			}
			return types.NewRefValList(adapter{}, out), nil
		}
		return newCallValue(v.(*Answer), name), nil
	})
}

// A callValue is one answer.
type callValue struct {
	ref.Val
	*Answer
	name   string
	fields ref.Val // the headers, once they were asked for
}

func newCallValue(a *Answer, name string) *callValue {
	return &callValue{Val: types.NullValue, Answer: a, name: name}
}

// Type returns the type of answers.
func (c *callValue) Type() ref.Type { return types.NewObjectType(callType) }

// Value returns itself, of which fields are got.
func (c *callValue) Value() any { return c }

func (c *callValue) get(name string) (any, error) {
	switch {
	case name == "ok":
		return types.Bool(c.OK), nil
	case name == "status" && c.Status != 0:
		return types.Int(c.Status), nil
	case name == "headers" && c.Header != nil:
		if c.fields == nil {
			c.fields = types.NewStringStringMap(adapter{}, lowerCase(c.Header))
		}
		return c.fields, nil
	case name == "body" && c.Body != nil:
		if c.Answer.body == nil {
			c.Answer.body = adapter{}.NativeToValue(c.Body)
		}
		return c.Answer.body, nil
	}
	return nil, &Missing{Ref{callsName, c.name, name}}
}

// lowerCase lists fields by name, of each name the first.
func lowerCase(h *wire.Header) map[string]string {
	out := map[string]string{}
	for name, value := range h.All() {
		name = strings.ToLower(name)
		if _, twice := out[name]; !twice {
			out[name] = value
		}
	}
	return out
}

func callHeader(of, name ref.Val) ref.Val {
	c := of.(*callValue)
	if c.Header == nil {
		return types.WrapErr(&Missing{Ref{callsName, c.name, "headers"}})
	}
	return types.String(c.Header.Get(string(name.(types.String))))
}

func callHeaderValues(of, name ref.Val) ref.Val {
	c := of.(*callValue)
	if c.Header == nil {
		return types.WrapErr(&Missing{Ref{callsName, c.name, "headers"}})
	}
	values := c.Header.Values(string(name.(types.String)))
	return types.NewStringList(adapter{}, slices.Clone(values))
}

// scopeIdent resolves item and index, and says whether name was one of the scope's.
func (r *resolver) scopeIdent(e ast.Expr, name string) bool {
	switch {
	case r.scope == nil || name != callsName && name != itemName && name != indexName:
		return false
	case name == callsName:
		r.fault(e, "calls is no value by itself; name one of them: %s", strings.Join(r.scope.names(), ", "))
	case !r.scope.Item:
		r.fault(e, "%s exists in a call with for_each only", name)
	}
	r.varies = true
	r.refs = append(r.refs, Ref{Root: name})
	return true
}

func (s *Scope) names() (out []string) {
	for name := range s.Calls {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// chooseCall resolves calls.NAME, which e is.
func (r *resolver) chooseCall(e ast.Expr) {
	s := e.AsSelect()
	r.varies = true
	many, ok := r.scope.Calls[s.FieldName()]
	if !ok {
		known := r.scope.names()
		r.fault(e, "there is no call %q%s", s.FieldName(), didYouMean(s.FieldName(), known, "; there is "+strings.Join(known, ", ")))
		return
	}
	r.refs = append(r.refs, Ref{Root: callsName, Field: s.FieldName()})
	if many && !s.IsTestOnly() {
		e.SetKindCase(literals.NewSelect(e.ID(), s.Operand(), s.FieldName()+each))
	}
}

func (r *resolver) isCalls(e ast.Expr, bound []string) bool {
	return r.scope != nil && e.Kind() == ast.IdentKind && e.AsIdent() == callsName && !slices.Contains(bound, callsName)
}

// noteCall has the operand of e resolved, and sharpens the reference to a call that it may be to the field that e names.
func (r *resolver) noteCall(e ast.Expr, bound []string, resolve func()) {
	s, before := e.AsSelect(), len(r.refs)
	resolve()
	o := s.Operand()
	if o.Kind() != ast.SelectKind || !r.isCalls(o.AsSelect().Operand(), bound) || len(r.refs) == before {
		return
	}
	last := &r.refs[len(r.refs)-1]
	last.Key = s.FieldName()
	if r.scope.Calls[last.Field] {
		r.fault(e, "calls.%s is a list, since the call has for_each; one answer of it is calls.%s[0], and all are calls.%s.map(c, c.%s)", last.Field, last.Field, last.Field, last.Key)
		return
	}
	for _, f := range callFields {
		if f.name == last.Key {
			return
		}
	}
	known := []string{"status", "ok", "headers", "body"}
	r.fault(e, "a call has no field %q%s", last.Key, didYouMean(last.Key, known, "; it has "+strings.Join(known, ", ")))
}

// plainSpan serves what is handed out as it was written: calls.NAME.body and item, with a path of names behind.
func plainSpan(e ast.Expr) func(Vars) (any, error) {
	root, path, ok := spanPath(e)
	if !ok || root != itemName && (len(path) < 2 || path[1] != "body" || strings.HasSuffix(path[0], each)) {
		return nil
	}
	if root == itemName {
		return func(v Vars) (any, error) {
			x, found, err := v.Lookup(itemName, "", "")
			if err != nil || !found {
				return nil, missing(itemName, "", "", err)
			}
			return into(x, Ref{Root: itemName}, path)
		}
	}
	return func(v Vars) (any, error) {
		x, found, err := v.Lookup(callsName, path[0], "")
		if err != nil || !found {
			return nil, missing(callsName, path[0], strings.Join(path[1:], "."), err)
		}
		a := x.(*Answer)
		if a.Body == nil {
			return nil, &Missing{Ref{callsName, path[0], "body"}}
		}
		return into(a.Body, Ref{callsName, path[0], "body"}, path[2:])
	}
}

// into goes on from x by names.
func into(x any, from Ref, path []string) (any, error) {
	if len(path) == 0 {
		return x, nil
	}
	raw, ok := x.(Raw)
	if ok {
		if at, found := jsonspan.Find(raw, path...); found {
			return Raw(at), nil
		}
	} else if m, err := intoDecoded(x, path); err == nil {
		return m, nil
	}
	from.Key = strings.TrimPrefix(from.Key+"."+strings.Join(path, "."), ".")
	return nil, &Missing{from}
}

func intoDecoded(x any, path []string) (any, error) {
	for _, name := range path {
		m, _ := asMap(x)
		v, ok := m[name]
		if !ok {
			return nil, &Missing{}
		}
		x = v
	}
	return x, nil
}

// spanPath reads e as a root of the scope with names behind it.
func spanPath(e ast.Expr) (root string, path []string, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		return name, nil, name == callsName || name == itemName
	case ast.SelectKind:
		s := e.AsSelect()
		root, path, ok = spanPath(s.Operand())
		return root, append(path, s.FieldName()), ok && !s.IsTestOnly()
	}
	return "", nil, false
}

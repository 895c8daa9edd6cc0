package expr

// Functions of cel-go that are bounded here: what they make can be larger by far than what they are given, and cel-go counts its cost only
// when it is there.

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxMade is the text, in bytes, that one function may make: more costs more than an expression may.
const maxMade = 10 * costLimit

func bounded() []cel.EnvOption {
	text, texts := cel.StringType, cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("join",
			cel.MemberOverload("list_join", []*cel.Type{texts}, text, cel.UnaryBinding(func(l ref.Val) ref.Val { return join(l, types.String("")) })),
			cel.MemberOverload("list_join_string", []*cel.Type{texts, text}, text, cel.BinaryBinding(join))),
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{text, text, text}, text,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val { return replace(args[0], args[1], args[2], types.Int(-1)) })),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{text, text, text, cel.IntType}, text,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val { return replace(args[0], args[1], args[2], args[3]) }))),
	}
}

func join(list, between ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	var b strings.Builder
	for it, first := l.Iterator(), true; it.HasNext() == types.True; first = false {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.WrapErr(errTexts)
		}
		if !first {
			b.WriteString(string(between.(types.String)))
		}
		if b.WriteString(string(s)); b.Len() > maxMade {
			return types.WrapErr(ErrLarge)
		}
	}
	return types.String(b.String())
}

var errTexts = errors.New("join takes a list of texts, and an item is none")

// replace replaces the first n of what is old, all for an n below zero.
func replace(of, old, by, n ref.Val) ref.Val {
	s, from, to, most := string(of.(types.String)), string(old.(types.String)), string(by.(types.String)), int(n.(types.Int))
	if more := len(to) - len(from); more > 0 {
		times := strings.Count(s, from)
		if most >= 0 {
			times = min(times, most)
		}
		if times > (maxMade-len(s))/more {
			return types.WrapErr(ErrLarge)
		}
	}
	return types.String(strings.Replace(s, from, to, most))
}

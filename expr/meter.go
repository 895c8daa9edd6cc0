package expr

// This file counts what evaluations do. cel-go counts too, but a call when it is over, and as one step where it cannot tell beforehand which of
// several functions will run, which holds for everything that comes out of a body: in such a call it may be a look at every item of two lists.
// So the calls that look at more than a few bytes are replaced by ones that pay for it first.

import (
	"errors"
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// maxWork is what one evaluation may do beside what cel-go counts, in steps: one is an item looked at or compared, or 16 bytes of text, and takes
// some 50 ns.
const maxWork = 500_000

// ErrCostly is what an evaluation fails with that does more than it may.
var ErrCostly = errors.New("it takes more work than an expression may")

// spend counts n steps, and ends the evaluation if they are too many: cel-go recovers what it panics with.
func (f *frame) spend(n int) {
	if f.left -= n; f.left < 0 {
		panic(interpreter.EvalCancelledError{Message: ErrCostly.Error(), Cause: interpreter.CostLimitExceeded})
	}
}

// frameName is the variable by which a call finds its frame. No expression can name it.
const frameName = "@frame"

func frameOf(ef *interpreter.ExecutionFrame) *frame {
	if v, ok := ef.ResolveName(frameName); ok {
		return v.(*frame)
	}
	return constantly() // while the expression is planned
}

// A work is how a function is counted.
type work struct {
	// price is what a call costs before it runs. b is nil for a call with one argument.
	price func(a, b ref.Val) int
	// run stands in place of cel-go's own function, and pays for itself.
	run func(f *frame, a, b ref.Val) ref.Val
}

// free are the functions that look at a few bytes whatever they are given, or are counted elsewhere.
var free = map[string]bool{
	operators.LogicalNot: true, operators.Negate: true, operators.NotStrictlyFalse: true, "__not_strictly_false__": true, operators.Subtract: true,
	operators.Multiply: true, operators.Divide: true, operators.Modulo: true, operators.Conditional: true, operators.Index: true,
	operators.LogicalAnd: true, operators.LogicalOr: true, "bool": true, "dyn": true, "type": true, "uuid": true, "header": true, "header_values": true,
	"getDate": true, "getDayOfMonth": true, "getDayOfWeek": true, "getDayOfYear": true, "getFullYear": true, "getHours": true, "getMilliseconds": true,
	"getMinutes": true, "getMonth": true, "getSeconds": true, "math.abs": true, "math.bitAnd": true, "math.bitNot": true, "math.bitOr": true,
	"math.bitShiftLeft": true, "math.bitShiftRight": true, "math.bitXor": true, "math.ceil": true, "math.floor": true, "math.isFinite": true,
	"math.isInf": true, "math.isNaN": true, "math.round": true, "math.sign": true, "math.sqrt": true, "math.trunc": true,
}

// works are the functions that cost something else than a look at what they are given.
var works = map[string]work{
	operators.Equals:        {run: func(f *frame, a, b ref.Val) ref.Val { return f.equal(a, b) }},
	operators.NotEquals:     {run: func(f *frame, a, b ref.Val) ref.Val { return types.Bool(f.equal(a, b) != types.True) }},
	operators.In:            {run: (*frame).in},
	"sort":                  {run: func(f *frame, a, _ ref.Val) ref.Val { return f.sortBy(a, a) }},
	"@sortByAssociatedKeys": {run: (*frame).sortBy},
	"distinct":              {run: (*frame).distinct},
	"flatten":               {run: (*frame).flatten},
	"hasOnly":               {run: func(f *frame, a, b ref.Val) ref.Val { return f.hasAll(b, a) }},
	"hasAll":                {run: (*frame).hasAll},
	"hasAny":                {run: (*frame).hasAny},
	"hasExactly":            {run: (*frame).hasExactly},
	"json":                  {run: func(f *frame, a, _ ref.Val) ref.Val { return f.toJSON(a) }},
	"merge":                 {run: (*frame).merge},
	"indexOf":               {price: product},
	"lastIndexOf":           {price: product},
	"size":                  {price: func(a, _ ref.Val) int { return int(textLen(a)) / 64 }},
	"lists.range":           {price: func(a, _ ref.Val) int { n, _ := a.(types.Int); return int(min(max(n, 0), math.MaxInt32)) }},
	operators.Add:           {price: func(a, b ref.Val) int { return (int(textLen(a)) + int(textLen(b))) / 16 }}, // lists are put side by side
}

// look is what it costs to look at a value once.
func look(v ref.Val) int {
	switch v := v.(type) {
	case types.String:
		return len(v) / 16
	case types.Bytes:
		return len(v) / 16
	case types.Int, types.Double, types.Bool, types.Null, nil:
		return 0
	case traits.Lister:
		return int(v.Size().(types.Int))
	}
	return 0
}

func looks(a, b ref.Val) int { return look(a) + look(b) }

// product is what it costs to look for one text at every place of another.
func product(a, b ref.Val) int {
	n, m := int(textLen(a)), int(textLen(b))
	return n/16 + min(n, math.MaxInt32)*(m/16)/16
}

// metered replaces the calls of a program by ones that are counted; impls are cel-go's functions, by overload and by name.
func metered(impls map[string]*functions.Overload) cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok || free[call.Function()] {
			return i, nil
		}
		args := call.Args()
		if len(args) == 0 || constant(args) || call.OverloadID() == overloads.InList && constant(args[1:]) {
			return i, nil // as large as the document makes it
		}
		m := &meteredCall{call: call, args: args, impl: impls[call.OverloadID()]}
		if m.impl == nil {
			m.impl = impls[call.Function()]
		}
		switch w, known := works[call.Function()]; {
		case call.Function() == "matches":
			return m, m.matching()
		case call.Function() == "format":
			m.run = m.format
		case known:
			m.work = w
		}
		if m.price == nil {
			m.price = looks
		}
		return m, nil
	})
}

func constant(args []interpreter.InterpretableV2) bool {
	for _, a := range args {
		if _, ok := a.(interpreter.InterpretableConst); !ok {
			return false
		}
	}
	return true
}

// format writes lists and maps, too, and is slow.
func (m *meteredCall) format(f *frame, text, list ref.Val) ref.Val {
	f.spend(8 * look(text))
	f.weigh(list, 10)
	res := m.do(text, list)
	f.spend(look(res))
	return res
}

// A meteredCall is a call that is counted before it runs. It hides that it is a call, lest cel-go replaces it.
type meteredCall struct {
	work
	call interpreter.InterpretableCall
	args []interpreter.InterpretableV2
	impl *functions.Overload
}

// ID returns that of the call.
func (m *meteredCall) ID() int64 { return m.call.ID() }

// Eval is Exec with variables.
func (m *meteredCall) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, m.Exec)
}

// Exec evaluates the arguments, pays and runs the function.
func (m *meteredCall) Exec(ef *interpreter.ExecutionFrame) ref.Val {
	if len(m.args) > 2 {
		return m.many(ef)
	}
	var a, b ref.Val
	if a = m.args[0].Exec(ef); types.IsUnknownOrError(a) {
		return a
	}
	if len(m.args) == 2 {
		if b = m.args[1].Exec(ef); types.IsUnknownOrError(b) {
			return b
		}
	}
	res := types.LabelErrNode(m.ID(), m.apply(ef, a, b))
	switch costs := ef.CostTracker(); {
	case costs == nil:
	case m.run != nil:
		costs.EvalUnary(ef, m.ID(), paid{}, a, res)
	case b == nil:
		costs.EvalUnary(ef, m.ID(), m.call, a, res)
	default:
		costs.EvalBinary(ef, m.ID(), m.call, a, b, res)
	}
	return res
}

// paid is a call that cel-go counts as one step, since it has paid for itself.
type paid struct{}

func (paid) Function() string   { return "" }
func (paid) OverloadID() string { return "" }

func (m *meteredCall) apply(ef *interpreter.ExecutionFrame, a, b ref.Val) ref.Val {
	switch {
	case m.run != nil && scalar(a) && scalar(b) && m.call.Function() == operators.Equals:
		return types.Equal(a, b)
	case m.run != nil:
		return m.run(frameOf(ef), a, b)
	}
	m.pay(ef, m.price(a, b))
	return m.made(ef, m.do(a, b))
}

// do is cel-go's own function.
func (m *meteredCall) do(a, b ref.Val) ref.Val {
	switch {
	case m.impl.OperandTrait != 0 && !a.Type().HasTrait(m.impl.OperandTrait):
		return types.NewErr("no such overload: %s", m.call.Function())
	case b == nil && m.impl.Unary != nil:
		return m.impl.Unary(a)
	case b == nil:
		return m.impl.Function(a)
	case m.impl.Binary != nil:
		return m.impl.Binary(a, b)
	}
	return m.impl.Function(a, b)
}

func (m *meteredCall) many(ef *interpreter.ExecutionFrame) ref.Val {
	args := make([]ref.Val, len(m.args))
	n := 0
	for i := range m.args {
		if args[i] = m.args[i].Exec(ef); types.IsUnknownOrError(args[i]) {
			return args[i]
		}
		if i > 1 {
			n += look(args[i])
		}
	}
	m.pay(ef, n+m.price(args[0], args[1]))
	res := m.made(ef, types.LabelErrNode(m.ID(), m.impl.Function(args...)))
	if costs := ef.CostTracker(); costs != nil {
		costs.EvalVarArgs(ef, m.ID(), m.call, args, res)
	}
	return res
}

// made pays for what a function made, which is kept.
func (m *meteredCall) made(ef *interpreter.ExecutionFrame, res ref.Val) ref.Val {
	if m.call.Function() != operators.Add {
		m.pay(ef, look(res))
	}
	return res
}

func (m *meteredCall) pay(ef *interpreter.ExecutionFrame, n int) {
	if n > 0 {
		frameOf(ef).spend(n)
	}
}

// scalar says whether v is of one piece; nil is.
func scalar(v ref.Val) bool {
	switch v.(type) {
	case types.String, types.Int, types.Bool, types.Double, types.Null, types.Uint, types.Timestamp, types.Duration, nil:
		return true
	}
	return false
}

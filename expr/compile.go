package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/containers"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"

	"sallyport/schema"
)

// Bounds of what one expression may be and cost. costLimit is in cel-go's units, of which a look-up or comparison takes about one and
// a scan of text one for every ten bytes. One takes up to half a microsecond; what calls do beyond that is counted in meter.go.
const (
	maxSource = 16 << 10
	maxNodes  = 10_000
	costLimit = 100_000
	maxRegexp = 10_000 // instructions
)

// A language is cel-go set up for one set of variables.
type language struct {
	env     *cel.Env
	parser  *parser.Parser
	checker *checker.Env
	metered cel.ProgramOption
}

// The languages, made at first use: a document without expressions does not pay for them.
var (
	requestSide  = sync.OnceValue(func() *language { return newLanguage(roots[:len(roots)-1]) })
	responseSide = sync.OnceValue(func() *language { return newLanguage(roots) })
	scopedSide   = sync.OnceValue(func() *language { return newLanguage(roots[:len(roots)-1], scopeVariables()...) })
)

// newLanguage panics on errors, which would be mistakes in this package's own declarations.
func newLanguage(roots []*root, more ...cel.EnvOption) *language {
	provider := rootTypes{types.NewEmptyRegistry()}
	options := []cel.EnvOption{
		cel.CustomTypeProvider(provider), cel.CustomTypeAdapter(adapter{}),
		cel.StdLib(), ext.Strings(), ext.Lists(), ext.Math(), cel.RegexProgramSizeLimit(maxRegexp),
		cel.Variable("now", cel.TimestampType),
	}
	for _, r := range roots {
		options = append(options, cel.Variable(r.name, cel.ObjectType(r.name)))
	}
	env := must(cel.NewCustomEnv(append(slices.Concat(options, ourFunctions(), bounded()), more...)...))
	l := &language{env: env, checker: must(checker.NewEnv(containers.DefaultContainer, provider, checker.CrossTypeNumericComparisons(true)))}
	l.parser = must(parser.NewParser(parser.Macros(env.Macros()...), parser.EnablePrattParser(true),
		parser.ExpressionSizeCodePointLimit(maxSource), parser.MaxExpressionNodeCount(maxNodes), parser.MaxRecursionDepth(100)))
	must(0, l.checker.AddIdents(env.Variables()...))
	impls := map[string]*functions.Overload{}
	for _, f := range env.Functions() {
		must(0, l.checker.AddFunctions(f))
		for _, o := range must(f.Bindings()) {
			impls[o.Operator] = o
		}
	}
	l.metered = metered(impls)
	return l
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("expr: " + err.Error())
	}
	return v
}

// A compiler compiles the expressions of one place.
type compiler struct {
	response bool
	outside  *schema.Outside
	scope    *Scope // nil for none
	dir      string
	always   bool // run all in the interpreter, for comparing with it
}

func newCompiler(options []Option) *compiler {
	c := new(compiler)
	for _, o := range options {
		o(c)
	}
	return c
}

func (c *compiler) language() *language {
	switch {
	case c.scope != nil:
		return scopedSide()
	case c.response:
		return responseSide()
	}
	return requestSide()
}

// compile takes src through all steps: parse, fold what comes from outside, check names, check types, and choose how to run it.
func (c *compiler) compile(src string, want Type) (*program, error) {
	if strings.TrimSpace(src) == "" {
		return nil, &Error{Msg: "the expression is empty"}
	}
	l := c.language()
	source := common.NewTextSource(respell(src))
	parsed, errs := l.parser.Parse(source)
	if err := celFaults(src, errs); err != nil {
		return nil, err
	}
	r := &resolver{compiler: c, language: l, ast: parsed, src: src}
	if r.expr(parsed.Expr(), nil); len(r.faults) > 0 {
		return nil, r.faults
	}
	checked, errs := checker.Check(parsed, source, l.checker)
	if err := celFaults(src, errs); err != nil {
		return nil, err
	}
	if err := fits(want, checked); err != nil {
		return nil, err
	}
	p := &program{src: src, want: want, refs: r.refs, scoped: c.scope != nil, secret: r.out}
	return p, p.prepare(l, checked, r.varies, c.always)
}

// prepare chooses how to run the expression: as a constant, plainly or with the interpreter.
func (p *program) prepare(l *language, a *ast.AST, varies, always bool) error {
	if varies && !always && p.plain(a) {
		return nil
	}
	run, err := l.env.PlanProgram(a, cel.EvalOptions(cel.OptOptimize), l.metered, cel.CostTracking(costs{}), cel.CostLimit(costLimit))
	if err == nil && !varies {
		p.value, err = interpret(run, nil)
	}
	if err != nil && p.secret {
		err = discreet(err)
	}
	if err != nil {
		return &Error{Msg: plainWords(err.Error())}
	}
	if p.run = run; varies {
		return nil
	}
	p.constant = true
	return nil
}

// fits says whether the checked expression makes what is wanted.
func fits(want Type, a *ast.AST) error {
	t := a.GetType(a.Expr().ID())
	ok := true
	switch t.Kind() {
	case types.DynKind, types.AnyKind:
	case types.BoolKind:
		ok = want != Number
	case types.IntKind, types.UintKind, types.DoubleKind:
		ok = want != Bool
	case types.StringKind, types.TimestampKind, types.DurationKind, types.BytesKind:
		ok = want == Any || want == Text
	case types.StructKind:
		return &Error{Msg: fmt.Sprintf("%s is no value by itself; name one of its fields", t.TypeName())}
	case types.TypeKind, types.OpaqueKind, types.ErrorKind:
		return &Error{Msg: fmt.Sprintf("the expression makes %s, which cannot leave it", typeName(t))}
	default:
		ok = want == Any
	}
	if ok {
		return nil
	}
	return &Error{Msg: fmt.Sprintf("the expression makes %s where %s is wanted", typeName(t), want)}
}

func typeName(t *types.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "text"
	case types.BoolKind:
		return "true or false"
	case types.NullTypeKind:
		return "null"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "a number"
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a map"
	case types.TimestampKind:
		return "a time"
	case types.DurationKind:
		return "a duration"
	}
	return "a value of type " + cel.FormatCELType(t)
}

// celFaults turns what cel-go found wrong into our errors.
func celFaults(src string, errs *common.Errors) error {
	var out Faults
	for _, e := range errs.GetErrors() {
		at := byteAt(src, e.Location.Line(), e.Location.Column())
		msg := plainWords(e.Message)
		if strings.HasPrefix(src[at:], "=") {
			msg += "; whether two values are equal is asked with =="
		}
		out = append(out, &Error{At: nameAt(src, at), Msg: msg})
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// byteAt is the byte of src at a line, from 1, and a column in characters, from 0.
func byteAt(src string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(src[at:], '\n')
		if n < 0 {
			return at
		}
		at += n + 1
	}
	for i := range src[at:] {
		if column <= 0 {
			return at + i
		}
		column--
	}
	return len(src)
}

// nameAt moves from the dot or parenthesis that the parser tells to the name that is meant.
func nameAt(src string, at int) int {
	switch {
	case strings.HasPrefix(src[at:], "."):
		return len(src) - len(strings.TrimLeft(src[at+1:], " \t\r\n\f"))
	case strings.HasPrefix(src[at:], "("):
		end := len(strings.TrimRight(src[:at], " \t\r\n\f"))
		begin := end
		for begin > 0 && isLetter(src[begin-1]) {
			begin--
		}
		if begin < end {
			return begin
		}
	}
	return at
}

var (
	operator = regexp.MustCompile(`'[_@]?(\[_\]|[!<>=&|+*/%?:-]+|!?in|-)_?:?_?'`)
	inside   = strings.NewReplacer(" (in container '')", "", "'"+inName+"'", "'in'", "Syntax error: ", "syntax error: ", "mismatched input '<EOF>' expecting", "the expression ends where there should be more:")
)

// plainWords takes cel-go's inner names out of a message.
func plainWords(msg string) string {
	return operator.ReplaceAllStringFunc(inside.Replace(msg), func(s string) string {
		return "'" + strings.Trim(s, "'_@") + "'"
	})
}

package expr

// Regular expressions (RE2) take time in proportion to the text, and to the size of the expression: both are paid for.

import (
	"fmt"
	"math"
	"regexp"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// A pattern is a compiled regular expression.
type pattern struct {
	text string
	re   *regexp.Regexp
	size int // in instructions
}

func compilePattern(text string) (*pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	size, err := types.RegexProgramSize(text)
	if err == nil && size > maxRegexp {
		err = fmt.Errorf("regex program size %d exceeds limit of %d", size, maxRegexp)
	}
	return &pattern{text, re, size}, err
}

// matching makes m run a regular expression; one that stands in the document is compiled now.
func (m *meteredCall) matching() error {
	var always *pattern
	if c, ok := m.args[1].(interpreter.InterpretableConst); ok {
		text, _ := c.Value().(types.String)
		p, err := compilePattern(string(text))
		if err != nil {
			return err
		}
		always = p
	}
	m.run = func(f *frame, of, by ref.Val) ref.Val {
		s, ok := of.(types.String)
		text, okay := by.(types.String)
		if !ok || !okay {
			return types.NoSuchOverloadErr()
		}
		p := always
		if p == nil {
			var err error
			if p, err = f.pattern(string(text)); err != nil {
				return types.WrapErr(err)
			}
		}
		if n := min(len(s), math.MaxInt32) * p.size / 8; n > 16 {
			f.spend(n)
		}
		return types.Bool(p.re.MatchString(string(s)))
	}
	return nil
}

// pattern compiles a regular expression that came with the request, which takes up to a millisecond.
func (f *frame) pattern(text string) (*pattern, error) {
	if f.last != nil && f.last.text == text {
		return f.last, nil
	}
	f.spend(500 + len(text))
	p, err := compilePattern(text)
	if err != nil {
		return nil, err
	}
	f.spend(5 * p.size)
	f.last = p
	return p, nil
}

package validate

import (
	"strings"
	"testing"
)

// What is wrong takes memory until it is told, so a body has a bounded number of values.
func TestManyValues(t *testing.T) {
	v, _, _ := made(t, "{values: 4, request: {schema: {}}}")
	for body, want := range map[string]int{`[1,2,3]`: 0, `{"a":1,"b":[2]}`: 0, `[1,2,3,4]`: 1, `[[[[[]]]]]`: 1, `{"a":1,"b":[2,3]}`: 1} {
		_, err := v.judge(ask(body))
		if got := said(err); len(got) != want || want > 0 && got[0] != ": It has more than the 4 values that are taken here, or as many that are judged several times." {
			t.Errorf("%s: %q", body, got)
		}
	}
	v, _, _ = made(t, "{request: {schema: {$defs: {n: {oneOf: [{type: array, items: {$ref: '#/$defs/n'}}, {type: [array, integer], items: {$ref: '#/$defs/n'}}]}}, $ref: '#/$defs/n'}}}")
	if _, err := v.judge(ask(strings.Repeat("[", 6) + strings.Repeat(`"",`, 20_000) + `""` + strings.Repeat("]", 6))); len(said(err)) != 1 || !strings.Contains(said(err)[0], "several times") {
		t.Errorf("%q", said(err))
	}
	v, _, _ = made(t, "{request: {schema: {items: {anyOf: [{type: string}, {type: boolean}]}}}}")
	if _, err := v.judge(ask("[" + strings.Repeat("1,", 500_000) + "1]")); len(said(err)) != 1 {
		t.Errorf("%q", said(err))
	}
}

// White space around a number makes it a text, also to those who would count with it.
func TestNumbersInText(t *testing.T) {
	for _, c := range []struct {
		text  string
		whole bool
	}{{"1", true}, {"-1", true}, {"1e2", true}, {"1 ", false}, {" 1", false}, {"1\r\n", false}, {"1\t", false}, {"1.", false}, {"-", false}, {"", false}, {"1 2", false}, {"0x1", false}, {"01", false}} {
		if got := numeric(c.text); got != c.whole {
			t.Errorf("%q: %t", c.text, got)
		}
	}
	v, errs, _ := made(t, "{query: {properties: {n: {type: number, maximum: 10}}}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := ask("")
	x.Request.Query = "n=1%20"
	if _, err := v.judge(x); len(said(err)) != 1 {
		t.Errorf("%v", err)
	}
}

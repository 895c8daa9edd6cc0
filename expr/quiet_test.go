package expr

import (
	"strings"
	"testing"
)

// What an expression looked at stands in no error: those are for logs.
func TestErrorsQuoteNothing(t *testing.T) {
	const secret = "TOP-SECRET("
	for _, c := range []struct{ src, want string }{
		{`{"a": 1}[request.header("x")] == 1`, `there is no entry "…"`},
		{`request.headers[request.header("x")] == ""`, `there is no entry "…"`},
		{`timestamp(request.header("x")) < now`, "invalid RFC 3339 timestamp …"},
		{`duration(request.header("x")) < duration("1s")`, "duration"},
		{`"x".matches(request.header("x"))`, "parsing regexp"},
		{`ip(request.header("x")).in("10.0.0.0/8")`, "… is no IP address"},
		{`int(request.header("x")) > 1`, "int"},
		{`bool(request.header("x"))`, "bool"},
		{`request.body[request.header("x")] == 1`, "…"},
		{`dyn({request.header("x"): 1}).a == 1`, "there is no"},
		{`request.headers["not-there"] == ""`, `"not-there"`},
	} {
		v := newGiven()
		v["request"]["headers"] = map[string]any{"x": secret}
		v["request"]["body"] = map[string]any{"a": 1}
		e, err := Compile(c.src, Any)
		if err != nil {
			t.Fatalf("%s: %v", c.src, err)
		}
		_, err = e.Value(v)
		switch {
		case err == nil:
			t.Errorf("%s: no error", c.src)
		case strings.Contains(err.Error(), "SECRET"):
			t.Errorf("%s: %v", c.src, err)
		case !strings.Contains(strings.TrimPrefix(err.Error(), "evaluating"), c.want):
			t.Errorf("%s: got %v, want %s", c.src, err, c.want)
		}
	}
}

package intruders

import (
	"fmt"
	"strings"
	"testing"
)

// A query has a bound, and is not taken apart in two ways.
func manyParameters(t *testing.T, l *lab) {
	var many strings.Builder
	for n := range 1500 {
		_, _ = fmt.Fprintf(&many, "a%d=x&", n)
	}
	for _, q := range []string{many.String() + "api_key=" + goodKey, "%zz", "%", "a=%f", "api_key=x&" + many.String() + "api_key=" + goodKey} {
		r := l.ask(t, request{target: "/query?" + q})
		if r.status < 400 || r.status >= 500 || len(r.reached) > 0 {
			if len(r.reached) != 1 || strings.Contains(r.reached[0].RequestURI, goodKey) {
				t.Errorf("%.30s: %v", q, r)
			}
		}
	}
	for _, q := range []string{"a=1;b=2", "a&b", "=", "&&", "a=1&a=2", "%41=1"} {
		if r := l.ask(t, request{target: "/public/x?" + q}); r.status != 400 && (r.status != 200 || !strings.HasSuffix(r.reached[0].RequestURI, "?"+q)) {
			t.Errorf("%s: %v", q, r)
		}
	}
}

package balance

import (
	"testing"

	"sallyport/schema"
)

func TestRetryExplained(t *testing.T) {
	for _, c := range []struct{ yaml, method, want string }{
		{"{}", "GET", "1 more try on connect_failure, reset, 502, 503, 504"},
		{"{}", "POST", "1 more try on connect_failure only, since POST may not be made twice"},
		{"{ attempts: 2, on: [5xx, timeout] }", "PUT", "2 more tries on 5xx, timeout"},
		{"{ attempts: 2, on: [5xx] }", "POST", "none for POST"},
		{"0", "GET", "none, but for targets that no connection can be made to"},
	} {
		n, errs := schema.Parse("c", []byte(c.yaml))
		var r Retry
		if errs = append(errs, schema.Of[Retry]().Decode(n, &r, "retry")...); len(errs) > 0 {
			t.Fatal(errs)
		}
		if got := r.Explain(c.method); got != c.want {
			t.Errorf("%s for %s: got %q, want %q", c.yaml, c.method, got, c.want)
		}
	}
}

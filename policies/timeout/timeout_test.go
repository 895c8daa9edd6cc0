package timeout

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t *testing.T, yaml string) (policy.Policy, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "timeout", &plug.Env{})
}

func TestEarliestDeadlineCounts(t *testing.T) {
	for _, c := range []struct {
		name, yaml   string
		before, want time.Duration // from now; 0 is none
	}{
		{"none before", "2s", 0, 2 * time.Second},
		{"a later one before", "{after: 2s}", time.Minute, 2 * time.Second},
		{"an earlier one before", "2s", time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, errs := made(t, c.yaml)
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				var x policy.Exchange
				if c.before > 0 {
					x.Deadline = time.Now().Add(c.before)
				}
				before := x.Deadline
				_, _ = p.Handle(&x, func(x *policy.Exchange) (*wire.Response, error) {
					if got := time.Until(x.Deadline); got != c.want {
						t.Errorf("the deadline is in %v, want %v", got, c.want)
					}
					return nil, nil
				})
				if x.Deadline != before {
					t.Error("the deadline is not put back")
				}
			})
		})
	}
}

func TestConfigErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":    `timeout: "after" is missing`,
		"0s":    "the least is 1ms",
		"none":  "the least is 1ms",
		"2":     "write a duration such as 250ms",
		"[2s]":  "a list is given",
		"later": "write a duration",
	} {
		_, errs := made(t, yaml)
		if got := errs.Error(); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", yaml, got, want)
		}
	}
}

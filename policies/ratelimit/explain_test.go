package ratelimit

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"sallyport/problem"
)

// What is explained is what happens next, and takes nothing.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		yaml string
		want []string // of each request: refused, and a part of what is said
	}{
		{"2/min", []string{"2 left, 1 after", "1 left, 0 after", "! 0 left; all of them in 1m"}},
		{"{limits: [1/s, 5/min]}", []string{"1 left, 0 after", "! 0 left"}},
		{"{rate: 1/s, algorithm: fixed_window, dry_run: true}", []string{"1 left", "it would be refused, and passes"}},
		{"{rate: 1/s, on_limit: delay}", []string{"1 left", "held back: 1s", "held back: 1s"}},
		{"{rate: 10/s, cost: 4}", []string{"cost: 4", "2 after", "! 2 left"}},
		{`{rate: 1/s, per: "header:X-Key"}`, []string{"since there is no header X-Key"}},
		{`{rate: 1/s, per: "request.method"}`, []string{`per request.method "GET"`}},
	} {
		t.Run(c.yaml, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newWorld().made(t, c.yaml).(*limiter)
				for i, want := range c.want {
					l.Explain(exchange())
					v := l.Explain(exchange())
					said := v.Why + "; " + fmt.Sprint(v.Facts)
					for _, f := range v.Facts {
						said += "; " + f.Name + ": " + f.Value
					}
					part, refused := strings.CutPrefix(want, "! ")
					if refused != (v.Err != nil) || !strings.Contains(said, part) {
						t.Fatalf("request %d: got %q, %v, want %q", i, said, v.Err, want)
					}
					if strings.Contains(want, "held back") {
						continue // it would take its time
					}
					_, err := l.Handle(exchange(), ok)
					if refused != (err != nil) {
						t.Fatalf("request %d: got %v", i, err)
					}
					if refused && problem.From(err).Error() != problem.From(v.Err).Error() {
						t.Errorf("request %d: explained as %v, got %v", i, v.Err, err)
					}
				}
			})
		})
	}
}

package schema

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestUnits(t *testing.T) {
	const bad = "error"
	duration := func(s string) (string, error) { d, err := ParseDuration(s); return FormatDuration(d), err }
	size := func(s string) (string, error) { v, err := ParseSize(s); return v.String(), err }
	rate := func(s string) (string, error) { v, err := ParseRate(s); return v.String(), err }
	percent := func(s string) (string, error) { v, err := ParsePercent(s); return v.String(), err }
	for _, c := range []struct {
		name     string
		parse    func(string) (string, error)
		in, want string
	}{
		{"duration", duration, "250ms", "250ms"},
		{"duration", duration, "90s", "1m30s"},
		{"duration", duration, "1h30m", "1h30m"},
		{"duration", duration, "1.5h", "1h30m"},
		{"duration", duration, "30d", "30d"},
		{"duration", duration, "none", "0s"},
		{"duration", duration, "0s", "0s"},
		{"duration", duration, "10us", "10us"},
		{"duration", duration, "10µs", "10us"},
		{"duration", duration, "5", bad},
		{"duration", duration, "0", bad},
		{"duration", duration, "", bad},
		{"duration", duration, "-5s", bad},
		{"duration", duration, "+5s", bad},
		{"duration", duration, "5 s", bad},
		{"duration", duration, "5s ", bad},
		{"duration", duration, "1s1h", bad},
		{"duration", duration, "1s1s", bad},
		{"duration", duration, "1.s", bad},
		{"duration", duration, ".5s", bad},
		{"duration", duration, "1e3s", bad},
		{"duration", duration, "1y", bad},
		{"duration", duration, "s", bad},
		{"duration", duration, "1000000d", bad},
		{"duration", duration, strings.Repeat("9", 400) + "s", bad},
		{"size", size, "64KiB", "64KiB"},
		{"size", size, "10MiB", "10MiB"},
		{"size", size, "1.5GiB", "1536MiB"},
		{"size", size, "1000", "1000"},
		{"size", size, "1kB", "1000"},
		{"size", size, "1MB", "1000000"},
		{"size", size, "5B", "5"},
		{"size", size, "0", "0"},
		{"size", size, "none", "none"},
		{"size", size, "", bad},
		{"size", size, "KiB", bad},
		{"size", size, "0.3", bad},
		{"size", size, "-1", bad},
		{"size", size, "1k", bad},
		{"size", size, "1 KiB", bad},
		{"size", size, "99999999999GiB", bad},
		{"rate", rate, "100/s", "100/s"},
		{"rate", rate, "100/min", "100/min"},
		{"rate", rate, "5000/hour", "5000/hour"},
		{"rate", rate, "1000/day", "1000/day"},
		{"rate", rate, "0/s", bad},
		{"rate", rate, "-1/s", bad},
		{"rate", rate, "+1/s", bad},
		{"rate", rate, "1.5/s", bad},
		{"rate", rate, "1/month", bad},
		{"rate", rate, "1", bad},
		{"rate", rate, "/s", bad},
		{"rate", rate, "99999999999999999999/s", bad},
		{"percent", percent, "50%", "50%"},
		{"percent", percent, "0.5%", "0.5%"},
		{"percent", percent, "0%", "0%"},
		{"percent", percent, "100%", "100%"},
		{"percent", percent, "101%", bad},
		{"percent", percent, "50", bad},
		{"percent", percent, "%", bad},
		{"percent", percent, "-1%", bad},
	} {
		got, err := c.parse(c.in)
		if err != nil {
			got = bad
		}
		if got != c.want {
			t.Errorf("%s %.40q: got %s (%v), want %s", c.name, c.in, got, err, c.want)
		}
	}
	if fmt.Sprint(Rate{3, time.Minute}) != "3/min" || Unlimited != math.MaxInt64 {
		t.Error("the zero values or names are wrong")
	}
}

func TestAppendJSON(t *testing.T) {
	n, errs := Parse("f", []byte(`{b: 1.10, a: [~, True, "<é>&\n"], c: 0x1f, d: {}}`))
	const want = `{"b":1.10,"a":[null,true,"<é>&\n"],"c":"0x1f","d":{}}`
	if got := string(AppendJSON(nil, n)); got != want || len(errs) > 0 {
		t.Errorf("%v\ngot  %s\nwant %s", errs, got, want)
	}
}

package schema

import (
	"testing"
	"time"
)

// What is no map where one is wanted: the way out is told with what was written.
func TestInsteadOfMap(t *testing.T) {
	type pool struct {
		Targets []string `json:"targets" required:"true" doc:"Where."`
		Weight  int      `json:"weight" default:"1" doc:"How much."`
	}
	type wait struct {
		Duration time.Duration `json:"duration" required:"true" doc:"How long."`
	}
	type all struct {
		U    *pool `json:"u" doc:"A pool."`
		Wait *wait `json:"wait" doc:"A time."`
	}
	const wanted = " is given where a map of settings is wanted; "
	for _, c := range []struct{ name, in, want string }{
		{"text", "u: http://a:1", "f:1:4: u: a string" + wanted + "write { targets: [http://a:1] }"},
		{"a password", "u: http://a:b@c", "f:1:4: u: a string" + wanted + "write { targets: […] }"},
		{"a list", "u: [x]", "f:1:4: u: a list" + wanted + "write { targets: […] }"},
		{"no list", "wait: 5s", "f:1:7: wait: a string" + wanted + "the settings here are duration"},
		{"a type of the setting's name", "wait: {}", `f:1:7: wait: "duration" is missing: How long.`},
	} {
		n, errs := Parse("f", []byte(c.in+"\n"))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		var into all
		if got := Of[all]().Decode(n, &into, "").Error(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

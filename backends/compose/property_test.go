package compose

// Random graphs, answers and failures, composed by the backend and by a slow model of it that makes one call after the other.

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// A plan is a graph as the model knows it. The calls are in the order of the graph.
type plan struct {
	calls   []planned
	merge   bool
	objects string // as the setting has it
	arrays  string
}

type planned struct {
	name    string
	level   int
	from    int // the call whose id stands in the path, -1 for none
	when    int // the call that must be ok, -1 for none
	each    int // the call whose items it is made for, -1 for none
	onError outcome
	accepts bool // 404
}

func randomPlan(r *rand.Rand) plan {
	p := plan{merge: r.IntN(3) == 0, objects: [...]string{"deep", "shallow", "error"}[r.IntN(3)], arrays: [...]string{"concat", "replace"}[r.IntN(2)]}
	before := 0
	for level := range 1 + r.IntN(3) {
		n := 1 + r.IntN(3)
		for i := range n {
			c := planned{name: fmt.Sprintf("c%d%d", level, i), level: level, from: -1, when: -1, each: -1, onError: outcome(r.IntN(3)), accepts: r.IntN(3) == 0}
			if level > 0 {
				last := before - 1 - r.IntN(p.width(level-1)) // one of the level before, so that this one is of its own
				refer := []*int{&c.from, &c.when, &c.each}
				*refer[r.IntN(3)] = last
				if r.IntN(3) == 0 {
					*refer[r.IntN(2)] = r.IntN(before)
				}
				if k := c.each; k >= 0 && p.calls[k].each >= 0 {
					c.each, c.when = -1, k
				}
				if k := c.from; k >= 0 && p.calls[k].each >= 0 {
					c.from, c.when = -1, k
				}
			}
			p.calls = append(p.calls, c)
		}
		before = len(p.calls)
	}
	return p
}

func (p *plan) width(level int) (n int) {
	for _, c := range p.calls {
		if c.level == level {
			n++
		}
	}
	return n
}

// ok is how an expression asks whether a call is.
func (p *plan) ok(i int) string {
	if p.calls[i].each >= 0 {
		return "size(calls." + p.calls[i].name + ") > 0"
	}
	return "calls." + p.calls[i].name + ".ok"
}

func (p *plan) document() string {
	var b strings.Builder
	b.WriteString("calls:\n")
	for _, c := range p.calls {
		fmt.Fprintf(&b, "  %s:\n    upstream: s\n    path: \"/%s", c.name, c.name)
		if c.from >= 0 {
			fmt.Fprintf(&b, "/${calls.%s.body.id}", p.calls[c.from].name)
		}
		if c.each >= 0 {
			b.WriteString("/${item}")
		}
		b.WriteString("\"\n")
		if c.when >= 0 {
			fmt.Fprintf(&b, "    when: %s\n", p.ok(c.when))
		}
		if c.each >= 0 {
			fmt.Fprintf(&b, "    for_each: ${calls.%s.body.items}\n    concurrency: 2\n", p.calls[c.each].name)
		}
		fmt.Fprintf(&b, "    on_error: %s\n", [...]string{"fail", "omit", "{ default: { id: d, items: [x] } }"}[c.onError])
		if c.accepts {
			b.WriteString("    accept: [404]\n")
		}
	}
	if p.merge {
		fmt.Fprintf(&b, "merge: { objects: %s, arrays: %s, of: [", p.objects, p.arrays)
		for _, c := range p.calls {
			b.WriteString(c.name + ", ")
		}
		b.WriteString("] }\n")
		return b.String()
	}
	b.WriteString("body:\n")
	for _, c := range p.calls {
		value := "calls." + c.name + ".body"
		if c.each >= 0 {
			value = "calls." + c.name + ".map(c, c.body)"
		}
		fmt.Fprintf(&b, "  %s: ${%s}\n", c.name, value)
	}
	return b.String()
}

// answers is what the services of one seed say.
func answers(seed uint64) func(path string) (int, string) {
	return func(path string) (int, string) {
		h := fnv.New64a()
		fmt.Fprint(h, seed, path)
		n := h.Sum64() >> 8
		switch n % 16 {
		case 0:
			return 500, ""
		case 1:
			return 404, `{"id": "missing" , "items":[]}`
		case 2:
			return 0, ""
		case 3:
			return 200, `{"id":1,"id":2}`
		case 4:
			return 206, `{"items": [ "q" ]}`
		}
		return 200, fmt.Sprintf(`{ "z": 1.%d0, "id":"%d", "items":["a/b" , %d,"c"], "n": 9007199254740993}`, n%7, n%5, n%9)
	}
}

// TestOneOutcome compares, for as many graphs as SALLYPORT_GRAPHS says, each composed as often as SALLYPORT_TIMES says, with other delays each time. Without them it is 300
// graphs, of which every 20th is composed 1,000 times.
func TestOneOutcome(t *testing.T) {
	graphs, often := given("SALLYPORT_GRAPHS", 300), given("SALLYPORT_TIMES", 0)
	composed, served, failures := 0, 0, 0
	for seed := range uint64(graphs) { //nolint:gosec // no number is negative
		times := often
		switch {
		case times > 0:
		case seed%20 == 0:
			times = 1000
		default:
			times = 4
		}
		r := rand.New(rand.NewPCG(seed, 1))
		p := randomPlan(r)
		doc := p.document()
		want := p.model(answers(seed))
		if composed += times; strings.HasPrefix(want, "200 ") {
			served++
		} else {
			failures++
		}
		synctest.Test(t, func(t *testing.T) {
			s := &services{answer: answers(seed), delay: random(r)}
			h := made(t, s, doc)
			for range times {
				x := exchange("/")
				resp, err := h(x)
				if got := told(x, resp, err); got != want {
					t.Fatalf("seed %d:\n%s\ngot  %s\nwant %s", seed, doc, got, want)
				}
			}
		})
	}
	t.Logf("%d compositions of %d graphs, of which %d are answers and %d are failures", composed, graphs, served, failures)
	if graphs >= 300 && (served < graphs/10 || failures < graphs/10) {
		t.Error("the graphs are all alike")
	}
}

// given is what the environment says, n where it says nothing.
func given(name string, n int) int {
	if said, err := strconv.ParseUint(os.Getenv(name), 10, 31); err == nil {
		return int(said) //nolint:gosec // 31 bits
	}
	return n
}

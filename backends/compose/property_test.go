package compose

// Random graphs, answers and failures, composed by the backend and by a slow model of it that makes one call after the other.

import (
	"encoding/json"
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
	calls []planned
	merge bool
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
	p := plan{merge: r.IntN(4) == 0}
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
		b.WriteString("merge: { arrays: concat, of: [")
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

// A result is what the model knows of a call.
type result struct {
	ok, absent, partial bool
	body                string   // "" for none
	list                []string // of a repeated call
}

// model makes the calls one by one.
func (p *plan) model(answer func(string) (int, string)) string {
	all := make([]result, len(p.calls))
	for i, c := range p.calls {
		r := &all[i]
		wrong := p.call(c, all, answer, r)
		if wrong != "" {
			return "502 compose_failed The call " + c.name + " " + wrong + "."
		}
	}
	return p.answer(all)
}

// call makes one call, and returns why it failed if it must not.
func (p *plan) call(c planned, all []result, answer func(string) (int, string), r *result) (wrong string) {
	if c.when >= 0 {
		w := all[c.when]
		if holds := w.ok || p.calls[c.when].each >= 0 && len(w.list) > 0; !holds {
			r.absent = true
			return ""
		}
	}
	path := "/" + c.name
	lacks := false
	if c.from >= 0 {
		id, found := member(all[c.from].body, "id")
		if path += "/" + id; !found {
			lacks = true
		}
	}
	if c.each < 0 {
		if lacks {
			return c.fails(r, "cannot be made of what the others answered")
		}
		return c.send(path, answer, r)
	}
	items, found := list(all[c.each].body)
	if !found {
		r.partial = c.onError != fail
		return []string{"cannot be made of what the others answered", "", ""}[c.onError]
	}
	for _, item := range items {
		one := result{}
		if lacks {
			wrong = c.fails(&one, "cannot be made of what the others answered")
		} else {
			wrong = c.send(path+"/"+item, answer, &one)
		}
		if wrong != "" {
			return wrong
		}
		r.partial = r.partial || one.partial
		if !one.absent {
			r.list = append(r.list, one.body)
		}
	}
	return ""
}

func (c planned) send(path string, answer func(string) (int, string), r *result) string {
	status, body := answer(path)
	switch {
	case status == 0:
		return c.fails(r, "got no answer")
	case status == 404 && c.accepts:
	case status >= 300:
		return c.fails(r, "was answered with "+strconv.Itoa(status))
	case strings.HasPrefix(body, `{"id":1,"id"`):
		return c.fails(r, "was answered with what is no good JSON")
	}
	r.ok, r.body = status < 300, body
	return ""
}

func (c planned) fails(r *result, why string) string {
	switch c.onError {
	case fail:
		return why
	case omit:
		r.partial, r.absent = true, true
	default:
		r.partial, r.body = true, `{"id":"d","items":["x"]}`
	}
	return ""
}

func (p *plan) answer(all []result) string {
	var members, partial []string
	for i, c := range p.calls {
		r := all[i]
		if r.partial {
			partial = append(partial, c.name)
		}
		switch {
		case c.each >= 0:
			members = append(members, `"`+c.name+`":[`+strings.Join(r.list, ",")+"]")
		case !r.absent:
			members = append(members, `"`+c.name+`":`+r.body)
		}
	}
	body := "{" + strings.Join(members, ",") + "}"
	if p.merge {
		body = merged(p, all)
	}
	return "200 [" + strings.Join(partial, ", ") + "] " + body
}

// merged joins all bodies, whose lists are put behind each other and whose other members count as they came last.
func merged(p *plan, all []result) string {
	var names []string
	values := map[string]string{}
	found := false
	for i := range p.calls {
		bodies := all[i].list
		if p.calls[i].each < 0 && !all[i].absent {
			bodies = []string{all[i].body}
		}
		for _, b := range bodies {
			if len(bodies) == 1 && !found && single(p, all) {
				return b
			}
			found = true
			for _, name := range []string{"z", "id", "items", "n"} {
				v, has := raw(b, name)
				old, had := values[name]
				switch {
				case !has:
					continue
				case had && name == "items":
					v = joined(old, v)
				}
				values[name] = v
			}
			names = inOrder(names, b)
		}
	}
	if !found {
		return "null"
	}
	for i, n := range names {
		names[i] = `"` + n + `":` + values[n]
	}
	return "{" + strings.Join(names, ",") + "}"
}

// single says whether there is one body in all, which stays as it is.
func single(p *plan, all []result) bool {
	n := 0
	for i := range p.calls {
		if n += len(all[i].list); p.calls[i].each < 0 && !all[i].absent {
			n++
		}
	}
	return n == 1
}

func inOrder(names []string, b string) []string {
	d := json.NewDecoder(strings.NewReader(b))
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return names
		}
		switch v := t.(type) {
		case json.Delim:
			if depth++; v == '}' || v == ']' {
				depth -= 2
			}
		case string:
			if depth == 1 && (v == "z" || v == "id" || v == "items" || v == "n") && !contains(names, v) {
				names = append(names, v)
			}
		}
	}
}

func contains(list []string, s string) bool {
	return strings.Contains(","+strings.Join(list, ",")+",", ","+s+",")
}

func joined(a, b string) string {
	x, y := strings.TrimSpace(a[1:len(a)-1]), strings.TrimSpace(b[1:len(b)-1])
	if x == "" || y == "" {
		return "[" + x + y + "]"
	}
	return "[" + x + "," + y + "]"
}

func raw(b, name string) (string, bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(b), &m) != nil || m[name] == nil {
		return "", false
	}
	return string(m[name]), true
}

func member(b, name string) (string, bool) {
	v, found := raw(b, name)
	return strings.ReplaceAll(strings.Trim(v, `"`), "/", "%2F"), found
}

func list(b string) (out []string, found bool) {
	var items []any
	v, found := raw(b, "items")
	_ = json.Unmarshal([]byte(v), &items)
	for _, i := range items {
		out = append(out, strings.ReplaceAll(fmt.Sprint(i), "/", "%2F"))
	}
	return out, found
}

// TestOneOutcome compares, for as many graphs as SALLYPORT_GRAPHS says, each composed several times with other delays.
func TestOneOutcome(t *testing.T) {
	graphs, times := 300, 4
	if n, err := strconv.Atoi(os.Getenv("SALLYPORT_GRAPHS")); err == nil {
		graphs = n
	}
	if n, err := strconv.Atoi(os.Getenv("SALLYPORT_TIMES")); err == nil {
		times = n
	}
	for seed := range uint64(graphs) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := randomPlan(r)
		doc := p.document()
		want := p.model(answers(seed))
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
}

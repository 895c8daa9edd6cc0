package route

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

// This file checks the tree against a matcher that is slow and simple: it tries every rule and keeps the best.

// slowly finds the rule for x, nil when there is none.
func slowly(list []*Rule[string], x *policy.Exchange) (best *Rule[string]) {
	for _, r := range list {
		if slowFits(r, x) && (best == nil || slowBetter(r, best, x) < 0) {
			best = r
		}
	}
	return best
}

func slowFits(r *Rule[string], x *policy.Exchange) bool {
	if slowHost(r, x.Request.Host) == 9 || slowMethod(r, x.Request.Method) == 9 || !slowPath(r).MatchString(x.Request.Path.Text) {
		return false
	}
	h := r.Match.Headers
	return len(h) == 0 || x.Request.Header.Get(h[0].Name) == h[0].Value
}

func slowHost(r *Rule[string], host string) int {
	best := 9
	if len(r.Match.Hosts) == 0 {
		best = 5
	}
	for _, h := range r.Match.Hosts {
		if h == host {
			best = min(best, 0)
		} else if tail, wild := strings.CutPrefix(h, "*"); wild && strings.HasSuffix(host, tail) && len(host) > len(tail) {
			best = min(best, 4-strings.Count(tail, "."))
		}
	}
	return best
}

func slowMethod(r *Rule[string], method string) int {
	switch m := r.Match.Methods; {
	case slices.Contains(m, method):
		return 0
	case method == "HEAD" && slices.Contains(m, "GET"):
		return 1
	case len(m) == 0:
		return 2
	}
	return 9
}

var slowParam = regexp.MustCompile(`\\\{[a-z0-9]+\\\}`)

var slowPaths = map[string]*regexp.Regexp{}

func slowPath(r *Rule[string]) *regexp.Regexp {
	if re := slowPaths[r.Match.Path.String()]; re != nil {
		return re
	}
	s := regexp.QuoteMeta(r.Match.Path.String())
	if i := strings.Index(s, `/\{rest\.\.\.\}`); i >= 0 {
		s = s[:i] + "(/.*)?"
	}
	re := regexp.MustCompile("^" + slowParam.ReplaceAllString(s, "[^/]+") + "$")
	slowPaths[r.Match.Path.String()] = re
	return re
}

func slowBetter(a, b *Rule[string], x *policy.Exchange) int {
	if d := slowHost(a, x.Request.Host) - slowHost(b, x.Request.Host); d != 0 {
		return d
	}
	as, bs := strings.Split(a.Match.Path.String(), "/")[1:], strings.Split(b.Match.Path.String(), "/")[1:]
	for i := range max(len(as), len(bs)) {
		if i >= len(as) {
			return -1
		} else if i >= len(bs) {
			return 1
		}
		ra, rb := slowRank(as[i]), slowRank(bs[i])
		if d := slices.Compare(ra, rb); d != 0 {
			return d
		}
	}
	if d := slowMethod(a, x.Request.Method) - slowMethod(b, x.Request.Method); d != 0 {
		return d
	}
	if d := len(b.Match.Headers) - len(a.Match.Headers); d != 0 {
		return d
	}
	return b.Priority - a.Priority
}

var slowBraces = regexp.MustCompile(`\{[a-z0-9.]+\}`)

// slowRank tells how specific a segment is: smaller is more so.
func slowRank(seg string) []int {
	bare := slowBraces.ReplaceAllString(seg, "\x00")
	switch {
	case !strings.Contains(bare, "\x00"):
		return []int{0}
	case strings.Contains(seg, "..."):
		return []int{3}
	case bare == "\x00":
		return []int{2}
	}
	return []int{1, -strings.IndexByte(bare, 0), -len(bare) + strings.Count(bare, "\x00"), strings.Count(bare, "\x00")}
}

func TestAgainstReference(t *testing.T) {
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		list := randomRules(t, rnd)
		tab, errs := Build(list, stricter)
		for len(errs) > 0 { // leave out what cannot stand together
			bad := map[int]bool{}
			for _, e := range errs {
				bad[e.Pos.Line] = true
			}
			list = slices.DeleteFunc(list, func(r *Rule[string]) bool { return bad[r.Pos.Line] })
			tab, errs = Build(list, stricter)
		}
		for range 200 {
			line := pick(rnd, "GET", "HEAD", "POST", "PATCH") + " " + randomPath(rnd)
			x := exchange(t, line, "Host: "+pick(rnd, "a.test", "b.test", "c.b.test", "other"), "X: "+pick(rnd, "1", "2"))
			want := slowly(list, x)
			got, err := tab.Find(x)
			if got != want {
				t.Fatalf("seed %d: %s at %s: got %s, want %s of\n%s", seed, line, x.Request.Host, outcome(x, got, err), name(want), names(list))
			}
			if err == nil {
				checkParams(t, x, got)
			}
			checkExplained(t, tab, x, want)
			for _, r := range list {
				if lacks := r.Match.Lacks(x); (lacks == "") != slowFits(r, x) {
					t.Fatalf("%s at %s lacks %q of %s", line, x.Request.Host, lacks, &r.Match)
				}
			}
		}
	}
}

// checkExplained wants the explanation to say what Find says, and to have a reason for every other rule.
func checkExplained(t *testing.T, tab *Table[string], x *policy.Exchange, want *Rule[string]) {
	t.Helper()
	e := tab.Explain(x)
	var best *Rule[string]
	for i, c := range e.Candidates {
		switch {
		case c.Lacks == "" && c.Behind == "" && (best != nil || i > 0), c.Lacks != "" && c.Behind != "":
			t.Fatalf("%s at %s: %s lacks %q and is behind by %q", x.Request.Path.Text, x.Request.Host, name(c.Rule), c.Lacks, c.Behind)
		case c.Lacks == "" && best == nil:
			best = c.Rule
		}
	}
	if e.Winner != want || want != nil && best != want {
		t.Fatalf("%s at %s: explained as %s and %s, want %s", x.Request.Path.Text, x.Request.Host, name(e.Winner), name(best), name(want))
	}
}

// checkParams puts the parameters back into the template, which must give the path again.
func checkParams(t *testing.T, x *policy.Exchange, r *Rule[string]) {
	t.Helper()
	path := r.Match.Path.String()
	for _, p := range x.Params {
		path = strings.NewReplacer("{"+p.Name+"}", p.Value, "{"+p.Name+"...}", p.Value).Replace(path)
	}
	if text := x.Request.Path.Text; path != text && path != text+"/" {
		t.Fatalf("%s of %s with %v is %s", text, r.Name, x.Params, path)
	}
}

func name(r *Rule[string]) string {
	if r == nil {
		return "none"
	}
	return r.Name
}

func names(list []*Rule[string]) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString("  " + r.Match.String() + "\n")
	}
	return b.String()
}

func pick(rnd *rand.Rand, among ...string) string { return among[rnd.IntN(len(among))] }

func randomRules(t *testing.T, rnd *rand.Rand) (list []*Rule[string]) {
	var lines []string
	for range 1 + rnd.IntN(40) {
		path := ""
		for n := range 1 + rnd.IntN(4) {
			p := string(rune('p' + n))
			seg := pick(rnd, "a", "b", "ab", "{"+p+"}", "{"+p+"}", "a{"+p+"}", "{"+p+"}b", "a{"+p+"}b", "ab{"+p+"}", "{"+p+"1}-{"+p+"2}", "",
				"b{"+p+"}", "{"+p+"}a", "ba{"+p+"}", "{"+p+"}ab", "aa{"+p+"}", "{"+p+"}bb")
			if seg == "" && n > 0 && strings.HasSuffix(path, "/") {
				break
			}
			path += "/" + seg
		}
		path = strings.ReplaceAll(path, "//", "/")
		if rnd.IntN(4) == 0 {
			path = strings.TrimSuffix(path, "/") + "/{rest...}"
		}
		lines = append(lines, strings.TrimSpace(pick(rnd, "", "GET", "GET,POST", "HEAD", "POST")+" "+path))
	}
	list = rules(t, lines...)
	for _, r := range list {
		switch rnd.IntN(4) {
		case 0:
			r.Match.Hosts = []string{pick(rnd, "a.test", "*.test", "*.b.test")}
		case 1:
			r.Match.Hosts = []string{"a.test", pick(rnd, "*.test", "b.test")}
		}
		if rnd.IntN(4) == 0 {
			r.Match.Headers = Conditions{{Name: "x", Value: pick(rnd, "1", "2")}}
		}
		r.Priority = rnd.IntN(3)
	}
	return list
}

func randomPath(rnd *rand.Rand) string {
	path := ""
	for range 1 + rnd.IntN(4) {
		path += "/" + pick(rnd, "a", "b", "ab", "abb", "aab", "c", "a-b", "x-y-b", "a-ab", "bab", "baa", "bba", "aaab")
	}
	if rnd.IntN(5) == 0 {
		path += "/"
	}
	return path
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/ab/x-y", "/%2fa", "/a;b/c", "/a%20b/", "/a/../b", "/v1.json/x"} {
		f.Add("GET", s)
	}
	list := rules(f, "/", "!/a/{x}", "GET /a/b", "/{x}-{y}/{rest...}", "/a{x}b/", "/v{m}.json/{n}", "/{rest...}", "!/é/{x}")
	tab := table(f, list)
	f.Fuzz(func(t *testing.T, method, target string) {
		x := fuzzed(method, target)
		if x == nil {
			return
		}
		want := slowly(list, x)
		got, err := tab.Find(x)
		if err == nil && got != want {
			t.Fatalf("%s %s: got %s, want %s", method, x.Request.Path.Text, outcome(x, got, err), name(want))
		}
		if err != nil && want != nil && outcome(x, nil, err) != "bad_request" && !refused(method) {
			t.Fatalf("%s %s: got %v, want %s", method, x.Request.Path.Text, err, name(want))
		}
	})
}

func fuzzed(method, target string) *policy.Exchange {
	r := &wire.Request{Method: method}
	if !wire.ValidToken(method) || wire.ParseTarget(r, target) != nil || r.Path.Text == "*" {
		return nil
	}
	return &policy.Exchange{Request: r}
}

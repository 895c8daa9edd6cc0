package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sallyport/policy"
)

// many makes n rules of the sorts that real tables have, and a request for each.
func many(t testing.TB, n int) (list []*Rule[string], requests []*policy.Exchange) {
	var lines []string
	for i := range n {
		switch i % 5 {
		case 0:
			lines = append(lines, fmt.Sprintf("GET /api/v1/service%d/items", i))
			requests = append(requests, exchange(t, fmt.Sprintf("GET /api/v1/service%d/items", i)))
		case 1:
			lines = append(lines, fmt.Sprintf("/api/v1/service%d/items/{id}", i-1))
			requests = append(requests, exchange(t, fmt.Sprintf("GET /api/v1/service%d/items/7f3b2c", i-1)))
		case 2:
			lines = append(lines, fmt.Sprintf("GET,POST /api/v2/{tenant}/service%d", i))
			requests = append(requests, exchange(t, fmt.Sprintf("POST /api/v2/acme/service%d", i)))
		case 3:
			lines = append(lines, fmt.Sprintf("GET /static%d/{path...}", i))
			requests = append(requests, exchange(t, fmt.Sprintf("GET /static%d/css/site.css", i)))
		case 4:
			lines = append(lines, fmt.Sprintf("GET /reports/r%d-{year}.json", i))
			requests = append(requests, exchange(t, fmt.Sprintf("GET /reports/r%d-2026.json", i)))
		}
	}
	return rules(t, lines...), requests
}

func TestFindAllocates(t *testing.T) {
	list, requests := many(t, 1000)
	tab := table(t, list)
	for _, x := range requests[:5] {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := tab.Find(x); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", x.Request.Path.Text, n)
		}
	}
}

// BenchmarkRatio tells how much longer one of 10,000 routes takes than one of 10, in one run.
func BenchmarkRatio(b *testing.B) {
	for kind, sort := range []string{"literal", "parameter", "tenant", "rest", "mixed"} {
		b.Run(sort, func(b *testing.B) {
			few, many := newTraffic(b, 10, kind), newTraffic(b, 10_000, kind)
			least := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for i, tr := range []*traffic{few, many} {
					start := time.Now()
					tr.find(b, 4000)
					least[i] = min(least[i], time.Since(start))
				}
			}
			b.ReportMetric(float64(least[0].Nanoseconds())/4000, "ns/find10")
			b.ReportMetric(float64(least[1].Nanoseconds())/4000, "ns/find10k")
			b.ReportMetric(float64(least[1])/float64(least[0]), "ratio")
		})
	}
}

// BenchmarkVersions tells how much longer a route takes to find that three versions of an api have, named by a header, than one without
// versions, in one run.
func BenchmarkVersions(b *testing.B) {
	for kind, sort := range []string{"literal", "parameter", "tenant", "rest", "mixed"} {
		b.Run(sort, func(b *testing.B) {
			plain, versioned := newTraffic(b, 1000, kind), newTraffic(b, 1000, kind)
			of := &Versions{In: InHeader, Name: "Api-Version", Names: []string{"v1", "v2", "v3"}}
			var list []*Rule[string]
			for _, r := range versioned.table.Rules() {
				for _, name := range of.Names {
					again := *r
					again.Match.Version = Version{of, name}
					list = append(list, &again)
				}
			}
			versioned.table = table(b, list)
			versioned.x.Request.Header.Add("Accept", "*/*")
			versioned.x.Request.Header.Add("Api-Version", "v2")
			least := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for i, tr := range []*traffic{plain, versioned} {
					start := time.Now()
					tr.find(b, 4000)
					least[i] = min(least[i], time.Since(start))
				}
			}
			b.ReportMetric(float64(least[0].Nanoseconds())/4000, "ns/plain")
			b.ReportMetric(float64(least[1].Nanoseconds())/4000, "ns/versioned")
			b.ReportMetric(float64(least[1])/float64(least[0]), "ratio")
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	list, _ := many(b, 10_000)
	for b.Loop() {
		Build(list, stricter)
	}
}

// A traffic is a table and requests of one sort for it: one exchange, and paths that lie side by side, since what a
// server has just read is in the cache.
type traffic struct {
	table *Table[string]
	x     *policy.Exchange
	paths []string
	next  int
}

func newTraffic(b *testing.B, n, kind int) *traffic {
	list, requests := many(b, n)
	tr := &traffic{table: table(b, list), x: exchange(b, "GET /")}
	tr.x.Request.Method = requests[kind].Request.Method
	var arena []byte
	order := rand.Perm(n / 5)
	for _, at := range order {
		arena = append(arena, requests[5*at+kind].Request.Path.Text...)
	}
	all, start := string(arena), 0
	for _, at := range order {
		end := start + len(requests[5*at+kind].Request.Path.Text)
		tr.paths = append(tr.paths, all[start:end])
		start = end
	}
	return tr
}

func (tr *traffic) find(b *testing.B, n int) {
	for range n {
		if tr.next++; tr.next >= len(tr.paths) {
			tr.next = 0
		}
		tr.x.Request.Path.Text = tr.paths[tr.next]
		if _, err := tr.table.Find(tr.x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for kind, sort := range []string{"literal", "parameter", "tenant", "rest", "mixed"} {
		b.Run(sort, func(b *testing.B) {
			tr := newTraffic(b, 1000, kind)
			for b.Loop() {
				tr.find(b, 1)
			}
		})
	}
}

// BenchmarkWorst has every mixture of a literal and a parameter in thirteen places, and a path that fits them all but
// for its end.
func BenchmarkWorst(b *testing.B) {
	var lines []string
	for i := range 1 << 13 {
		line := ""
		for bit := range 13 {
			if i>>bit&1 == 0 {
				line += "/a"
			} else {
				line += fmt.Sprintf("/{p%d}", bit)
			}
		}
		lines = append(lines, line+"/end")
	}
	tab := table(b, rules(b, lines...))
	x := exchange(b, "GET /a/a/a/a/a/a/a/a/a/a/a/a/a/miss")
	for b.Loop() {
		if _, err := tab.Find(x); err == nil {
			b.Fatal("found")
		}
	}
}

// BenchmarkDoubtful is what a path costs that others may read otherwise, and what the worst of them costs.
func BenchmarkDoubtful(b *testing.B) {
	tab := table(b, rules(b, "!/admin/{path...}", "/users/{id}", "/{path...}"))
	for name, path := range map[string]string{
		"mail": "/users/jo%40example.com", "session": "/users/7;jsessionid=4f", "slash": "/users/a%2Fb",
		"hostile": strings.Repeat("/%2541;x", 400) + strings.Repeat("/%252F;%255C%23%3F%2500%EF%BC%8Fx", 400),
		"long":    "/" + strings.Repeat("%2F", 5000) + ";",
	} {
		b.Run(name, func(b *testing.B) {
			x := exchange(b, "GET "+path)
			for b.Loop() {
				tab.Find(x)
			}
		})
	}
}

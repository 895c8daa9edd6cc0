package route

import (
	"fmt"
	"math/rand/v2"
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

func TestBuildIsQuick(t *testing.T) {
	list, _ := many(t, 10_000)
	start := time.Now()
	if _, errs := Build(list, stricter); len(errs) > 0 {
		t.Fatal(errs[:min(3, len(errs))])
	}
	// The aim is 300 ms; ten times that is a mistake and not a busy machine.
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("10,000 routes took %v", took)
	}
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

func BenchmarkBuild(b *testing.B) {
	list, _ := many(b, 10_000)
	for b.Loop() {
		Build(list, stricter)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		for kind, sort := range []string{"literal", "parameter", "tenant", "rest", "mixed"} {
			b.Run(fmt.Sprintf("%s/%d", sort, n), func(b *testing.B) {
				list, requests := many(b, n)
				tab := table(b, list)
				// One exchange, and paths that lie side by side: what a server has just read is in the cache.
				x := exchange(b, "GET /")
				var arena []byte
				var ends []int
				for _, at := range rand.Perm(n / 5) {
					arena = append(arena, requests[5*at+kind].Request.Path.Text...)
					ends = append(ends, len(arena))
				}
				x.Request.Method = requests[kind].Request.Method
				all := string(arena)
				paths, start := make([]string, len(ends)), 0
				for i, end := range ends {
					paths[i], start = all[start:end], end
				}
				i := 0
				for b.Loop() {
					if i++; i == len(paths) {
						i = 0
					}
					x.Request.Path.Text = paths[i]
					if _, err := tab.Find(x); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

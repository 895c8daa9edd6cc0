package telemetry

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape returns the text form, without the runtime's own series.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var out strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "sallyport_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func wantLines(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\n"+got, "\n"+l+"\n") {
			t.Errorf("%q is missing in\n%s", l, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics("1.2.3")
		r := m.Route("shop", "GET /users/{id}")
		r.Done("GET", 200, 3*time.Millisecond)
		r.Done("GET", 200, 2*time.Second)
		r.Done("BREW", 418, 0)
		r.Done("GET", 700, 0)
		r.Done("GET", -1, 0)
		m.Route("", "").Done("GET", 404, 0)
		m.Inflight.Add(3)
		m.Inflight.Add(-1)
		m.LogDropped.Add(7)
		up := m.Upstream("users")
		up.Duration(20 * time.Millisecond)
		target := up.Target("http://127.0.0.1:9101")
		target.Watch(func() TargetState { return TargetState{Healthy: true, Open: 5, Idle: 3, Waiting: 2} })
		target.Done(OK)
		target.Done(Connect)
		up.Target("http://127.0.0.1:9102").Watch(func() TargetState { return TargetState{} })
		m.Denied("rate_limit", "rate_limited")()
		m.WatchLimits(func() LimitTotals { return LimitTotals{Limiters: 2, Bytes: 4096, Evicted: 1} })
		m.Refused("a bare CR")
		m.Panicked()
		m.Loaded(true)
		time.Sleep(time.Hour)
		m.Loaded(false)
		l := m.Listener(":8080")
		l.Opened()
		l.Opened()
		l.Closed()

		wantLines(t, scrape(t, m),
			`sallyport_requests_total{api="shop",method="GET",route="GET /users/{id}",status="200"} 2`,
			`sallyport_requests_total{api="shop",method="OTHER",route="GET /users/{id}",status="418"} 1`,
			`sallyport_requests_total{api="shop",method="GET",route="GET /users/{id}",status="other"} 2`,
			`sallyport_requests_total{api="",method="GET",route="",status="404"} 1`,
			`sallyport_request_duration_seconds_bucket{api="shop",route="GET /users/{id}",le="0.0025"} 3`,
			`sallyport_request_duration_seconds_bucket{api="shop",route="GET /users/{id}",le="0.005"} 4`,
			`sallyport_request_duration_seconds_bucket{api="shop",route="GET /users/{id}",le="+Inf"} 5`,
			`sallyport_request_duration_seconds_sum{api="shop",route="GET /users/{id}"} 2.003`,
			`sallyport_request_duration_seconds_count{api="shop",route="GET /users/{id}"} 5`,
			`sallyport_inflight_requests 2`,
			`sallyport_access_log_dropped_total 7`,
			`sallyport_upstream_duration_seconds_count{upstream="users"} 1`,
			`sallyport_upstream_requests_total{outcome="ok",target="http://127.0.0.1:9101",upstream="users"} 1`,
			`sallyport_upstream_requests_total{outcome="connect",target="http://127.0.0.1:9101",upstream="users"} 1`,
			`sallyport_upstream_requests_total{outcome="ok",target="http://127.0.0.1:9102",upstream="users"} 0`,
			`sallyport_target_healthy{target="http://127.0.0.1:9101",upstream="users"} 1`,
			`sallyport_target_healthy{target="http://127.0.0.1:9102",upstream="users"} 0`,
			`sallyport_target_connections{target="http://127.0.0.1:9101",upstream="users"} 5`,
			`sallyport_target_idle_connections{target="http://127.0.0.1:9101",upstream="users"} 3`,
			`sallyport_target_waiting_requests{target="http://127.0.0.1:9101",upstream="users"} 2`,
			`sallyport_policy_denials_total{policy="rate_limit",reason="rate_limited"} 1`,
			`sallyport_limit_tables 2`,
			`sallyport_limit_bytes 4096`,
			`sallyport_limit_evicted_keys_total 1`,
			`sallyport_refused_total{reason="a bare CR"} 1`,
			`sallyport_panics_total 1`,
			`sallyport_config_last_reload_successful 0`,
			`sallyport_config_reloads_total{outcome="success"} 1`,
			`sallyport_config_reloads_total{outcome="failure"} 1`,
			`sallyport_config_last_reload_success_timestamp_seconds 9.466848e+08`, // when a bubble's time begins
			`sallyport_connections{listener=":8080"} 1`,
			`sallyport_connections_total{listener=":8080"} 2`,
		)
	})
}

func TestBuildInfoAndRuntime(t *testing.T) {
	m := NewMetrics("1.2.3")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`version="1.2.3"`, "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestRetain(t *testing.T) {
	m := NewMetrics("")
	for _, name := range []string{"stays", "goes"} {
		m.Route("a", name).Done("GET", 200, 0)
		u := m.Upstream(name)
		u.Duration(1)
		u.Target("t-stays").Done(OK)
		u.Target("t-goes").Done(OK)
		m.Listener(name).Opened()
	}
	gone := m.Route("a", "goes")
	m.Retain(Keep{})
	if n := strings.Count(scrape(t, m), `"goes"`); n == 0 {
		t.Fatal("an empty Keep must keep all")
	}
	m.Retain(Keep{
		Route:    func(api, route string) bool { return route == "stays" },
		Upstream: func(name string) bool { return name == "stays" },
		Target:   func(_, address string) bool { return address == "t-stays" },
		Listener: func(address string) bool { return address == "stays" },
	})
	gone.Done("GET", 200, 0) // a request that began before the reload
	if got := scrape(t, m); strings.Contains(got, "goes") {
		t.Errorf("removed series are still there:\n%s", got)
	}
	m.Route("a", "stays").Done("GET", 200, 0)
	m.Route("a", "goes").Done("GET", 200, 0)
	wantLines(t, scrape(t, m),
		`sallyport_requests_total{api="a",method="GET",route="stays",status="200"} 2`,
		`sallyport_requests_total{api="a",method="GET",route="goes",status="200"} 1`,
		`sallyport_upstream_requests_total{outcome="ok",target="t-stays",upstream="stays"} 1`,
		`sallyport_connections{listener="stays"} 1`)
}

// TestBounded plays a client that makes up methods, and with an echoing upstream statuses and reasons.
func TestBounded(t *testing.T) {
	m := NewMetrics("")
	r := m.Route("a\xff", "r")
	total := 0
	for i := range 300 {
		for _, method := range append(methods[:], fmt.Sprint("M", i)) {
			r.Done(method, i*3, 0)
			total++
		}
		m.Refused(fmt.Sprint("reason ", i))
		m.Refused(strings.Repeat("long", 100))
	}
	got := scrape(t, m)
	if n := strings.Count(got, "sallyport_requests_total{"); n != maxPairs-1 {
		t.Errorf("got %d series of requests, want %d", n, maxPairs-1)
	}
	if n := strings.Count(got, "sallyport_refused_total{"); n != maxReasons+1 {
		t.Errorf("got %d series of refusals, want %d", n, maxReasons+1)
	}
	wantLines(t, got, fmt.Sprintf(`sallyport_refused_total{reason="other"} %d`, 600-maxReasons))
	var sum uint64
	r.cells.each(func(c *cell) { c.requests.each(func(_ pair, n uint64) { sum += n }) })
	if sum != uint64(total) {
		t.Errorf("counted %d of %d requests", sum, total)
	}
}

// TestConcurrent counts from many goroutines, past the point where a route is spread over stripes.
func TestConcurrent(t *testing.T) {
	m := NewMetrics("")
	r, u := m.Route("a", "r"), m.Upstream("u")
	var wg sync.WaitGroup
	const workers, each = 8, busy / 2
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				m.Inflight.Add(1)
				r.Done(methods[i%len(methods)], 200+w, time.Duration(i)*time.Microsecond/10)
				u.Duration(time.Duration(i) * time.Microsecond / 10)
				m.Inflight.Add(-1)
				if i%1000 == 0 {
					m.Route("a", fmt.Sprint(i)).Done("GET", 200, 0)
					m.Retain(Keep{Route: func(_, route string) bool { return route == "r" }})
					_ = scrape(t, m)
				}
			}
		})
	}
	wg.Wait()
	const total = workers * each
	wantLines(t, scrape(t, m),
		fmt.Sprintf(`sallyport_request_duration_seconds_count{api="a",route="r"} %d`, total),
		fmt.Sprintf(`sallyport_upstream_duration_seconds_count{upstream="u"} %d`, total),
		`sallyport_inflight_requests 0`)
	var sum uint64
	r.cells.each(func(c *cell) { c.requests.each(func(_ pair, n uint64) { sum += n }) })
	if sum != total {
		t.Errorf("counted %d of %d requests", sum, total)
	}
	if !r.cells.spread.Load() || !u.cells.spread.Load() {
		t.Error("a busy route and upstream must be spread")
	}
}

func TestHandlerForms(t *testing.T) {
	m := NewMetrics("")
	m.Route("a", "r").Done("GET", 200, time.Millisecond)

	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, req)
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: %v, %v", err, w.Header())
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Contains(text, []byte("sallyport_requests_total")) {
		t.Errorf("gzip: %v", err)
	}

	req = httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	w = httptest.NewRecorder()
	m.Handler().ServeHTTP(w, req)
	dec := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header()))
	native := false
	for {
		var f dto.MetricFamily
		if err := dec.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		native = native || f.GetName() == "sallyport_request_duration_seconds" && len(f.Metric[0].Histogram.PositiveSpan) == 1
	}
	if !native {
		t.Error("the binary form has no native histogram")
	}
}

func TestMetricsAllocateNothing(t *testing.T) {
	m := NewMetrics("")
	r, u := m.Route("a", "r"), m.Upstream("u")
	target, denied, l := u.Target("t"), m.Denied("p", "r"), m.Listener("l")
	m.Refused("bad")
	n := 0
	got := testing.AllocsPerRun(2*busy, func() {
		n++
		m.Inflight.Add(1)
		r.Done("GET", 200+n%2, 5*time.Millisecond)
		u.Duration(4 * time.Millisecond)
		target.Done(OK)
		denied()
		m.Refused("bad")
		l.Opened()
		l.Closed()
		m.Inflight.Add(-1)
	})
	if got != 0 {
		t.Errorf("got %v allocations a request, want 0", got)
	}
}

func BenchmarkDone(b *testing.B) {
	r := NewMetrics("").Route("a", "r")
	b.Run("one", func(b *testing.B) {
		for d := time.Duration(0); b.Loop(); d = (d + 12345) % (20 * time.Millisecond) {
			r.Done("GET", 200, d)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for d := time.Duration(0); p.Next(); d = (d + 12345) % (20 * time.Millisecond) {
				r.Done("GET", 200, d)
			}
		})
	})
}

func BenchmarkScrape10kRoutes(b *testing.B) {
	m := NewMetrics("")
	for i := range 10_000 {
		m.Route("a", fmt.Sprint("GET /", i)).Done("GET", 200, time.Duration(i)*time.Microsecond)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Handler().ServeHTTP(discard{}, httptest.NewRequest("GET", "/metrics", nil))
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }

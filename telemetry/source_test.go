package telemetry

import (
	"strings"
	"testing"
	"time"
)

func TestSources(t *testing.T) {
	m := NewMetrics("test")
	one, two := &Source{}, &Source{}
	m.SetSource("dns", "shop.test", one)
	wantLines(t, scrape(t, m),
		`sallyport_discovery_lookups_total{kind="dns",name="shop.test",outcome="ok"} 0`,
		`sallyport_discovery_last_success_timestamp_seconds{kind="dns",name="shop.test"} 0`)
	one.Looked(false, 0, time.Time{}, time.Unix(5, 0))
	one.Looked(true, 3, time.Unix(10, 0), time.Unix(40, 0))
	wantLines(t, scrape(t, m),
		`sallyport_discovery_lookups_total{kind="dns",name="shop.test",outcome="failed"} 1`,
		`sallyport_discovery_found{kind="dns",name="shop.test"} 3`,
		`sallyport_discovery_last_success_timestamp_seconds{kind="dns",name="shop.test"} 10`,
		`sallyport_discovery_next_timestamp_seconds{kind="dns",name="shop.test"} 40`)
	m.SetSource("dns", "shop.test", two) // took over
	m.DropSource("dns", "shop.test", one)
	wantLines(t, scrape(t, m), `sallyport_discovery_found{kind="dns",name="shop.test"} 0`)
	m.DropSource("dns", "shop.test", two)
	if got := scrape(t, m); strings.Contains(got, "shop.test") {
		t.Errorf("it is dropped, and still there:\n%s", got)
	}
}

func TestChecks(t *testing.T) {
	m := NewMetrics("test")
	target := m.Upstream("shop").Target("a:80")
	if got := scrape(t, m); strings.Contains(got, "health_checks") {
		t.Errorf("series without checks:\n%s", got)
	}
	target.Checked(CheckPassed)
	target.Checked(CheckTimeout)
	target.Turned()
	wantLines(t, scrape(t, m),
		`sallyport_health_checks_total{outcome="ok",target="a:80",upstream="shop"} 1`,
		`sallyport_health_checks_total{outcome="timeout",target="a:80",upstream="shop"} 1`,
		`sallyport_health_changes_total{target="a:80",upstream="shop"} 1`)
}

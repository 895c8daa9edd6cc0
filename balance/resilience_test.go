package balance

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/schema"
)

func TestResilienceSettings(t *testing.T) {
	for doc, want := range map[string]string{
		"retry: {attempts: 6}":           `retry.attempts: "6" is not possible; write 0 to 5, or off`,
		"retry: {attempts: [1]}":         "retry.attempts: a list is given where a number is wanted",
		"retry: {on: [refused]}":         `retry.on[0]: "refused" is no reason to try again; write connect_failure`,
		"retry: {on: [200]}":             `retry.on[0]: "200" is no reason`,
		"retry: {methods: [get]}":        `retry.methods[0]: "get" is no method`,
		"hedge: {}":                      `hedge: "after" is missing`,
		"hedge: p96":                     `hedge: "p96": write a time of at least 1ms`,
		"circuit_breaker: {window: 1ms}": "circuit_breaker.window: ",
	} {
		n, errs := schema.Parse("", []byte("targets: [http://a]\n"+doc))
		errs = append(errs, schema.Of[Config]().Decode(n, &Config{}, "")...)
		if len(errs) != 1 || !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
	c := settings(t, "targets: [http://a]\nretry: off\nhedge: p95\ncircuit_breaker: {}")
	if c.Retry.Attempts != 0 || !c.Hedge.After.percentile || c.Hedge.Max != 1 || *c.CircuitBreaker != (CircuitBreaker{50, 20, 10 * time.Second, 5 * time.Second, 1}) {
		t.Errorf("%+v", c)
	}
}

// series are the lines of the metrics with that in them.
func (w *world) series(of string) string {
	var out strings.Builder
	rec := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(rec.Body.String()) {
		if strings.Contains(line, of) {
			out.WriteString(line)
		}
	}
	return out.String()
}

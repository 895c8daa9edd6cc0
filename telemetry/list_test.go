package telemetry

import (
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	all := List()
	if len(all) < 15 {
		t.Errorf("only %d metrics: %+v", len(all), all)
	}
	for _, m := range all {
		if !strings.HasSuffix(m.Help, ".") || strings.Contains(m.Help, `"`) {
			t.Errorf("%s: odd help %q", m.Name, m.Help)
		}
		if m.Name == "sallyport_requests_total" && !slices.Equal(m.Labels, []string{"api", "route", "method", "status"}) {
			t.Errorf("%+v", m)
		}
	}
}

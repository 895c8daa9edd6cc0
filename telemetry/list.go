package telemetry

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// A Metric is one metric of ours, for the reference.
type Metric struct {
	Name   string
	Help   string
	Labels []string
}

// desc takes apart what a description prints: it has no accessors.
var desc = regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: "(.*?)", (?:unit: "\w*", )?constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// List returns the metrics that every gateway has, those of the Go runtime and the process apart.
func List() []Metric {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		NewMetrics("").registry.Describe(descriptions)
		close(descriptions)
	}()
	var all []Metric
	for d := range descriptions {
		m := desc.FindStringSubmatch(d.String())
		if m == nil || !strings.HasPrefix(m[1], namespace+"_") {
			continue
		}
		all = append(all, Metric{m[1], strings.ReplaceAll(m[2], `\"`, `"`), strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' })})
	}
	slices.SortFunc(all, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Package backends is the list of what can answer a request, in the order of the reference.
package backends

import (
	"embed"
	"strings"

	"sallyport/backends/compose"
	"sallyport/backends/function"
	"sallyport/backends/redirect"
	"sallyport/backends/respond"
	"sallyport/backends/upstream"
	"sallyport/plug"
	"sallyport/policy"
)

// All holds every backend. To add one, add its folder and its line.
var All = []*plug.Kind[policy.Handler]{
	upstream.Kind,
	compose.Kind,
	respond.Kind,
	redirect.Kind,
	function.Kind,
}

//go:embed */*.txtar
var examples embed.FS

// Example returns the worked example of a backend, which is its test as well, "" when there is none of that name.
func Example(name string) string {
	folder := strings.ReplaceAll(name, "_", "")
	text, err := examples.ReadFile(folder + "/" + folder + ".txtar")
	if err != nil {
		return ""
	}
	return string(text)
}

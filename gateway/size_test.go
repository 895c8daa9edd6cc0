package gateway

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// manyRoutes is a document of n routes with a policy each.
func manyRoutes(n int) []byte {
	var b strings.Builder
	b.WriteString(listen + "upstreams: { a: { targets: [http://a] } }\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - match: GET /r%d/{id}/things\n    policies: [{ headers: { request: { set: { x-n: \"%d\" } } } }]\n    upstream: a\n", i, i)
	}
	return []byte(b.String())
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			doc := manyRoutes(n)
			for b.Loop() {
				if r := CheckBytes("c", doc, Options{Log: silent, Stdout: io.Discard}); len(r.Errors) > 0 {
					b.Fatal(r.Errors)
				}
			}
		})
	}
}

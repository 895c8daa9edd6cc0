package gateway

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkReload replaces a document by one in which a single route differs.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := start(b, string(manyRoutes(n)), Options{Log: silent, Stdout: io.Discard})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				doc := append(manyRoutes(n), fmt.Sprintf("  - { match: /last, respond: { body: \"%d\" } }\n", i)...)
				if err := g.LoadBytes("c", doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

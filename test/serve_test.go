package test

import (
	"testing"

	"sallyport/gateway"
)

// serve runs a gateway on real sockets until the test ends and returns its address.
func serve(t *testing.T, document string) string {
	t.Helper()
	var out text
	g := gateway.New(gateway.Options{Stdout: &out, Stderr: &out, Version: "test"})
	if err := g.LoadBytes("config.yaml", []byte(document)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g.Addresses()[0]
}

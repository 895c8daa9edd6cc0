package conformance

import (
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
)

var tally = regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`)

// h2spec looks at frames, states of streams and header compression. What it finds wrong is net/http's, which is known for it; see
// docs/decisions/0031-http2-of-net-http.md.
func TestH2spec(t *testing.T) {
	judge := tool(t, "github.com/summerwind/h2spec/cmd/h2spec", h2specVersion)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello, world")) }))
	t.Cleanup(target.Close)
	g, err := start(document(`{ address: "127.0.0.1:0", protocols: [h2c] }`, target.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	_, port, err := net.SplitHostPort(g.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	said, _ := run(t, judge, "-h", "127.0.0.1", "-p", port, "--timeout", "3")
	m := tally.FindStringSubmatch(said)
	if m == nil {
		t.Fatal(tail(said))
	}
	t.Log(m[0])
	if n, _ := strconv.Atoi(m[2]); n < 141 {
		t.Errorf("%s\n%s", m[0], tail(said))
	}
}

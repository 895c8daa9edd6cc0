//go:build !race && !poison

package gateway

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// What a request may allocate in all: its head and the head of the answer. The edge, the chain, metrics and the access log
// add nothing.
func TestAllocations(t *testing.T) {
	b := newTarget(t, hello)
	const chain = "policies: [{ ip_filter: { allow: [127.0.0.0/8] } }, { headers: { request: { set: { x-a: b } }, response: { set: { x-c: d } } } }, { rate_limit: { rate: 1000000/s, per: ip } }]"
	tests := []struct {
		name, route string
		most        float64
	}{
		{"plain", `{ match: "GET /", upstream: a }`, 2},
		{"a parameter", `{ match: "GET /{rest...}", upstream: a }`, 2},
		{"protected", `{ match: "GET /", policies: [{ load_shed: { inflight: 1000 } }, { concurrency: 1000 }, { concurrency: { adaptive: true } }], upstream: a }`, 2},
		{"with a chain", `{ match: "GET /", ` + chain + `, upstream: a }`, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := start(t, fmt.Sprintf("%supstreams: { a: { targets: [%q] } }\nroutes: [%s]\n", listen, b.url(), tt.route), Options{})
			c, err := net.Dial("tcp", g.Addresses()[0])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			request := []byte("GET / HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: test/1\r\nAccept: */*\r\n\r\n")
			buf := make([]byte, 4<<10)
			one := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				if n, err := io.ReadAtLeast(c, buf, 100); err != nil || string(buf[n-5:n]) != "hello" {
					t.Fatalf("%v %q", err, buf[:n])
				}
			}
			for range 200 {
				one()
			}
			if got := testing.AllocsPerRun(2000, one); got > tt.most {
				t.Errorf("a request costs %v allocations, want at most %v", got, tt.most)
			}
		})
	}
}

//go:build !race && !poison

package gateway

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
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
			alloc(t, c, "", tt.most)
		})
	}
}

// A composition costs what its calls cost, the heads of their answers, a value of each body, and the document's own answer.
func TestAllocationsOfCompositions(t *testing.T) {
	b := newTarget(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n\"hello\"")
	g := start(t, fmt.Sprintf("%supstreams: { a: { targets: [%q] } }\nroutes: [{ match: \"GET /\", compose: { calls: { x: { upstream: a }, y: { upstream: a }, z: { upstream: a } }, merge: [x, y, z] } }]\n", listen, b.url()), Options{})
	c, err := net.Dial("tcp", g.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alloc(t, c, "", 8)
}

// A version costs a request nothing, but for a longer head of the answer where that has to say of which it is.
func TestAllocationsOfVersions(t *testing.T) {
	b := newTarget(t, hello)
	const versions = "versions: [{ name: v1, routes: [{ match: GET /, upstream: a }] }, { name: v2, routes: [{ match: GET /, upstream: a }] }]"
	for in, fields := range map[string]string{
		"header, name: Api-Version":   "Api-Version: v1\r\n",
		"media_type, default: v2":     "Accept: application/json;version=v1\r\n",
		"path, default: v1":           "",
		"query, name: v, default: v2": "",
	} {
		t.Run(in, func(t *testing.T) {
			g := start(t, fmt.Sprintf("%supstreams: { a: { targets: [%q] } }\napis: [{ name: x, versioning: { in: %s }, %s }]\n", listen, b.url(), in, versions), Options{})
			c, err := net.Dial("tcp", g.Addresses()[0])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			alloc(t, c, fields, 2)
		})
	}
}

// Who comes in with a key, and has a plan, costs nothing more than others.
func TestAllocationsOfConsumers(t *testing.T) {
	b := newTarget(t, hello)
	const people = "plans: { gold: { rate_limit: 1000000/s } }\nconsumers: [{ name: acme, plan: gold, credentials: [{ api_key: { value: k-0123456789abcdefgh } }] }]\n"
	g := start(t, fmt.Sprintf("%s%supstreams: { a: { targets: [%q] } }\nroutes: [{ match: GET /, policies: [api_key: {}], upstream: a }]\n", listen, people, b.url()), Options{})
	c, err := net.Dial("tcp", g.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alloc(t, c, "X-API-Key: k-0123456789abcdefgh\r\n", 2)
}

// What pages may read costs a request nothing but a longer head of the answer.
func TestAllocationsForPages(t *testing.T) {
	b := newTarget(t, hello)
	g := start(t, fmt.Sprintf("%supstreams: { a: { targets: [%q] } }\nroutes: [{ match: GET /, policies: [{ cors: { origins: [https://app.test, \"https://*.app2.test\"], credentials: true } }, { security_headers: {} }, { csrf: {} }], upstream: a }]\n", listen, b.url()), Options{})
	c, err := net.Dial("tcp", g.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alloc(t, c, "Origin: https://a.app2.test\r\n", 4)
}

// TLS itself allocates one small thing for each record that it reads, on both sides of the test.
func TestAllocationsOverTLS(t *testing.T) {
	b := newTarget(t, hello)
	cert, key := newPair(t)
	read := func(name string) ([]byte, error) {
		return bytes.Clone(map[bool][]byte{true: key, false: cert}[strings.HasSuffix(name, ".key")]), nil
	}
	g := start(t, fmt.Sprintf("listeners: [{ address: \"127.0.0.1:0\", tls: { certificates: [{ cert_file: a.pem, key_file: a.key }] } }]\nupstreams: { a: { targets: [%q] } }\nroutes: [{ match: \"GET /\", upstream: a }]\n", b.url()), Options{ReadFile: read})
	c, err := tls.Dial("tcp", g.Addresses()[0], trusting(cert))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	alloc(t, c, "", 4)
}

// alloc counts what a request on c costs, with more in its head.
func alloc(t *testing.T, c net.Conn, head string, most float64) {
	t.Helper()
	request := []byte("GET / HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: test/1\r\nAccept: */*\r\n" + head + "\r\n")
	buf := make([]byte, 4<<10)
	one := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadAtLeast(c, buf, 100); err != nil || !bytes.Contains(buf[:n], []byte("hello")) {
			t.Fatalf("%v %q", err, buf[:n])
		}
	}
	for range 200 {
		one()
	}
	got := testing.AllocsPerRun(2000, one)
	t.Logf("%v allocations", got)
	if got > most {
		t.Errorf("a request costs %v allocations, want at most %v", got, most)
	}
}

package routetest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/test/selfsigned"
)

// What is about targets is left out, and what is about calls stays.
func TestUpstreamFeatures(t *testing.T) {
	const doc = `
listeners: [":80"]
upstreams:
  tls: { targets: ["https://api.example.com/v1"], tls: { server_name: other.example.com }, health: { path: /health, interval: 2s } }
  h2: { targets: ["https://api.example.com"], protocol: h2 }
  h2c: { targets: ["h2c://10.0.0.1:8000"] }
  found: { discover: { dns: "api.internal:8080" } }
  both: { discover: { dns: "api.internal:8080" }, targets: ["http://10.0.0.9"] }
  retried: { targets: ["http://10.0.0.1:80", "http://10.0.0.2:80"], retry: { attempts: 2, on: [503], backoff: 1s } }
  hedged: { targets: ["http://10.0.0.3:80", "http://10.0.0.4:80"], hedge: { after: 50ms } }
  broken: { targets: ["http://10.0.0.5:80"], circuit_breaker: { min_requests: 3, open_for: 5s } }
  sticky: { targets: ["http://10.0.0.6:80"], sticky: { cookie: where } }
  ejected: { targets: ["http://10.0.0.7:80", "http://10.0.0.8:80"], outliers: { consecutive_failures: 1, eject: 10s } }
routes:
  - { match: /tls, upstream: tls }
  - { match: /h2, upstream: h2 }
  - { match: /h2c, upstream: h2c }
  - { match: /found, upstream: found }
  - { match: /both, upstream: both }
  - { match: /retried, upstream: retried }
  - { match: /hedged, upstream: hedged }
  - { match: /broken, upstream: broken }
  - { match: /sticky, upstream: sticky }
  - { match: /split, upstream: { split: { tls: 1, h2: 1 }, sticky: "request.query['user']" } }
  - { match: /copied, policies: [{ mirror: tls }], upstream: h2c }
tests:
  - { name: tls, request: /tls, expect: { status: 200, sent: { path: /v1/tls, host: api.example.com } } }
  - { name: h2, request: /h2, expect: { status: 200, upstream: h2, sent: { host: api.example.com } } }
  - { name: h2c, request: /h2c, expect: { status: 200, sent: { host: "10.0.0.1:8000" } } }
  - { name: found, upstreams: { found: 201 }, request: /found, expect: { status: 201, upstream: found } }
  - { name: both, upstreams: { both: 201 }, request: /both, expect: 201 }
  - { name: retried, upstreams: { retried: [503, 201] }, request: /retried, expect: { status: 201, calls: 2 } }
  - { name: retried in vain, upstreams: { retried: 503 }, request: /retried, expect: { status: 503, calls: 3 } }
  - { name: hedged, upstreams: { hedged: [{ delay: 10s }, 201] }, request: /hedged, expect: { status: 201, calls: 2, within: 60ms } }
  - { name: broken, upstreams: { broken: 500 }, steps: [{ request: /broken, times: 3, expect: 500 }, { request: /broken, expect: { status: 503, calls: 0 } }, { wait: 6s, upstreams: { broken: 200 }, request: /broken, expect: 200 }] }
  - { name: sticky, request: /sticky, expect: { headers: { Set-Cookie: { regex: ^where= } } } }
  - { name: split, upstreams: { tls: 201, h2: 202 }, steps: [{ request: "/split?user=a", times: 5, expect: { upstream: h2 } }] }
  - { name: copied, upstreams: { h2c: 201 }, request: /copied, expect: { status: 201, calls: 2 } }
  - { name: a day, steps: [{ request: /ejected-is-no-route, expect: 404 }, { wait: 30d, request: /tls, expect: 200 }] }
`
	r, err := RunBytes("doc.yaml", []byte(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range r.Tests {
		if !test.Passed {
			t.Errorf("%s: %s %+v", test.Name, test.Error, test.Steps)
		}
	}
}

// Clients come by TLS where the listener has it, are redirected where it says so, and speak HTTP/1.1 whatever else is offered.
func TestListenerFeatures(t *testing.T) {
	dir := t.TempDir()
	certificate, key, err := selfsigned.PEM(24*365*10*time.Hour, "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	const doc = `
listeners:
  - { address: ":80", redirect_to_https: true }
  - { address: ":443", hosts: [api.example.com], tls: { certificates: [{ cert_file: api.pem, key_file: api.key }] } }
  - { address: ":8080", protocols: [h2c] }
routes: [{ match: /, respond: { json: { scheme: "${request.scheme}", protocol: "${request.protocol}" } } }]
tests:
  - { name: plain, request: GET http://api.example.com/?a, expect: { status: 308, headers: { Location: "https://api.example.com/?a" } } }
  - { name: secure, request: { path: GET http://api.example.com/, listener: ":443" }, expect: { status: 200, json: { scheme: https } } }
  - { name: elsewhere, request: { path: GET http://www.example.com/, listener: ":443" }, expect: { status: 421, problem: misdirected_request } }
  - { name: a year later, steps: [{ request: { path: GET http://api.example.com/, listener: ":443" }, expect: 200 }, { wait: 365d, request: { path: GET http://api.example.com/, listener: ":443" }, expect: 200 }] }
  - { name: another protocol, request: { path: /, listener: ":8080" }, expect: { json: { scheme: http, protocol: HTTP/1.1 } } }
`
	for name, text := range map[string][]byte{"doc.yaml": []byte(doc), "api.pem": certificate, "api.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(filepath.Join(dir, "doc.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range r.Tests {
		if !test.Passed {
			t.Errorf("%s: %s %+v", test.Name, test.Error, test.Steps)
		}
	}
}

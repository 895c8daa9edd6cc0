package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Explaining while documents change and requests are served disturbs neither, and each explanation is of one document.
func TestExplainWhileReloading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		doc := func(n int) string {
			return fmt.Sprintf("listeners: [\":80\"]\nupstreams: { u%d: { targets: [\"http://a%d\"] } }\nroutes: [{ match: \"/x/{id}\", name: r%d, policies: [{ rate_limit: %d/min }, { concurrency: %d }, { headers: { request: { set: { X-N: \"%d\" } } } }], upstream: u%d }]\n", n, n, n, n+1, n+1, n, n)
		}
		g := w.start(t, doc(0))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 100 {
					e, err := g.Explain(&Question{URL: "/x/1", Headers: HeaderFields{{"Host", "h"}}})
					if err != nil || e.Outcome != "forwarded" {
						t.Errorf("got %+v, %v", e, err)
						return
					}
					n := strings.TrimPrefix(e.Route.Name, "r")
					if e.Upstreams[0].Upstream != "u"+n || e.Policies[2].Changes[0].Value != n {
						t.Errorf("of two documents: %+v", e)
					}
				}
			})
		}
		for n := range 20 {
			if err := g.LoadBytes("c", []byte(doc(n))); err != nil {
				t.Fatal(err)
			}
		}
		all.Wait()
	})
}

// Whatever is asked, there is an answer that can be written, and the document's secret is not in it.
func FuzzExplain(f *testing.F) {
	for _, s := range [][4]string{
		{"GET", "/users/42?a=b", "X-A: 1", ""}, {"POST", "http://h.test/x", "Content-Length: 5\nHost: y", "hello"}, {"OPTIONS", "*", "", ""},
		{"GET", "/%2fadmin", "X-Forwarded-For: 1.2.3.4, x", ""}, {"GET", "/away?to=//x", "Cookie: a=b; c", ""}, {"", "h:99999/\\", "A: \x00", ""},
		{"GET", "/say/%ff", "Accept: \xff", "{\"a\":1}"}, {"M-SEARCH", "/" + strings.Repeat("a/", 300), "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	const doc = `
listeners: [":80"]
trusted_proxies: [127.0.0.0/8]
upstreams: { a: { targets: [http://a, http://b], host: preserve } }
routes:
  - { match: "/users/{id}", policies: [{ rate_limit: { rate: 9/s, per: "request.query['a']" } }, { headers: { request: { set: { X-Id: "${request.params.id}", X-Key: "${env.KEY}" } } } }], rewrite: { path: "/v/${request.params.id}", query: { k: "${env.KEY}" } }, upstream: a }
  - { match: "/admin/{path...}", policies: [{ ip_filter: { allow: 10.0.0.0/8 } }], upstream: a }
  - { match: "/away", redirect: { to: "https://x.test${request.path}?${request.query['to']}" } }
  - { match: "/say/{what}", respond: { json: { what: "${request.params.what}", body: "${request.body}", key: "${env.KEY}" } } }
  - { match: { path: "/{path...}", headers: { Host2: { absent: true } }, when: "request.header('x-a') != '2'" }, upstream: { split: { a: 1 } } }
`
	g := New(Options{Log: silent, Env: func(string) (string, bool) { return "s3cr3t-value", true }, Listen: newWorld().options().Listen})
	f.Cleanup(g.Close)
	if err := g.LoadBytes("c", []byte(doc)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, url, fields, body string) {
		q := &Question{Method: method, URL: url, Body: body}
		for line := range strings.SplitSeq(fields, "\n") {
			name, value, _ := strings.Cut(line, ":")
			q.Headers = append(q.Headers, [2]string{name, strings.TrimSpace(value)})
		}
		e, err := g.Explain(q)
		if err != nil {
			return
		}
		text, err := json.Marshal(e)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.Contains(string(text), "s3cr3t-value") && !strings.Contains(method+url+fields+body, "s3cr3t"):
			t.Errorf("the secret is shown: %s", text)
		case e.Outcome == "forwarded" && (len(e.Upstreams) == 0 || e.Route == nil), e.Outcome != "forwarded" && e.Answer == nil:
			t.Errorf("half an explanation: %s", text)
		}
	})
}

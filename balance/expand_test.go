package balance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/telemetry"
	"sallyport/wire/dns"
)

// Addresses of a name share its weight; those of discover.dns have one each.
func TestWeightsOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		b.set("one", "10.0.0.1")
		b.set("two", "10.0.0.2", "10.0.0.3")
		b.set("three", "10.0.0.4", "10.0.0.5", "10.0.0.6")
		b.set("six", "2001:db8::1")
		b.services["_x._tcp.y"] = []dns.Service{{Target: "one", Port: 81, Weight: 3}, {Target: "two", Port: 82, Weight: 0, Priority: 7}, {Target: "none", Port: 83}}
		for doc, want := range map[string]string{
			"targets: [http://10.9.9.9:81, http://localhost:82, http://x.localhost]":              "10.9.9.9:81*1 localhost:82*1 x.localhost:80*1",
			"targets: [http://one, http://six/base]":                                              "10.0.0.1:80*1 [2001:db8::1]:80/base*1",
			"targets: [{url: http://one, weight: 10}, {url: http://10.9.9.9, weight: 20}]":        "10.0.0.1:80*10 10.9.9.9:80*20",
			"targets: [http://one, http://two:81]":                                                "10.0.0.1:80*2 10.0.0.2:81*1 10.0.0.3:81*1",
			"targets: [{url: http://one, weight: 4}, {url: http://two, weight: 4}, http://three]": "10.0.0.1:80*12 10.0.0.2:80*6 10.0.0.3:80*6 10.0.0.4:80*1 10.0.0.5:80*1 10.0.0.6:80*1",
			"targets: [{url: http://one, weight: 0}, http://two]":                                 "10.0.0.2:80*1 10.0.0.3:80*1",
			"discover: {dns: 'two:8080'}":                                                         "10.0.0.2:8080*1 10.0.0.3:8080*1",
			"discover: {dns: 'http://two/base/'}":                                                 "10.0.0.2:80/base*1 10.0.0.3:80/base*1",
			"discover: {dns: 'three'}\ntargets: [{url: http://one, weight: 2}, http://two]":       "10.0.0.1:80*4 10.0.0.2:80*1 10.0.0.3:80*1 10.0.0.4:80*2 10.0.0.5:80*2 10.0.0.6:80*2",
			"discover: {dns_srv: _x._tcp.y}":                                                      "10.0.0.1:81*6 10.0.0.2:82*1 10.0.0.3:82*1",
			"discover: {dns_srv: 'http://_x._tcp.y/base'}":                                        "10.0.0.1:81/base*6 10.0.0.2:82/base*1 10.0.0.3:82/base*1",
			"targets: [http://none, http://one]":                                                  "10.0.0.1:80*1",
			"targets: [http://one]\ndiscover: {dns: one}":                                         "10.0.0.1:80*1", // found twice, and there once
			"discover: {dns: none}":                                                               "",
		} {
			if got := targets(w.shop(doc)); got != want {
				t.Errorf("%s:\n got %s\nwant %s", doc, got, want)
			}
		}
	})
}

// An address that a name led to is spoken with by that name: Host, server name, and the name in the certificate.
func TestNameOverTLS(t *testing.T) {
	s := secure(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, r.Host, " ", r.TLS.ServerName)
		})
	})
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	b := &book{names: map[string][]string{"example.com": {"127.0.0.1"}, "other.test": {"127.0.0.1"}}, asked: map[string]int{}}
	r := NewRegistry(Options{Resolver: b, Metrics: telemetry.NewMetrics("test")})
	t.Cleanup(r.Close)
	ca := authorityOf(t, s)
	for name, want := range map[string]string{"example.com": "200 example.com:" + port + " example.com", "other.test": ""} {
		for _, doc := range []string{"targets: ['https://%s:%s']", "discover: {dns: 'https://%s:%s'}"} {
			set := r.Prepare(map[string]*Config{"shop": settings(t, fmt.Sprintf(doc+"\ntls: {ca_file: %s}", name, port, ca))})
			set.Look(5 * time.Second)
			set.Commit()
			if got := ask(set.Upstream("shop"), "GET", ""); want == "" && strings.HasPrefix(got, "200") || !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
}

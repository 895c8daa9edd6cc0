package balance

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

func (w *world) prepare(docs map[string]string) *Set {
	configs := map[string]*Config{}
	for name, doc := range docs {
		configs[name] = settings(w.t, doc)
	}
	return w.registry.Prepare(configs)
}

// Endpoints live on from one configuration to the next, with their connections and what is known of them.
func TestReloadKeepsEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		w.target("b:80")
		one := w.upstream("targets: [http://a, http://dead]\nbalance: round_robin")
		get(one)
		get(one)
		dials := w.dials.Load()
		s := w.prepare(map[string]string{
			"shop":  "targets: [http://a, http://dead, http://b]\nbalance: round_robin",
			"other": "targets: [http://a/base]",
		})
		s.Commit()
		if got := strings.Join(s.Names(), " "); got != "other shop" || s.Upstream("none") != nil {
			t.Errorf("upstreams %s", got)
		}
		two := s.Upstream("shop")
		if two.roster.Load().targets[0].endpoint != one.roster.Load().targets[0].endpoint || two.lasting != one.lasting {
			t.Error("the endpoint is another one after the reload")
		}
		if a := get(s.Upstream("other")); a.body != "a:80" || *w.targets[0].path.Load() != "/base/x" {
			t.Errorf("%q %v", a.body, a.err)
		}
		if w.dials.Load() != dials {
			t.Error("the open connection was not used again")
		}
		if st := two.Snapshot(); st.Healthy != 2 || st.Targets[1].Healthy {
			t.Errorf("what was known of the dead target is lost: %+v", st)
		}
		// Different bounds make another endpoint.
		s = w.prepare(map[string]string{"shop": "targets: [http://a]\nmax_connections: 7"})
		s.Commit()
		if s.Upstream("shop").roster.Load().targets[0].endpoint == one.roster.Load().targets[0].endpoint {
			t.Error("endpoints with different bounds are one")
		}
		if n := one.roster.Load().targets[0].pool.Stats().Open; n != 0 {
			t.Errorf("%d connections of an endpoint that nobody uses are open", n)
		}
		if a := get(two); a.err != nil {
			t.Errorf("a request that holds the old upstream: %v", a.err)
		}
		if n := two.roster.Load().targets[0].pool.Stats().Open; n != 0 {
			t.Errorf("it left %d connections open", n)
		}
	})
}

// A configuration that is thrown away changes nothing.
func TestPreparedOnly(t *testing.T) {
	w := newWorld(t)
	u := w.upstream("targets: [http://a]")
	before := w.text()
	w.prepare(map[string]string{"shop": "targets: [http://b]", "other": "targets: [http://c]"})
	if len(w.registry.endpoints) != 1 || w.registry.endpoints[u.roster.Load().targets[0].key] != u.roster.Load().targets[0].endpoint {
		t.Error("the endpoints have changed")
	}
	if after := w.text(); after != before {
		t.Errorf("the metrics have changed:\n%s", after)
	}
}

// text is the series of targets.
func (w *world) text() string {
	var out []string
	rec := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(rec.Body.String()) {
		if strings.Contains(line, "target=") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// Calls and reloads at the same time: no call fails, and the race detector is content.
func TestReloadUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name).delay.Store(int64(time.Millisecond))
		}
		docs := []string{"[http://a, http://b]", "[http://b, http://c]", "[http://a, http://dead, {url: 'http://c', weight: 3}]"}
		var now atomic.Pointer[Upstream]
		now.Store(w.upstream("targets: " + docs[0]))
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 200 {
					u := now.Load()
					time.Sleep(time.Millisecond)
					if a := get(u); a.err != nil {
						t.Error(a.err)
					}
					u.Snapshot()
				}
			})
		}
		for i := range 100 {
			time.Sleep(3 * time.Millisecond)
			now.Store(w.upstream("targets: " + docs[i%3] + "\nbalance: " + []string{"random", "round_robin"}[i%2]))
		}
		wg.Wait()
	})
}

func TestWhatTargetsGet(t *testing.T) {
	for _, c := range []struct{ doc, host, target, wantHost, wantTarget string }{
		{"targets: [http://a]", "", "/x?q=1", "a", "/x?q=1"},
		{"targets: ['http://a:80/']", "", "/x", "a", "/x"},
		{"targets: ['http://a:81/v1/']", "", "/x", "a:81", "/v1/x"},
		{"targets: ['http://a/v1']", "", "*", "a", "*"},
		{"targets: ['http://A.']", "", "/x", "a", "/x"},
		{"targets: [http://a]\nhost: preserve", "", "/x", "api.example.com:8080", "/x"},
		{"targets: [http://a]\nhost: B.example:8443", "", "/x", "b.example:8443", "/x"},
		{"targets: [http://a]\nhost: preserve", "c.example", "/x", "c.example", "/x"},
		{"targets: ['http://[::1]:9000/b%20c']", "", "/x", "[::1]:9000", "/b%20c/x"},
	} {
		u, x := newWorld(t).upstream(c.doc), exchange()
		x.Request.Port = "8080"
		call := wire.Call{}
		u.address(x, &call, u.roster.Load().targets[0], c.target, c.host)
		if call.Host != c.wantHost || call.Target != c.wantTarget {
			t.Errorf("%s: got %s from %s", c.doc, call.Target, call.Host)
		}
	}
}

func TestSettings(t *testing.T) {
	for doc, want := range map[string]string{
		"balance: random":                                                        "it has no targets; list them in targets, or say in discover where they are found",
		"targets: []":                                                            "it has no targets",
		"targets: [ftp://a]":                                                     "targets[0].url: the URL begins with ftp: write http, https or h2c",
		"targets: ['http://me:pw@a']":                                            "targets[0].url: a URL with a name or password",
		"targets: ['http://a?x=1']":                                              "targets[0].url: a target's URL ends with its path",
		"targets: ['http://a/../b']":                                             "targets[0].url: the path leads above",
		"targets: ['http://a;b']":                                                "targets[0].url: the host holds a character",
		"targets: [http://a, http://a:80]":                                       "targets[1]: it is the same as targets[0]",
		"targets: [{url: 'http://a', weight: 0}]":                                "targets: every weight is 0",
		"targets: [{url: 'http://a', priority: -1}]":                             "priority: ",
		"targets: [http://a]\nbalance: consistent_hash":                          "balance: consistent_hash needs to know what calls have in common; write { consistent_hash: { on: ip } }",
		"targets: [http://a]\nbalance: {consistent_hash: ip}":                    "balance.consistent_hash: consistent_hash needs to know",
		"targets: [http://a]\nbalance: {consistent_hash: {}}":                    "balance.consistent_hash: consistent_hash needs to know",
		"targets: [http://a]\nbalance: {random: {}}":                             "balance: random has no settings; write balance: random",
		"targets: [http://a]\nbalance: [random]":                                 "balance: a list is given",
		"targets: [http://a]\nbalance: {}":                                       "balance: write one way to balance: p2c_ewma",
		"targets: [http://a]\nbalance: fair":                                     `balance: "fair" is not known; write p2c_ewma, round_robin, least_request, random or { consistent_hash: { on: … } }`,
		"targets: [http://a]\nbalance: least_requests":                           `balance: "least_requests" is not known, did you mean least_request?`,
		"targets: [http://a]\nbalance: {consistent_hash: {on: header}}":          "balance.consistent_hash.on: the name is missing; write one such as header:X-Tenant",
		"targets: [http://a]\nbalance: {consistent_hash: {on: 'header:a b'}}":    "balance.consistent_hash.on: \"a b\" is no name of a header",
		"targets: [http://a]\nbalance: {consistent_hash: {on: 'header:Host'}}":   "write request.host",
		"targets: [http://a]\nbalance: {consistent_hash: {on: client}}":          "balance.consistent_hash.on: \"client\" is no expression, and none of ip",
		"targets: [http://a]\nbalance: {consistent_hash: {on: ip, load: 100%}}":  "balance.consistent_hash.load: \"100%\": write a percentage from 105% to 10000%",
		"targets: [http://a]\nbalance: {consistent_hash: {on: ip, load: 125}}":   "balance.consistent_hash.load: \"125\": write a percentage",
		"targets: [http://a]\nbalance: {consistent_hash: {on: ip, loads: 125%}}": "loads: unknown",
		"targets: [http://a]\nprotocol: h2":                                      "targets[0].url: protocol h2 needs TLS",
		"targets: [http://a]\nhost: 'a b'":                                       "host: ",
		"targets: [http://a]\nhealth: {}":                                        "health: nothing says what is asked",
		"targets: [http://a]\nhealth: healthz":                                   "health.path: \"healthz\" does not begin with /",
		"targets: [http://a]\nhealth: {path: /x#y}":                              "health.path: ",
		"targets: [http://a]\nhealth: {path: /, tcp: true}":                      "health.tcp: there is a path as well",
		"targets: [http://a]\nhealth: {path: /, grpc: true}":                     "health.grpc: there is a path or tcp as well",
		"targets: [http://a]\nhealth: {path: /, timeout: 6s}":                    "health.timeout: a check may take 6s",
		"targets: [http://a]\nhealth: {path: /, expect: [99]}":                   "health.expect[0]: \"99\": write a status",
		"targets: [http://a]\nhealth: {path: /, expect: 300-200}":                "write a status such as 204",
		"targets: [http://a]\nhealth: {path: /, method: PUT}":                    "health.method: ",
		"targets: [http://a]\nhealth: {path: /, headers: {te: x}}":               "health.headers.te: the gateway makes this header itself",
		"targets: [http://a]\nhealth: {path: /, headers: {'a b': x}}":            "this is no name of a header",
		"- http://a": "write { targets: […] }",
		"targets: [http://a]\nhealth: {grpc: a b}":   "health.grpc: write true for the target as a whole",
		"targets: [http://a]\nhealth: {grpc: false}": "health: nothing says what is asked",
		"discover: {}":                         "discover: it says 0 places to look at; write one of dns, dns_srv and file",
		"discover: {dns: a, dns_srv: b}":       "discover: it says 2 places to look at",
		"discover: {dns: 'a b'}":               "discover.dns: write a name and port such as orders.internal:8080",
		"discover: {dns: 10.0.0.1:80}":         "discover.dns: this is an address and no name; write it in targets",
		"discover: {dns: 'ftp://a'}":           "discover.dns: the URL begins with ftp",
		"discover: {dns: 'http://u:pw@a'}":     "discover.dns: ",
		"discover: {dns_srv: _http._tcp.a:80}": "discover.dns_srv: a name with a port",
		"discover: {dns: a, consul: {}}":       "discover.consul: not yet",
		"discover: {dns: a, interval: 1ms}":    "discover.interval: ",
		"discover: {dns: a, family: ipv5}":     "discover.family: ",
		"discover: {file: none.yaml}":          "discover.file: none.yaml cannot be read: no such file or directory",
		"discover: {file: []}":                 "discover.file: write the name of a file",
	} {
		n, errs := schema.Parse("", []byte(doc))
		c := &Config{}
		errs = append(errs, schema.Of[Config]().Decode(n, c, "")...)
		if len(errs) != 1 || !strings.Contains(errs.Error(), want) || strings.Contains(errs.Error(), "pw@") {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := settings(t, "targets: [http://a, {url: 'http://b', weight: 3, tags: [eu]}]")
	want := Config{
		Balance: Balance{way: P2C}, Protocol: "auto", MaxConnections: 1024, MaxPending: 1024,
		Outliers: Outliers{5, 10 * time.Second, 50},
		Timeouts: Timeouts{2 * time.Second, 30 * time.Second, time.Minute, 0},
		Retry: Retry{
			Budget: 20,
			Again: Again{
				Attempts: 1, Backoff: 25 * time.Millisecond,
				On:      []Condition{{word: connectFailure}, {word: reset}, {"", 502, 502}, {"", 503, 503}, {"", 504, 504}},
				Methods: []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"},
			},
		},
	}
	targets := c.Targets
	c.Targets = nil
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got %+v, want %+v", *c, want)
	}
	if targets[0].Weight != 1 || targets[1].Weight != 3 || targets[1].Tags[0] != "eu" {
		t.Errorf("%+v", targets)
	}
	off := settings(t, "targets: [http://a]\ntimeouts: {response_header: none, total: 1h}\nmax_pending: 0")
	if off.Timeouts.ResponseHeader != 0 || off.Timeouts.Total != time.Hour || off.MaxPending != 0 {
		t.Errorf("%+v", off)
	}
}

// Targets come and go while the configuration stays: those that stay keep their connections and what is known of them.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name)
		}
		const doc = "targets: [http://a, http://b, http://dead]\nbalance: round_robin"
		u := w.upstream(doc)
		for range 6 {
			get(u)
		}
		dials, a := w.dials.Load(), u.roster.Load().targets[0].endpoint
		during := u.roster.Load()
		w.registry.Change(u, settings(t, "targets: [http://c, http://a, http://dead]").Targets)
		if now := u.roster.Load().targets; now[1].endpoint != a || now[2].in() {
			t.Error("what was known of a target that stays is lost")
		}
		if n := during.targets[1].pool.Stats().Open; n != 0 {
			t.Errorf("%d connections to a target that left are open", n)
		}
		seen := map[string]int{}
		for range 6 {
			seen[get(u).body]++
		}
		if seen["a:80"] != 3 || seen["c:80"] != 3 || w.dials.Load() != dials+1 {
			t.Errorf("got %v with %d new connections", seen, w.dials.Load()-dials)
		}
		if strings.Contains(w.text(), `target="b:80"`) || !strings.Contains(w.text(), `target="c:80"`) {
			t.Error("the metrics show other targets than those that are there")
		}
		w.registry.Change(u, nil)
		if answer := get(u); answer.problem() != "no_healthy_target" || answer.header("Retry-After") != "1" {
			t.Errorf("without targets: %v", answer.err)
		}
		if n := len(w.registry.endpoints); n != 0 {
			t.Errorf("%d endpoints are left that nobody uses", n)
		}
		w.upstream(doc)
		w.registry.Change(u, settings(t, "targets: [http://c]").Targets)
		if n := len(w.registry.endpoints); n != 3 || !u.retired {
			t.Errorf("a configuration that is no longer in use was changed: %d endpoints", n)
		}
	})
}

// A target that left while a configuration with it was being built is there again when that one is put in use.
func TestChangeDuringPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		u := w.upstream("targets: [http://a]")
		s := w.prepare(map[string]string{"shop": "targets: [http://a]"})
		w.registry.Change(u, nil)
		s.Commit()
		get(s.Upstream("shop"))
		if n := s.Upstream("shop").roster.Load().targets[0].pool.Stats().Idle; n != 1 {
			t.Errorf("%d connections are kept, want 1", n)
		}
	})
}

package csrf

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, yaml string) *guard {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := &plug.Env{Denied: func(string, string) func() { return func() {} }}
	p, errs := Kind.Build(n, "csrf", env)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p.(*guard)
}

// What Go's own protection decides is what this one decides, for all that browsers and others send.
func TestAsGoDoes(t *testing.T) {
	g, oracle := made(t, "{trusted_origins: [https://trusted.test]}"), http.NewCrossOriginProtection()
	if err := oracle.AddTrustedOrigin("https://trusted.test"); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"} {
		for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site", "Same-Origin", "x"} {
			for _, from := range []string{"", "null", "https://shop.test", "https://shop.test:8443", "http://shop.test", "https://trusted.test", "https://evil.test", "https://shop.test.evil.test", "https://evil.test/shop.test", "shop.test", "https://"} {
				for _, host := range []string{"shop.test", "shop.test:8443", "other.test"} {
					req := httptest.NewRequest(method, "/", nil)
					req.Host = host
					r := &wire.Request{Method: method, Scheme: "http"}
					if fault := wire.ParseAuthority(host, r); fault != nil {
						t.Fatal(fault)
					}
					for name, value := range map[string]string{"Sec-Fetch-Site": site, "Origin": from} {
						if value != "" {
							req.Header.Set(name, value)
							r.Header.Add(name, value)
						}
					}
					want := oracle.Check(req) == nil
					if got := details[g.judge(r)] == ""; got != want {
						t.Errorf("%s to %s, Sec-Fetch-Site %q, Origin %q: passes %v, Go says %v", method, host, site, from, got, want)
					}
				}
			}
		}
	}
}

// Where the gateway can tell more, it is stricter.
func TestStricter(t *testing.T) {
	g := made(t, "{}")
	for _, c := range []struct {
		name string
		r    *wire.Request
		add  [][2]string
		want verdict
	}{
		{"a WebSocket of another page", &wire.Request{Method: "GET", Upgrade: "websocket"}, [][2]string{{"Origin", "https://evil.test"}}, foreign},
		{"a WebSocket of its own", &wire.Request{Method: "GET", Upgrade: "websocket"}, [][2]string{{"Origin", "https://shop.test"}}, sameHost},
		{"a WebSocket of no browser", &wire.Request{Method: "GET", Upgrade: "websocket"}, nil, noBrowser},
		{"a page in clear", &wire.Request{Method: "POST", Scheme: "https"}, [][2]string{{"Origin", "http://shop.test"}}, foreign},
		{"the usual port said", &wire.Request{Method: "POST", Scheme: "https", Port: "443"}, [][2]string{{"Origin", "https://shop.test"}}, sameHost},
		{"two sites", &wire.Request{Method: "POST"}, [][2]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}}, unclear},
		{"two origins", &wire.Request{Method: "POST"}, [][2]string{{"Origin", "https://shop.test"}, {"Origin", "https://shop.test"}}, unclear},
		{"an empty origin", &wire.Request{Method: "POST"}, [][2]string{{"Origin", ""}}, foreign},
		{"an empty site", &wire.Request{Method: "POST"}, [][2]string{{"Sec-Fetch-Site", ""}, {"Origin", "https://evil.test"}}, foreign},
	} {
		c.r.Host = "shop.test"
		for _, f := range c.add {
			c.r.Header.Add(f[0], f[1])
		}
		if got := g.judge(c.r); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	g := made(t, "{trusted_origins: https://*.trusted.test}")
	x := &policy.Exchange{Request: &wire.Request{Method: "POST", Host: "shop.test"}}
	x.Request.Header.Add("Origin", "https://shop.test")
	resp := &wire.Response{}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		if _, err := g.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

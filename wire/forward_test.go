package wire

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// request makes a request from peer whose header is fields, "Name: value" each.
func request(peer string, fields ...string) *Request {
	r := &Request{Method: "GET", Scheme: "http", Host: "api.example.com", Conn: &Conn{}}
	if peer != "" {
		r.Conn.Remote = netip.MustParseAddrPort(peer)
	}
	r.Header = header(fields...)
	return r
}

func header(fields ...string) (h Header) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		h.AddRead(NameOf(name), name, strings.TrimSpace(value))
	}
	return h
}

func lines(h *Header) string {
	var b strings.Builder
	for name, value := range h.All() {
		b.WriteString(name + ": " + value + "\n")
	}
	return b.String()
}

func edge() *Edge {
	return &Edge{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}}
}

func TestAdmitUntrusted(t *testing.T) {
	const own = "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n" +
		"Forwarded: for=203.0.113.9;host=api.example.com;proto=http\n"
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"ordinary fields stay", "Accept: */*|X-Api-Key: k|Authorization: Bearer x|Cookie: a=b|X-Role: user|X-Custom: 1",
			"Accept: */*\nX-Api-Key: k\nAuthorization: Bearer x\nCookie: a=b\nX-Role: user\nX-Custom: 1\n"},
		{"addresses", "X-Forwarded-For: 10.0.0.1|X-Real-IP: 10.0.0.1|Forwarded: for=10.0.0.1|True-Client-IP: 10.0.0.1|" +
			"CF-Connecting-IP: 10.0.0.1|X-Client-IP: 10.0.0.1|X-Cluster-Client-IP: 10.0.0.1|Fastly-Client-IP: 1|A: b", "A: b\n"},
		{"the forwarded family", "X-Forwarded-Proto: https|x-forwarded-host: evil|X-Forwarded-Port: 1|X-FORWARDED-PREFIX: /a|X-Forwarded-Uri: /|" +
			"X-Forwarded-Client-Cert: c|X-Forwarded: x", ""},
		{"rewriting", "X-Original-URL: /admin|X-Rewrite-Url: /admin|X-Original-Host: h|X-HTTP-Method-Override: PUT|" +
			"X-HTTP-Method: PUT|X-Method-Override: PUT|Proxy: p|X-Middleware-Subrequest: m|x-envoy-retry-on: 5xx", ""},
		{"identity", "X-User: a|X-User-Id: a|x-user-roles: a|X-Consumer-Username: a|X-Credential-Identifier: a|X-Auth-User: a|" +
			"X-Auth-Request-Email: a|X-Authenticated-Userid: a|X-Remote-User: a|Remote-User: a|X-WebAuth-User: a|" +
			"SSL-Client-S-DN: a|X-SSL-Client-Cert: a|X-Client-Cert-Dn: a|Client-Cert: a", ""},
		{"a request id", "X-Request-Id: mine", ""},
		{"underscores", "X_Forwarded_For: 1|x_anything: 1|api_key: 1|B: 1", "B: 1\n"},
		{"aliases with dots", "X.User.Id: admin|X.Forwarded-For: 1|x.request.id: 1|Remote.User: a|X.Custom: 1", "X.Custom: 1\n"},
		{"near misses", "X-Users: 1|X-User-Agent: grpc|X-Auth-Token: t|Proxy-Status: 1|Forwarded-By: 1|X-Hosting: 1|X-: 1|X: 1",
			"X-Users: 1\nX-User-Agent: grpc\nX-Auth-Token: t\nProxy-Status: 1\nForwarded-By: 1\nX-Hosting: 1\nX-: 1\nX: 1\n"},
		{"an exception in another spelling", "X.User.Agent: 1|X-Auth.Token: 1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("203.0.113.9:1234", strings.FieldsFunc(c.in, func(c rune) bool { return c == '|' })...)
			client, port := edge().Admit(r, new(ConnFacts))
			if client.String() != "203.0.113.9" || port != 1234 {
				t.Errorf("client is %v, port %d", client, port)
			}
			if got := lines(&r.Header); got != c.want+own {
				t.Errorf("got\n%swant\n%s", got, c.want+own)
			}
			for i := range r.Header.Len() {
				if f := r.Header.At(i); f.id != NameOf(f.Name) {
					t.Errorf("%s has the id of %s", f.Name, f.id)
				}
			}
		})
	}
}

func TestAdmitPass(t *testing.T) {
	e := &Edge{Pass: []string{"api_key", "X-User-Id", "x-real-ip", "X-Forwarded-For", "X-Request-Id"}}
	r := request("203.0.113.9:1", "API_KEY: k", "x-user-id: 7", "X-Real-IP: 1", "X-Forwarded-For: 6.6.6.6", "X-Request-Id: mine", "X-User.Id: 8")
	e.Admit(r, new(ConnFacts))
	got := lines(&r.Header)
	if want := "API_KEY: k\nx-user-id: 7\nX-Real-IP: 1\nX-Forwarded-For: 203.0.113.9\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant first\n%s", got, want)
	}
	if strings.Contains(got, "6.6.6.6") || strings.Contains(got, "mine") || strings.Contains(got, "8") && strings.Contains(got, "X-User.Id") {
		t.Errorf("the gateway's own names must not be passed:\n%s", got)
	}
}

func TestAdmitOwnWords(t *testing.T) {
	for _, c := range []struct{ name, peer, host, port, scheme, want string }{
		{"IPv6 client", "[2001:db8::9]:5", "a.example", "", "https",
			"X-Forwarded-For: 2001:db8::9\nX-Forwarded-Proto: https\nX-Forwarded-Host: a.example\n" +
				"Forwarded: for=\"[2001:db8::9]\";host=a.example;proto=https\n"},
		{"mapped client", "[::ffff:203.0.113.9]:5", "a.example", "", "http",
			"X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.example\n" +
				"Forwarded: for=203.0.113.9;host=a.example;proto=http\n"},
		{"client with a zone", "[fe80::1%eth0]:5", "a.example", "", "http",
			"X-Forwarded-For: fe80::1\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.example\n" +
				"Forwarded: for=\"[fe80::1]\";host=a.example;proto=http\n"},
		{"port in the authority", "203.0.113.9:5", "a.example", "8080", "http",
			"X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.example:8080\n" +
				"Forwarded: for=203.0.113.9;host=\"a.example:8080\";proto=http\n"},
		{"IPv6 host", "203.0.113.9:5", "2001:db8::1", "80", "http",
			"X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Host: [2001:db8::1]:80\n" +
				"Forwarded: for=203.0.113.9;host=\"[2001:db8::1]:80\";proto=http\n"},
		{"IPv6 host in brackets", "203.0.113.9:5", "[2001:db8::1]", "", "http",
			"X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Host: [2001:db8::1]\n" +
				"Forwarded: for=203.0.113.9;host=\"[2001:db8::1]\";proto=http\n"},
		{"HTTP/1.0 without a host", "203.0.113.9:5", "", "", "http",
			"X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nForwarded: for=203.0.113.9;proto=http\n"},
		{"a peer without an address", "", "a.example", "", "http",
			"X-Forwarded-Proto: http\nX-Forwarded-Host: a.example\nForwarded: for=unknown;host=a.example;proto=http\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.peer)
			r.Host, r.Port, r.Scheme = c.host, c.port, c.scheme
			edge().Admit(r, new(ConnFacts))
			if got := lines(&r.Header); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestAdmitOneConnection(t *testing.T) {
	var c ConnFacts
	e := edge()
	ask := func(host, want string) {
		t.Helper()
		r := request("203.0.113.9:5")
		r.Host = host
		e.Admit(r, &c)
		if got := r.Header.Get("Forwarded") + " " + r.Header.Get("X-Forwarded-Host"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	ask("a.example", "for=203.0.113.9;host=a.example;proto=http a.example")
	ask("b.example", "for=203.0.113.9;host=b.example;proto=http b.example")
	ask("a.example", "for=203.0.113.9;host=a.example;proto=http a.example")

	// A reload that trusts the peer counts for connections that stand already.
	e = &Edge{Trusted: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
	r := request("203.0.113.9:5", "X-Forwarded-For: 198.51.100.7")
	if client, _ := e.Admit(r, &c); client.String() != "198.51.100.7" || !c.Trusted() {
		t.Errorf("client is %v after the edge changed", client)
	}
}

func TestAdmitTrusted(t *testing.T) {
	for _, c := range []struct{ name, in, client, want string }{
		{"nothing told", "", "10.0.0.1",
			"X-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1;host=api.example.com;proto=http\n" +
				"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"extended", "X-Forwarded-For: 198.51.100.7|X-Forwarded-Proto: https|X-Forwarded-Host: shop.example|X-User-Id: 7|X-Real-IP: 198.51.100.7",
			"198.51.100.7",
			"X-Forwarded-For: 198.51.100.7, 10.0.0.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: shop.example\nX-User-Id: 7\nX-Real-IP: 198.51.100.7\n" +
				"Forwarded: for=198.51.100.7, for=10.0.0.1;host=api.example.com;proto=http\n"},
		{"Forwarded alone", `Forwarded: for="[2001:db8::7]:99";proto=https`, "2001:db8::7",
			`Forwarded: for="[2001:db8::7]:99";proto=https, for=10.0.0.1;host=api.example.com;proto=http` + "\n" +
				"X-Forwarded-For: 2001:db8::7, 10.0.0.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"both, of one mind", "X-Forwarded-For: 6.6.6.6, 198.51.100.7|Forwarded: for=198.51.100.7", "198.51.100.7",
			"X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.1\n" +
				"Forwarded: for=198.51.100.7, for=10.0.0.1;host=api.example.com;proto=http\n" +
				"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"both, but the client wrote one", "X-Forwarded-For: 198.51.100.7|Forwarded: for=6.6.6.6", "198.51.100.7",
			"X-Forwarded-For: 198.51.100.7, 10.0.0.1\n" +
				"Forwarded: for=198.51.100.7, for=10.0.0.1;host=api.example.com;proto=http\n" +
				"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"several lines become one", "X-Forwarded-For: 6.6.6.6|A: b|x-forwarded-for: 198.51.100.7", "198.51.100.7",
			"X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.1\nA: b\n" +
				"Forwarded: for=198.51.100.7, for=10.0.0.1;host=api.example.com;proto=http\n" +
				"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"aliases come from the client", "X.Forwarded.For: 6.6.6.6|X_Forwarded_For: 6.6.6.6|X_Y: 1|X.Y: 1", "10.0.0.1",
			"X.Y: 1\nX-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1;host=api.example.com;proto=http\n" +
				"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n"},
		{"bad scheme and host", "X-Forwarded-Proto: javascript|X-Forwarded-Host: evil/x", "10.0.0.1",
			"X-Forwarded-Proto: http\nX-Forwarded-Host: api.example.com\n" +
				"X-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1;host=api.example.com;proto=http\n"},
		{"lists of schemes and hosts", "X-Forwarded-Proto: https,http|X-Forwarded-Host: a.example:8443 , b.example|X-Forwarded-Host: c", "10.0.0.1",
			"X-Forwarded-Proto: https\nX-Forwarded-Host: a.example:8443\n" +
				"X-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1;host=api.example.com;proto=http\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("10.0.0.1:1234", strings.FieldsFunc(c.in, func(c rune) bool { return c == '|' })...)
			client, _ := edge().Admit(r, new(ConnFacts))
			if client.String() != c.client {
				t.Errorf("client is %v, want %s", client, c.client)
			}
			if got := lines(&r.Header); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct {
		name, peer, in string
		kept           bool
	}{
		{"from a client", "203.0.113.9:1", "mine", false},
		{"from a proxy", "10.0.0.1:1", "mine-1/2", true},
		{"at the bound", "10.0.0.1:1", strings.Repeat("a", 128), true},
		{"too long", "10.0.0.1:1", strings.Repeat("a", 129), false},
		{"with a space", "10.0.0.1:1", "a b", false},
		{"not ASCII", "10.0.0.1:1", "é", false},
		{"empty", "10.0.0.1:1", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.peer, "x-request-id: "+c.in)
			var facts ConnFacts
			e := edge()
			e.Admit(r, &facts)
			id := e.Identify(r, &facts, time.Unix(1700000000, 123e6))
			if got := r.Header.Values("X-Request-Id"); len(got) != 1 || got[0] != id {
				t.Errorf("the field holds %q, the id is %q", got, id)
			}
			if c.kept != (id == c.in) {
				t.Errorf("id is %q", id)
			}
			if !c.kept && (len(id) != 36 || id[:15] != "018bcfe5-687b-7" || !strings.Contains("89ab", id[19:20])) {
				t.Errorf("%q is no UUIDv7 of its time", id)
			}
		})
	}
}

func TestNewIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	now := time.Now()
	for range 10000 {
		id := NewID(&Request{}, now)
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
}

func TestManagedFoldsEverySpelling(t *testing.T) {
	for _, n := range managedNames {
		n = strings.TrimSuffix(n, "*")
		for _, spelt := range []string{n, strings.ToUpper(n), strings.ReplaceAll(n, "-", "_"), strings.ReplaceAll(n, "-", ".")} {
			if spelt[len(spelt)-1] == '-' || spelt[len(spelt)-1] == '.' || spelt[len(spelt)-1] == '_' {
				spelt += "z"
			}
			if !Managed(spelt) {
				t.Errorf("%s slips through", spelt)
			}
		}
	}
}

// usual is the header of an ordinary request.
var usual = header("User-Agent: curl/8", "Accept: */*", "Accept-Encoding: gzip, br", "Accept-Language: en", "Cookie: session=1234567890",
	"X-Api-Key: abcdefghijklmnop", "Content-Type: application/json", "Cache-Control: no-cache", "Origin: https://shop.example", "X-Requested-With: fetch")

func TestAdmissionAllocatesNothing(t *testing.T) {
	r, c, e, now := request("203.0.113.9:1"), new(ConnFacts), edge(), time.Now()
	var room [256]byte
	hosts := []string{"a.example", "b.example"}
	i := 0
	n := testing.AllocsPerRun(1000, func() {
		r.Header.CopyFrom(&usual)
		r.SetRoom(room[:])
		r.Host = hosts[i%2]
		i++
		e.Admit(r, c)
		e.Identify(r, c, now)
		ContinueTrace(r)
	})
	if n != 0 {
		t.Errorf("%v allocations a request, want 0", n)
	}
}

func BenchmarkAdmit(b *testing.B) {
	r, c, e := request("203.0.113.9:1"), new(ConnFacts), edge()
	b.ReportAllocs()
	for b.Loop() {
		r.Header.CopyFrom(&usual)
		e.Admit(r, c)
	}
}

func BenchmarkAdmission(b *testing.B) {
	r, c, e, now := request("203.0.113.9:1"), new(ConnFacts), edge(), time.Now()
	var room [256]byte
	b.ReportAllocs()
	for b.Loop() {
		r.Header.CopyFrom(&usual)
		r.SetRoom(room[:])
		e.Admit(r, c)
		e.Identify(r, c, now)
		ContinueTrace(r)
	}
}

func TestTrailerAllowed(t *testing.T) {
	for name, want := range map[string]bool{
		"Grpc-Status": true, "Grpc-Message": true, "X-Checksum": true, "Server-Timing": true, "Digest": true,
		"Content-Length": false, "Host": false, "Authorization": false, "X-Forwarded-For": false, "X-Request-Id": false,
		"X-User-Id": false, "x_user_id": false, "X.User.Id": false, "X-Forwarded-Prefix": false, "Remote-User": false,
	} {
		if got := TrailerAllowed(&Field{Name: name, id: NameOf(name)}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

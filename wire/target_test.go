package wire

import (
	"strings"
	"testing"
)

func TestParseAuthority(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for in, want := range map[string][2]string{
		"gw.test":                {"gw.test", ""},
		"ADMIN.TEST.":            {"admin.test", ""},
		"admin.test:8443":        {"admin.test", "8443"},
		"Gw.Test.:80":            {"gw.test", "80"},
		"gw.test:":               {"gw.test", ""},
		"a_b-c.x1":               {"a_b-c.x1", ""},
		"xn--admin-.test":        {"xn--admin-.test", ""},
		"127.0.0.1:8080":         {"127.0.0.1", "8080"},
		"[::1]":                  {"[::1]", ""},
		"[::1]:8080":             {"[::1]", "8080"},
		"[0:0:0:0:0:0:0:1]:1":    {"[::1]", "1"},
		"[2001:DB8::A]":          {"[2001:db8::a]", ""},
		"[::ffff:1.2.3.4]":       {"[::ffff:1.2.3.4]", ""},
		label63 + ".test":        {label63 + ".test", ""},
		"localhost:65535":        {"localhost", "65535"},
		strings.ToUpper(label63): {label63, ""},
	} {
		var r Request
		if fault := ParseAuthority(in, &r); fault != nil || r.Host != want[0] || r.Port != want[1] {
			t.Errorf("ParseAuthority(%q) = %q, %q, %v; want %q", in, r.Host, r.Port, fault, want)
		}
	}
	for _, in := range []string{
		"", ":", ":80", ".", "..", ".gw.test", "gw..test", "gw.test..", label63 + "a.test", strings.Repeat("a.", 127) + "ab",
		"a@gw.test", "user:pw@gw.test", "gw.test/evil", "gw.test, evil.test", "gw.test,evil.test", "gw.test evil", " gw.test", "gw.test ",
		"gw.test\x00.evil", "gw.test\t", "gw%2etest", "gw.test?x", "gw.test#x", `gw.test\x`, "gw.test;x", "g\xc3\xbc.test", "gw.test\x7f",
		"gw.test:80:80", "gw.test:abc", "gw.test:-1", "gw.test:+80", "gw.test:080", "gw.test:0", "gw.test:65536", "gw.test:999999", "gw.test:8 0",
		"[gw.test]", "[::1", "::1", "[]", "[::1]x", "[::1]:x", "[127.0.0.1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[v1.x]", "[::1]]", "a[::1]",
		"*.test", "gw.test!", "~", "'", "gw\u3002test", "gw.test:８０",
	} {
		var r Request
		if fault := ParseAuthority(in, &r); fault == nil || fault.Status != 400 {
			t.Errorf("ParseAuthority(%q) = %q, %q, %v; want a fault 400", in, r.Host, r.Port, fault)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ method, target, host, path, query string }{
		{"GET", "/", "", "/", ""},
		{"GET", "/a/../b?x=%zz\\&y=/../..", "", "/b", `x=%zz\&y=/../..`},
		{"GET", "/admin/x?/public/", "", "/admin/x", "/public/"},
		{"GET", "/x??", "", "/x", "?"},
		{"GET", "/http://a/b", "", "/http:/a/b", ""},
		{"GET", "http://GW.test/x?y", "gw.test", "/x", "y"},
		{"GET", "HTTP://gw.test:80//x", "gw.test:80", "/x", ""},
		{"GET", "http://gw.test", "gw.test", "/", ""},
		{"GET", "http://gw.test?a=/b", "gw.test", "/", "a=/b"},
		{"OPTIONS", "*", "", "*", ""},
		{"OPTIONS", "http://gw.test", "gw.test", "*", ""},
		{"OPTIONS", "http://gw.test/", "gw.test", "/", ""},
		{"GET", "/" + strings.Repeat("a", 7900), "", "/" + strings.Repeat("a", 7900), ""},
	} {
		r := Request{Method: c.method, Scheme: "http"}
		fault := ParseTarget(&r, c.target)
		host := r.Host
		if r.Port != "" {
			host += ":" + r.Port
		}
		if fault != nil || r.Path.Text != c.path || r.Query != c.query || host != c.host {
			t.Errorf("ParseTarget(%.80q) = %q, %.80q, %q, %v; want %q, %.80q, %q", c.target, host, r.Path.Text, r.Query, fault, c.host, c.path, c.query)
		}
	}
	for _, c := range [][2]string{
		{"GET", ""}, {"GET", "*"}, {"GET", "admin/x"}, {"GET", "?x"}, {"GET", "gw.test:80"}, {"GET", "/x#/../../admin"}, {"GET", "/x?a#b"}, {"GET", "#"},
		{"GET", "ftp://gw.test/x"}, {"GET", "https://gw.test/x"}, {"GET", "http:/gw.test/x"}, {"GET", "http:///x"}, {"GET", "http://"},
		{"GET", "http://a@gw.test/x"}, {"GET", "http://gw.test#x"}, {"GET", "http://gw.test/x#"}, {"GET", "http://[gw.test]/"}, {"GET", "://x/"},
		{"GET", "http://gw.test\\@evil/"}, {"GET", "http://gw.test%2f/"},
		{"CONNECT", "gw.test:80"}, {"CONNECT", "/x"}, {"CONNECT", "127.0.0.1:22"}, {"OPTIONS", "**"}, {"OPTIONS", "*/x"}, {"GET", "/a b"}, {"GET", "/x?a b"},
		{"GET", "/x?\x01"}, {"GET", "/x?\xc3\xa9"}, {"GET", "/../x"},
	} {
		r := Request{Method: c[0], Scheme: "http"}
		if fault := ParseTarget(&r, c[1]); fault == nil || fault.Status != 400 {
			t.Errorf("ParseTarget(%s %q) = %q, %v; want a fault 400", c[0], c[1], r.Path.Text, fault)
		}
	}
}

func TestTargetAndHostAgree(t *testing.T) {
	for _, c := range []struct {
		target, host string
		ok           bool
	}{
		{"http://gw.test/x", "gw.test", true},
		{"http://gw.test/x", "GW.TEST.", true},
		{"http://gw.test:80/x", "gw.test", true},
		{"http://gw.test/x", "gw.test:80", true},
		{"http://gw.test/x", "admin.test", false},
		{"http://admin.test/x", "gw.test", false},
		{"http://gw.test:81/x", "gw.test", false},
		{"http://gw.test/x", "", false},
		{"/x", "admin.test", true},
	} {
		r := Request{Method: "GET", Scheme: "http"}
		fault := ParseTarget(&r, c.target)
		if fault == nil {
			fault = ParseAuthority(c.host, &r)
		}
		if (fault == nil) != c.ok {
			t.Errorf("%s with Host %q: %v; want ok %v", c.target, c.host, fault, c.ok)
		}
	}
}

func TestAuthorityAllocates(t *testing.T) {
	room := make([]byte, 512)
	for _, host := range []string{"api.example.com:8080", "API.example.com", "[0::1]:80"} {
		if n := testing.AllocsPerRun(100, func() {
			var r Request
			r.SetRoom(room)
			if fault := ParseAuthority(host, &r); fault != nil {
				t.Fatal(fault)
			}
		}); n != 0 {
			t.Errorf("ParseAuthority(%q) allocates %v times", host, n)
		}
	}
}

func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"gw.test:80", "[::1]:1", "A.b.", "[::ffff:1.2.3.4]", "a..b", "1:2:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r, again Request
		if ParseAuthority(s, &r) != nil {
			return
		}
		joined := r.Host
		if r.Port != "" {
			joined += ":" + r.Port
		}
		if fault := ParseAuthority(joined, &again); fault != nil || again.Host != r.Host || again.Port != r.Port {
			t.Fatalf("ParseAuthority(%q) = %q, and again %q:%q, %v", s, joined, again.Host, again.Port, fault)
		}
		if strings.ContainsAny(joined, "/?#@\\ \t\r\n,;%") || strings.ToLower(joined) != joined {
			t.Fatalf("ParseAuthority(%q) = %q", s, joined)
		}
	})
}

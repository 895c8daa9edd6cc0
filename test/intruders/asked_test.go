package intruders

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Whoever is asked about a request decides about that request, and nobody says in its place who sent it.
func TestForwardAuth(t *testing.T) {
	l := newLab(t)
	for range 3 { // the first is asked about, the others are remembered
		for _, who := range []string{"alice", "bob"} {
			for _, head := range []string{"", "X-User-Id: root\r\n", "x-user-id: root\r\nX-User-ID: root\r\n", "X_User_Id: root\r\n", "Connection: X-User-Id\r\nX-User-Id: root\r\n", "Connection: Authorization\r\n", "X-Forwarded-Uri: /public\r\nX-Forwarded-Method: OPTIONS\r\nX-Original-URL: /public\r\n"} {
				r := l.ask(t, request{target: "/asked/x", head: head + "Authorization: Bearer " + who + "\r\n"})
				if r.status == 400 && strings.Contains(head, "_") || r.status == 401 && strings.Contains(head, "Connection: Authorization") {
					continue
				}
				if r.status != 200 || len(r.reached) != 1 || fmt.Sprint(userIDs(r.reached[0])) != "["+who+"]" {
					t.Errorf("%s, %q: %v", who, head, r)
				}
			}
		}
	}
	r := l.ask(t, request{target: "/asked/x", head: "X-User-Id: root\r\nAuthorization: Bearer nameless\r\n"})
	if r.status != 200 || len(r.reached) != 1 || len(userIDs(r.reached[0])) > 0 {
		t.Errorf("somebody without a name: %v", r)
	}
	for head, status := range map[string]int{"": 401, "Authorization: Bearer carol\r\n": 401, "Authorization: Bearer broken\r\n": 503, "Authorization: Bearer odd\r\n": 503, "Authorization: Bearer alice \r\nAuthorization: Bearer carol\r\n": 401, "Cookie: Authorization=alice\r\n": 401} {
		for range 2 {
			if r := l.ask(t, request{target: "/asked/x", head: head}); r.status != status && r.status != 400 || len(r.reached) > 0 {
				t.Errorf("%q: %v, want %d", head, r, status)
			}
		}
	}
	if r := l.ask(t, request{target: "/unanswered", head: "Authorization: Bearer alice\r\n"}); r.status != 503 && r.status != 502 || len(r.reached) > 0 {
		t.Errorf("nobody to ask: %v", r)
	}
}

// The question is about what goes on: the same path, host and method, and nothing of the body or its framing.
func TestForwardAuthAsksTheTruth(t *testing.T) {
	l := newLab(t)
	for n, target := range []string{"/asked/a/../b", "/asked/./c", "/asked//d", "/asked/%65", "/asked/f%2fg", "/asked/h?x=1&y=%20", "/asked/i?", "/asked/%2e%2e/admin/j", "http://admin.test/asked/k", "/public/../asked/l"} {
		r := l.ask(t, request{method: http.MethodPost, target: target, head: "Authorization: Bearer alice\r\nX-Forwarded-Uri: /free\r\nX-Forwarded-Host: free.test\r\nX-Forwarded-For: 10.0.0.1\r\nExpect: \r\n", body: fmt.Sprint("body ", n)})
		if len(r.reached) == 0 {
			if r.status == 200 {
				t.Errorf("%s: %v", target, r)
			}
			continue
		}
		l.mu.Lock()
		asked := l.asked
		l.mu.Unlock()
		if len(asked) != 1 {
			t.Errorf("%s: the judge was asked %d times", target, len(asked))
			continue
		}
		h, got := asked[0].Header, r.reached[0]
		if uri := h["X-Forwarded-Uri"]; len(uri) != 1 || uri[0] != got.RequestURI || fmt.Sprint(h["X-Forwarded-Method"]) != "[POST]" || strings.Contains(fmt.Sprint(h["X-Forwarded-Host"], h["X-Forwarded-For"]), "free.test") || strings.Contains(fmt.Sprint(h["X-Forwarded-For"]), "10.0.0.1") {
			t.Errorf("%s: asked about %q, sent %s", target, h, got.RequestURI)
		}
		if asked[0].ContentLength > 0 || len(asked[0].TransferEncoding) > 0 || h.Get("Expect") != "" {
			t.Errorf("%s: the judge got the framing of a body: %q", target, h)
		}
	}
}

// Several ways in are no way around one of them.
func TestSeveralWaysIn(t *testing.T) {
	l := newLab(t)
	good := l.issuer.good()
	basicGood := base64.StdEncoding.EncodeToString([]byte("acme:" + password))
	for head, want := range map[string]int{
		"X-API-Key: " + goodKey + "\r\n": 200, "Authorization: Basic " + basicGood + "\r\n": 200, "Authorization: Bearer " + good + "\r\n": 200, "": 401, "X-API-Key: wrong\r\n": 401, "Authorization: Basic YWNtZTp4\r\n": 401,
		"Authorization: Bearer " + good[:len(good)-4] + "AAAA\r\n": 401, "Authorization: Negotiate x\r\n": 401, "X-Consumer: acme\r\n": 401, "X-API-Key: \r\n": 401,
	} {
		r := l.ask(t, request{target: "/either", head: head})
		if r.status != want || (len(r.reached) > 0) != (want == 200) {
			t.Errorf("%.40q: %v, want %d", head, r, want)
		}
		for _, got := range r.reached {
			if text := fmt.Sprint(got.Header); strings.Contains(text, goodKey) || strings.Contains(text, basicGood) || strings.Contains(text, good) {
				t.Errorf("%.40q: the credential goes on: %q", head, got.Header)
			}
		}
	}
	// A credential of one way that came along with a good one of another goes no further either way, good or bad.
	r := l.ask(t, request{target: "/either", head: "X-API-Key: " + goodKey + "\r\nAuthorization: Bearer " + good + "\r\n"})
	if r.status == 200 && len(r.reached) == 1 && strings.Contains(fmt.Sprint(r.reached[0].Header), goodKey) {
		t.Errorf("both: %v %q", r, r.reached[0].Header)
	}
}

// A page of somebody else cannot have a browser send what changes something.
func TestForeignPages(t *testing.T) {
	l := newLab(t)
	kinds := []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json", ""}
	for _, head := range []string{"Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n", "Origin: https://evil.test\r\n", "Origin: null\r\n", "Origin: http://gw.test.evil.test\r\n", "Origin: https://gw.test:444\r\n", "Origin: https://gw.test@evil.test\r\n", "Origin: gw.test\r\n", "Origin: \r\n",
		"Origin: https://evil.test\r\nReferer: https://gw.test/\r\n", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: SAME-ORIGIN, cross-site\r\n", "Origin: https://evil.test\r\nX-Requested-With: XMLHttpRequest\r\n",
		"Origin: https://evil.test\r\nX-Forwarded-Host: evil.test\r\n", "Origin: https://evil.test\r\nHost: evil.test\r\n", "Origin: https://evil.test\r\nX-HTTP-Method-Override: GET\r\n", "Origin: https://gw.test\r\nOrigin: https://evil.test\r\n", "Sec-Fetch-Site: sideways\r\nOrigin: https://evil.test\r\n"} {
		for _, kind := range kinds {
			for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "QUERY"} {
				r := l.ask(t, request{method: method, target: "/form", head: head + "Content-Type: " + kind + "\r\nCookie: session=1\r\n", body: "a=b"})
				if r.status != 403 && r.status != 400 && r.status != 405 && r.status != 501 || len(r.reached) > 0 {
					t.Errorf("%s %q %s: %v", method, head, kind, r)
				}
			}
		}
	}
	if r := l.ask(t, request{method: "POST", target: "/form", head: "Origin: https://evil.test\r\n", host: "evil.test:80", body: "a=b"}); len(r.reached) > 0 && r.reached[0].Host != "evil.test:80" {
		t.Errorf("another host: %v", r)
	}
	for _, head := range []string{"", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"} {
		if r := l.ask(t, request{method: "POST", target: "/form", head: head, body: "a=b"}); r.status != 200 {
			t.Errorf("%q: %v", head, r)
		}
	}
}

// A rule on the path sees the path that goes on, however it was written.
func TestRulesSeeWhatGoesOn(t *testing.T) {
	l := newLab(t)
	for _, target := range []string{"/ruled/private", "/ruled/private/x", "/ruled/./private", "/ruled/x/../private", "/ruled//private", "/ruled/%70rivate", "/ruled/x/%2e%2e/private", "/ruled/x/..%2fprivate", "/ruled/private%2f", "/ruled/private;x", "/ruled/;/private", "/ruled/%2e/private", "//ruled/private", "/ruled/x/.%2e/private",
		"/RULED/private", "/ruled\\private", "/ruled/%5cprivate", "/ruled/private%00", "/ruled/%2570rivate", "/ruled/ｐrivate", "http://gw.test/ruled/private", "/ruled/private?", "/ruled/private#x", "/public/../ruled/private", "/ruled/%2e%2e/ruled/private"} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "BREW"} {
			r := l.ask(t, request{method: method, target: target})
			for _, got := range r.reached {
				path := strings.SplitN(got.RequestURI, "?", 2)[0]
				if strings.HasPrefix(path, "/ruled/private") || strings.Contains(path, "..") || strings.Contains(path, "//") {
					t.Errorf("%s %s: reached as %s", method, target, got.RequestURI)
				}
			}
		}
	}
	if r := l.ask(t, request{target: "/ruled/private", head: "X-Token: t-0123456789\r\n"}); r.status != 200 {
		t.Errorf("with the token: %v", r)
	}
	for _, head := range []string{"X-Token: t-0123456789 x\r\n", "X-Token: x\r\nX-Token: t-0123456789\r\n", "X_Token: t-0123456789\r\n", "X-Token: T-0123456789\r\n"} {
		if r := l.ask(t, request{target: "/ruled/private", head: head}); r.status == 200 || len(r.reached) > 0 {
			t.Errorf("%q: %v", head, r)
		}
	}
}

// What stands under a guarded prefix, host or pattern is guarded however it is asked for; what is forwarded without a key leads nowhere near it.
func TestGuardedPlaces(t *testing.T) {
	l := newLab(t)
	guarded := []string{"/admin/", "/reports/a.pdf", "/v1/private"}
	targets := []string{"/admin/x", "/admin/", "/admin/x/../y", "/x/../admin/y", "/admin/%2e%2e/admin/x", "//admin/x", "/admin//x", "/%61dmin/x", "/admin/x;a=b", "/public/..%2fadmin/x", "/public/%2e%2e%2fadmin/x", "/public/..;/admin/x", "/public/..%5cadmin/x", "/public/..%c0%afadmin/x", "/./admin/x", "/admin%2fx", "/admin%2Fx",
		"/reports/a.pdf", "/reports/a.pdf/", "/reports//a.pdf", "/reports/./a.pdf", "/reports/%61.pdf", "/reports/a%2epdf", "/reports/a.pdf?x", "/reports/a.pdf;x", "/reports/a.pd%66", "/reports/x/../a.pdf", "/reports/a.pdf%20", "/reports/a.pdf%00", "/reports/a.pdf#", "/reports;/a.pdf", "/reports/a.PDF", "/reports%2fa.pdf",
		"/v1/private", "/v1/private/", "/v1/private/x", "/v1//private", "/v1/./private", "/v1/%70rivate", "/v%31/private", "/v1/x/../private", "/v1/private%2f", "/v1%2fprivate", "/v1/private;x", "/v01/private", "/v1/private%0a", "/v1/private%0d%0a", "/x/../v1/private"}
	for _, target := range targets {
		for _, r := range []request{{target: target}, {target: target, method: "POST"}, {target: target, method: "HEAD"}, {target: target, method: "OPTIONS"}, {target: target, method: "PROPFIND"}, {target: "http://gw.test" + target}, {target: "http://admin.test" + target}, {target: target, host: "GW.TEST:80"},
			{target: target, head: "X-HTTP-Method-Override: OPTIONS\r\n"}, {target: target, method: "OPTIONS", head: "Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\n"}, {target: "/public/x", head: "X-Original-URL: " + target + "\r\nX-Rewrite-URL: " + target + "\r\nX-Forwarded-Prefix: " + target + "\r\n"}} {
			a := l.ask(t, r)
			for _, got := range a.reached {
				path := strings.SplitN(got.RequestURI, "?", 2)[0]
				if slices.ContainsFunc(guarded, func(g string) bool { return strings.HasPrefix(path, g) }) || strings.Contains(path, "..") || strings.Contains(path, "//") || strings.Contains(path, "\\") ||
					got.Header.Get("X-Original-Url") != "" || got.Header.Get("X-Rewrite-Url") != "" {
					t.Errorf("%v: reached as %s %s, %q", r, got.Method, got.RequestURI, got.Header)
				}
			}
			if a.status == 0 || a.status >= 500 && a.status != 501 {
				t.Errorf("%v: %v", r, a)
			}
		}
	}
	for _, host := range []string{"admin.test", "ADMIN.TEST", "admin.test.", "admin.test:80", "admin.test:", "admin.test:0080", "x@admin.test", "admin.test:x", "admin%2etest", "admin.test,gw.test", " admin.test"} {
		for _, r := range []request{{target: "/x", host: host}, {target: "http://" + host + "/x"}, {target: "/x", head: "X-Forwarded-Host: " + host + "\r\nForwarded: host=" + host + "\r\nX-Host: " + host + "\r\n"}, {target: "/x", host: host, head: "X-Forwarded-Host: gw.test\r\n"}} {
			a := l.ask(t, r)
			for _, got := range a.reached {
				if host := strings.ToLower(strings.TrimSuffix(strings.SplitN(got.Header.Get("X-Forwarded-Host"), ":", 2)[0], ".")); host == "admin.test" {
					t.Errorf("%v: reached for host %s, %q", r, got.Host, got.Header)
				}
			}
		}
	}
}

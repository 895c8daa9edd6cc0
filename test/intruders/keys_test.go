package intruders

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func keyed(target, head string) request { return request{target: target, head: head} }

func basic(user, pass string) request {
	return request{target: "/basic", head: "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass)) + "\r\n"}
}

// denied wants that nothing passed, for one of these reasons.
func denied(t *testing.T, name string, r *answer, problems ...string) {
	t.Helper()
	if !slices.Contains(problems, r.problem) || len(r.reached) > 0 || r.status < 400 || r.status >= 500 {
		t.Errorf("%s: %v, want %q", name, r, problems)
	}
	if r.status == http.StatusUnauthorized && r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: no WWW-Authenticate", name)
	}
}

// A password may have colons in it, a user name may not; whoever writes both in one text mixes people up.
func colons(t *testing.T, l *lab) {
	if r := l.ask(t, basic("acme", password)); r.status != 200 {
		t.Errorf("a good password: %v", r)
	}
	for _, c := range [][2]string{{"acme:open", " sesame"}, {"acme", "open"}, {"acme", password + ":"}, {":acme", password}, {"acme:", password}, {"", "acme:" + password}, {"acme", ""}, {"", ""}, {"Acme", password},
		{"acme ", password}, {" acme", password}, {"acme\x00", password}, {"acme", password + "\x00"}, {"acme", "\x00" + password}, {"acme", strings.ToUpper(password)}, {"acme", password + strings.Repeat("x", 100)}, {"acme", passwordHash()}, {passwordHash(), password}, {"*", password}, {"аcme", password}} {
		denied(t, fmt.Sprintf("%q", c), l.ask(t, basic(c[0], c[1])), "invalid_credentials", "bad_request")
	}
	good := base64.StdEncoding.EncodeToString([]byte("acme:" + password))
	for name, head := range map[string]string{
		"not base64": "Basic !!!", "no colon": "Basic " + base64.StdEncoding.EncodeToString([]byte("acme")), "empty": "Basic", "empty with a space": "Basic ", "a space within": "Basic " + good[:4] + " " + good[4:],
		"spare bits": "Basic YWNtZTpvcGVuIHNlc2FtZR==", "more behind": "Basic " + good + " x", "two": "Basic " + good + ", Basic " + good, "without padding": "Basic " + strings.TrimRight(good, "=") + "=", "another scheme": "Digest " + good, "a bearer": "Bearer " + good,
	} {
		r := l.ask(t, keyed("/basic", "Authorization: "+head+"\r\n"))
		if name == "spare bits" && r.status == 200 {
			t.Errorf("%s: %v", name, r)
		}
		denied(t, name, r, "invalid_credentials", "bad_request", "missing_credentials")
	}
	denied(t, "two fields", l.ask(t, keyed("/basic", "Authorization: Basic "+good+"\r\nAuthorization: Basic YTpi\r\n")), "bad_request")
}

// A key in the query is none unless the document says so; then it goes neither on nor into the log.
func keyInQuery(t *testing.T, l *lab) {
	denied(t, "in the query", l.ask(t, keyed("/admin/x?api_key="+goodKey, "")), "missing_credentials")
	denied(t, "in a cookie", l.ask(t, keyed("/admin/x", "Cookie: api_key="+goodKey+"\r\n")), "missing_credentials")
	denied(t, "in the field", l.ask(t, keyed("/query", "X-API-Key: "+goodKey+"\r\n")), "missing_credentials")
	for _, target := range []string{"/query?api_key=" + goodKey, "/query?a=1&api_key=" + goodKey + "&b=2", "/query?api_key=" + goodKey + "&"} {
		r := l.ask(t, keyed(target, "Referer: https://app.test/\r\n"))
		if r.status != 200 || len(r.reached) != 1 || strings.Contains(r.reached[0].RequestURI, goodKey) || strings.Contains(r.reached[0].RequestURI, "api_key") {
			t.Errorf("%s: %v", target, r)
		}
	}
	for _, q := range []string{"api_key=", "api_key", "API_KEY=" + goodKey, "api_key[]=" + goodKey, "api_key=" + goodKey + "%00", "api_key=%20" + goodKey, "api%5fkey=x", ";api_key=" + goodKey, "api_key=x;api_key=" + goodKey} {
		denied(t, q, l.ask(t, keyed("/query?"+q, "")), "missing_credentials", "invalid_credentials", "bad_request")
	}
	denied(t, "twice", l.ask(t, keyed("/query?api_key="+goodKey+"&api_key=x", "")), "bad_request")
	denied(t, "twice, escaped", l.ask(t, keyed("/query?api_key="+goodKey+"&api%5Fkey=x", "")), "bad_request")
	if r := l.ask(t, keyed("/cookie", "Cookie: a=1; api_key="+goodKey+"; b=2\r\n")); r.status != 200 || len(r.reached) != 1 || strings.Contains(r.reached[0].Header.Get("Cookie"), goodKey) {
		t.Errorf("in the cookie: %v", r)
	}
	denied(t, "two cookies", l.ask(t, keyed("/cookie", "Cookie: api_key=x; api_key="+goodKey+"\r\n")), "bad_request")
	denied(t, "two cookie fields", l.ask(t, keyed("/cookie", "Cookie: api_key=x\r\nCookie: api_key="+goodKey+"\r\n")), "bad_request")
	if strings.Contains(l.out.String(), goodKey) {
		t.Error("the key is in the log")
	}
}

// Two values are never one that is good, and nothing is never a key.
func keysInDisguise(t *testing.T, l *lab) {
	if r := l.ask(t, keyed("/admin/x", "X-API-Key: "+goodKey+"\r\n")); r.status != 200 {
		t.Errorf("a good key: %v", r)
	}
	denied(t, "nothing", l.ask(t, keyed("/admin/x", "")), "missing_credentials")
	for _, head := range []string{"X-API-Key: KEY\r\nX-API-Key: bad\r\n", "X-API-Key: bad\r\nX-API-Key: KEY\r\n", "X-API-Key: KEY\r\nx-api-key: KEY\r\n"} {
		denied(t, head, l.ask(t, keyed("/admin/x", strings.ReplaceAll(head, "KEY", goodKey))), "bad_request")
	}
	for _, value := range []string{"", " ", "KEY,bad", "bad,KEY", "KEY, KEY", "KEY\t x", "\"KEY\"", "KEY;", "key-of-nobody", "Bearer KEY", "sp_" + goodKey, "null", "undefined", "*", "%", "' OR '1'='1", "KEYx", goodKey[:len(goodKey)-1], strings.ToUpper(goodKey), strings.Repeat("k", 30_000), "sp_00000000000000000000000000000000000000", "\xff\xfe", "KEY\u00a0"} {
		value = strings.ReplaceAll(value, "KEY", goodKey)
		denied(t, fmt.Sprintf("%.50q", value), l.ask(t, keyed("/admin/x", "X-API-Key: "+value+"\r\n")), "missing_credentials", "invalid_credentials", "bad_request")
	}
	for _, head := range []string{"X_API_Key: KEY\r\n", "X-Api_Key: KEY\r\n", "X-API-Key-: KEY\r\n", "API-Key: KEY\r\n", "X-Consumer: acme\r\n", "X-Consumer-Id: acme\r\n", "X-Consumer-Username: acme\r\n", "X-Authenticated-Userid: acme\r\n", "Trailer: X-API-Key\r\n", "Cookie: X-API-Key=KEY\r\n", "Authorization: Basic KEY\r\n"} {
		denied(t, head, l.ask(t, keyed("/admin/x", strings.ReplaceAll(head, "KEY", goodKey))), "missing_credentials", "invalid_credentials", "bad_request")
	}
	denied(t, "in a trailer", l.ask(t, request{method: http.MethodPost, target: "/admin/x", head: "Transfer-Encoding: chunked\r\nTrailer: X-API-Key\r\n\r\n0\r\nX-API-Key: " + goodKey + "\r\n\r\n"}), "missing_credentials")
}

// Who guesses is slowed down, and nobody else.
func guessing(t *testing.T, l *lab) {
	const from, other = "127.5.0.1", "127.5.0.2"
	var slowed *answer
	for n := range 300 {
		r := l.ask(t, request{target: "/admin/x", head: fmt.Sprintf("X-API-Key: guess-%d\r\n", n), from: from})
		if r.problem == "rate_limited" {
			slowed = r
			break
		}
		denied(t, "a guess", r, "invalid_credentials")
	}
	if slowed == nil || slowed.status != 429 || slowed.header.Get("Retry-After") == "" {
		t.Fatalf("after 300 guesses: %v", slowed)
	}
	if r := l.ask(t, request{target: "/admin/x", head: "X-API-Key: " + goodKey + "\r\n", from: other}); r.status != 200 {
		t.Errorf("somebody else: %v", r)
	}
	// One network of IPv6 is one guesser, however many addresses it has.
	network := func(host int) string { return fmt.Sprintf("X-Forwarded-For: 2001:db8:1:2::%x\r\n", host) }
	slowed = nil
	for n := range 300 {
		if r := l.ask(t, request{target: "/admin/x", head: network(n+1) + fmt.Sprintf("X-API-Key: guess-%d\r\n", n), from: "127.9.0.1"}); r.problem == "rate_limited" {
			slowed = r
			break
		}
	}
	if slowed == nil {
		t.Error("300 addresses of one /64 may guess on")
	}
	if r := l.ask(t, request{target: "/admin/x", head: "X-Forwarded-For: 2001:db8:1:3::1\r\nX-API-Key: " + goodKey + "\r\n", from: "127.9.0.1"}); r.status != 200 {
		t.Errorf("the next network: %v", r)
	}
}

// A credential that was read goes no further.
func keyStaysHere(t *testing.T, l *lab) {
	for name, r := range map[string]request{
		"key": keyed("/admin/x", "X-API-Key: "+goodKey+"\r\n"), "bearer": keyed("/admin/x", "Authorization: Bearer "+goodKey+"\r\n"), "ApiKey": keyed("/admin/x", "Authorization: ApiKey "+goodKey+"\r\n"),
		"password": basic("acme", password), "token": bearer("/jwt", l.issuer.good()),
	} {
		a := l.ask(t, r)
		if a.status != 200 || len(a.reached) != 1 {
			t.Errorf("%s: %v", name, a)
			continue
		}
		if h := a.reached[0].Header; h.Get("X-API-Key") != "" || h.Get("Authorization") != "" {
			t.Errorf("%s goes on: %q", name, h)
		}
	}
}

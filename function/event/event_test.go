package event

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// exchange makes one of a request that is written as "METHOD PATH[?QUERY]" and fields.
func exchange(line, body string, fields ...string) (*policy.Exchange, []byte) {
	method, target, _ := strings.Cut(line, " ")
	r := &wire.Request{Method: method, Scheme: "https", Host: "api.example.com", Proto: wire.HTTP11, Conn: &wire.Conn{}}
	r.Path.Text, r.Query, _ = strings.Cut(target, "?")
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	x := &policy.Exchange{
		Request: r, ID: "0193-id", Client: netip.MustParseAddr("192.0.2.1"), API: "shop", Start: time.Date(2026, 3, 12, 19, 3, 58, 250e6, time.UTC),
		Trace: wire.Trace{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Sampled: true},
	}
	return x, []byte(body)
}

var users = NewPlace([]string{"GET"}, "/users/{id}/{rest...}", "$default", nil)

// The whole of both events, field for field.
func TestWhole(t *testing.T) {
	x, body := exchange("GET /users/a%2Fb/?n=1&n=2&e=&s=a%20b+c", "", "accept", "*/*", "user-agent", "curl/8", "x-AMZN-trace-id", "Root=mine", "X-Two", "1", "x-two", "2", "Cookie", "a=1; b=2")
	x.Params = []policy.Param{{Name: "id", Value: "a/b", Raw: "a%2Fb"}, {Name: "rest"}}
	for version, want := range map[string]string{
		V1: `{"version":"1.0","resource":"/users/{id}/{rest+}","path":"/users/a%2Fb/","httpMethod":"GET",
"headers":{"Cookie":"a=1; b=2","Host":"api.example.com","User-Agent":"curl/8","X-Amzn-Trace-Id":"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1","X-Forwarded-Port":"443","X-Two":"2","accept":"*/*"},
"multiValueHeaders":{"Cookie":["a=1; b=2"],"Host":["api.example.com"],"User-Agent":["curl/8"],"X-Amzn-Trace-Id":["Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"],"X-Forwarded-Port":["443"],"X-Two":["1","2"],"accept":["*/*"]},
"queryStringParameters":{"e":"","n":"2","s":"a b c"},"multiValueQueryStringParameters":{"e":[""],"n":["1","2"],"s":["a b c"]},
"pathParameters":{"id":"a/b","rest":""},"stageVariables":null,
"requestContext":{"accountId":"000000000000","apiId":"shop","deploymentId":"","domainName":"api.example.com","domainPrefix":"api","extendedRequestId":"0193-id","httpMethod":"GET",
"identity":{"accessKey":null,"accountId":null,"caller":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"192.0.2.1","user":null,"userAgent":"curl/8","userArn":null},
"path":"/users/a%2Fb/","protocol":"HTTP/1.1","requestId":"0193-id","requestTime":"12/Mar/2026:19:03:58 +0000","requestTimeEpoch":1773342238250,"resourceId":"","resourcePath":"/users/{id}/{rest+}","stage":"$default"},
"body":null,"isBase64Encoded":false}`,
		V2: `{"version":"2.0","routeKey":"GET /users/{id}/{rest+}","rawPath":"/users/a%2Fb/","rawQueryString":"n=1&n=2&e=&s=a%20b+c","cookies":["a=1","b=2"],
"headers":{"accept":"*/*","content-length":"0","host":"api.example.com","user-agent":"curl/8","x-amzn-trace-id":"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1","x-forwarded-port":"443","x-two":"1,2"},
"queryStringParameters":{"e":"","n":"1,2","s":"a b c"},
"requestContext":{"accountId":"000000000000","apiId":"shop","domainName":"api.example.com","domainPrefix":"api","http":{"method":"GET","path":"/users/a%2Fb/","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"curl/8"},"requestId":"0193-id","routeKey":"GET /users/{id}/{rest+}","stage":"$default","time":"12/Mar/2026:19:03:58 +0000","timeEpoch":1773342238250},
"pathParameters":{"id":"a/b","rest":""},"isBase64Encoded":false}`,
	} {
		got, err := Make(version, x, users, body)
		if want = strings.ReplaceAll(want, "\n", ""); err != nil || string(got) != want {
			t.Errorf("%s: got\n%s\nwant\n%s\n%v", version, got, want, err)
		}
	}
}

// field finds a value by a path such as requestContext.http.method; "" is none, and what is no text is JSON.
func field(t *testing.T, event []byte, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(event, &v); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		var found bool
		if v, found = m[key]; !found {
			return ""
		}
	}
	if s, text := v.(string); text {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func TestBodies(t *testing.T) {
	for _, c := range []struct{ kind, body, v1, coded1, v2, coded2 string }{
		{"application/json", `{"a":1}`, `{"a":1}`, "false", `{"a":1}`, "false"},
		{"application/problem+json; charset=utf-8", `{}`, `{}`, "false", `{}`, "false"},
		{"text/plain", "grün", "grün", "false", "grün", "false"},
		{"application/xml", "<a/>", "<a/>", "false", "<a/>", "false"},
		{"application/x-www-form-urlencoded", "a=1", "a=1", "false", "YT0x", "true"},
		{"application/octet-stream", "abc", "abc", "false", "YWJj", "true"},
		{"image/png", "\x89PNG", "iVBORw==", "true", "iVBORw==", "true"},
		{"text/plain", "\xff", "/w==", "true", "/w==", "true"},
		{"", "abc", "abc", "false", "abc", "false"},
		{"no type", "abc", "abc", "false", "YWJj", "true"},
		{"text/plain", "", "null", "false", "", "false"},
	} {
		x, body := exchange("POST /", c.body, "Content-Type", c.kind)
		for version, want := range map[string][2]string{V1: {c.v1, c.coded1}, V2: {c.v2, c.coded2}} {
			e, err := Make(version, x, users, body)
			if version == V2 && field(t, e, "headers.content-length") != strconv.Itoa(len(body)) {
				t.Errorf("%q: %s", c.body, e)
			}
			if got := [2]string{field(t, e, "body"), field(t, e, "isBase64Encoded")}; err != nil || got != want {
				t.Errorf("%s, %q of type %q: got %q, want %q, %v", version, c.body, c.kind, got, want, err)
			}
		}
	}
}

// Who sent a request is told, and no credential.
func TestWho(t *testing.T) {
	x, _ := exchange("GET /", "")
	x.Auth = policy.Auth{Type: "jwt", Subject: "ada", Scopes: []string{"read", "write"}, Claims: map[string]any{"sub": "ada", "exp": 1.7e9, "groups": []any{"a", "b"}, "ok": true}}
	e, _ := Make(V2, x, users, nil)
	for path, want := range map[string]string{
		"requestContext.authorizer.jwt.claims": `{"exp":"1700000000","groups":"[a b]","ok":"true","sub":"ada"}`, "requestContext.authorizer.jwt.scopes": `["read","write"]`,
	} {
		if got := field(t, e, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	e, _ = Make(V1, x, users, nil)
	if got := field(t, e, "requestContext.authorizer.principalId"); got != "ada" {
		t.Errorf("principalId: %q", got)
	}
	x.Auth = policy.Auth{Type: "api_key", Subject: "acme"}
	x.Consumer = &policy.Consumer{Name: "acme", Plan: "gold"}
	e, _ = Make(V1, x, users, nil)
	if got := field(t, e, "requestContext.identity.apiKeyId"); got != "acme" {
		t.Errorf("apiKeyId: %q", got)
	}
	e, _ = Make(V2, x, users, nil)
	if got := field(t, e, "requestContext.authorizer.lambda"); got != `{"consumer":"acme","plan":"gold","principalId":"acme"}` {
		t.Errorf("authorizer: %s", got)
	}
}

func TestStage(t *testing.T) {
	x, _ := exchange("PUT /a", "")
	p := NewPlace(nil, "", "prod", map[string]string{"color": "blue"})
	e, _ := Make(V1, x, p, nil)
	for path, want := range map[string]string{"path": "/a", "requestContext.path": "/prod/a", "stageVariables.color": "blue", "resource": "/a", "requestContext.stage": "prod"} {
		if got := field(t, e, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	e, _ = Make(V2, x, p, nil)
	if got := field(t, e, "rawPath") + field(t, e, "routeKey"); got != "/prod/a$default" {
		t.Error(got)
	}
}

func TestClientCertificate(t *testing.T) {
	x, _ := exchange("GET /", "")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"Acme, Inc."}, CommonName: "acme"}, SerialNumber: big.NewInt(7), NotBefore: time.Date(2026, 8, 5, 0, 0, 1, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	x.Request.Conn.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
	if e, _ := Make(V2, x, users, nil); field(t, e, "requestContext.authentication") != "" {
		t.Error("a certificate that nobody verified is told of")
	}
	x.Request.Conn.TLS.VerifiedChains = [][]*x509.Certificate{{c}}
	e, _ := Make(V2, x, users, nil)
	if got := field(t, e, "requestContext.authentication.clientCert.subjectDN") + " " + field(t, e, "requestContext.authentication.clientCert.validity.notBefore"); got != `C=US,O=Acme\, Inc.,CN=acme Aug  5 00:00:01 2026 GMT` {
		t.Error(got)
	}
	e, _ = Make(V1, x, users, nil)
	if got := field(t, e, "requestContext.identity.clientCert.serialNumber"); got != "7" {
		t.Error(got)
	}
}

// Whatever a client sends, its event is JSON.
func FuzzMake(f *testing.F) {
	f.Add("GET", "/a", "a=1&a=%zz", "X-A", "b", []byte("\xff"))
	f.Fuzz(func(t *testing.T, method, path, query, name, value string, body []byte) {
		x, _ := exchange("GET /", "", name, value, name, path, "Content-Type", value, "Cookie", query)
		x.Request.Method, x.Request.Path.Text, x.Request.Query = method, path, query
		for _, version := range []string{V1, V2} {
			e, err := Make(version, x, users, body)
			if err != nil || !json.Valid(e) {
				t.Errorf("%s: %s, %v", version, e, err)
			}
			if len(body) > 0 && field(t, e, "isBase64Encoded") == "false" && field(t, e, "body") != string(body) {
				t.Errorf("%s: the body %q is another in %s", version, body, e)
			}
		}
	})
}

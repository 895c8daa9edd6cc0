package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"sallyport/config"
)

func TestQuestions(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"url": "/x", "headers": {"A": "1", "B": ["2", "3"]}}`, "GET /x HTTP/1.1|Host: localhost|A: 1|B: 2|B: 3||"},
		{`{"url": "https://u.test:81?q#f", "method": "POST", "body": "ab"}`, "POST /?q HTTP/1.1|Host: u.test:81|Content-Length: 2||"},
		{`{"url": "u.test/a", "headers": {"host": "v.test"}}`, "GET /a HTTP/1.1|Host: v.test||"},
		{`{"url": "*", "method": "OPTIONS"}`, "OPTIONS * HTTP/1.1|Host: localhost||"},
		{`{}`, "URL: \"\" is none"},
		{`{"url": "ftp://x"}`, "is neither http nor https"},
		{`{"url": "http://"}`, "has no host"},
		{`{"url": "http://a:b@c"}`, "has no host, or a user"},
		{`{"url": "/\r\nX: y"}`, "holds a line end"},
		{`{"url": "/", "headers": {"A": "\r\nX: y"}}`, "holds a line end"},
		{`{"url": "/", "headers": {"A": 1}}`, "neither a text nor a list"},
		{`{"url": "/", "headers": []}`, "an object of texts"},
		{`{"url": "/", "client": "x"}`, `client: "x" is no IP address`},
		{`{"url": "/", "method": "G T"}`, `method: "G T" is none`},
	} {
		var q Question
		err := json.Unmarshal([]byte(c.json), &q)
		got := ""
		if err == nil {
			var a *asked
			if a, err = q.made(&config.Document{Listeners: make([]config.Listener, 1)}); err == nil {
				got = strings.ReplaceAll(a.text, "\r\n", "|")
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: got %s, want %s", c.json, got, c.want)
		}
	}
}

// Nothing that a document took from outside, and nothing whose name says that it is secret, is shown.
func TestExplainHidesSecrets(t *testing.T) {
	env := func(name string) (string, bool) { return "v3ry-s3cret", name == "TOKEN" }
	const doc = `
listeners: [{ address: ":80" }]
upstreams: { a: { targets: [http://a] } }
routes:
  - match: /x/{token}
    policies:
      - headers: { request: { set: { X-One: "a ${env.TOKEN}", X-Signature: abc123456, X-Plain: "${base64(env.TOKEN)}" } }, response: { set: { X-Two: "${env.TOKEN}" } } }
      - rate_limit: { rate: 1/s, per: "request.headers['authorization']" }
    rewrite: { query: { via: "${env.TOKEN}" } }
    upstream: a
  - { match: /y, respond: { headers: { X-Three: "${env.TOKEN}" }, body: "it is ${env.TOKEN}" } }
`
	for _, url := range []string{"/x/path-secret?api_key=query-secret", "/y"} {
		q := &Question{URL: url, Headers: HeaderFields{{"Authorization", "Bearer header-secret"}, {"Cookie", "a=cookie-secret"}}}
		e, err := ExplainBytes("d", []byte(doc), Options{Env: env}, q)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"v3ry-s3cret", "djNyeS1zM2NyZXQ", "abc123456", "header-secret", "cookie-secret", "query-secret"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s: %s is shown in %s", url, secret, text)
			}
		}
	}
}

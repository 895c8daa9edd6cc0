package gateway

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

const secretDoc = `
listeners: ["127.0.0.1:80"]
upstreams:
  a: { targets: [http://a] }
  auth: { targets: [http://auth] }
consumers:
  - { name: acme, credentials: [{ api_key: { value: CANARY-key-0123456789 } }] }
policies:
  ways:
    any_of:
      policies:
        - api_key: { in: [header:X-Partner, query:p, cookie:c], keep: true }
        - basic_auth: { users: { u: "$2a$10$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm" }, keep: true }
        - jwt: { issuer: https://i.example, secret: "0123456789abcdef0123456789abcdef", algorithms: [HS256], audience: a, from: [header:X-Jeton, header:Authorization], keep: true }
      on_invalid: next
routes:
  - match: "/ways/{p...}"
    policies: [{ use: ways }]
    upstream: a
  - match: /key
    policies:
      - api_key: { in: [header:X-Partner, query:p, cookie:c], keep: true }
      - authorize: request.header("x-partner") == "CANARY"
    upstream: a
  - match: /jwt
    policies: [{ jwt: { issuer: https://i.example, secret: "0123456789abcdef0123456789abcdef", algorithms: [HS256], audience: a, from: [header:X-Jeton], keep: true } }]
    upstream: a
  - match: /basic
    policies: [{ basic_auth: { users: { u: "$2a$10$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm" }, keep: true } }]
    upstream: a
  - match: /ask
    policies: [{ forward_auth: { upstream: auth, request_headers: [X-Partner, Authorization, Cookie] } }]
    upstream: a
  - match: /echo
    policies:
      - api_key: { in: [header:X-Partner, query:p, cookie:c], optional: true, keep: true }
      - headers: { request: { set: { X-Echo: "${request.header('x-partner')} ${request.header('cookie')} ${request.header('authorization')}" } }, response: { set: { X-Echo: "${request.header('x-partner')}" } } }
    rewrite: { path: "/${request.header('x-partner')}" }
    upstream: a
  - match: /answer
    policies: [{ api_key: { in: [header:X-Partner, query:p, cookie:c], optional: true, keep: true } }]
    respond: { status: 200, body: "${request.header('x-partner')} ${request.query.p} ${request.header('authorization')}" }
  - match: /away
    policies: [{ api_key: { in: [header:X-Partner, query:p], optional: true, keep: true } }]
    redirect: { to: "https://x.test/${request.query.p}" }
  - { match: "/asked", when: 'request.header("x-partner") == "none"', upstream: a }
`

// No explanation holds what a client proves itself by, wherever it stands and whatever comes of it.
func TestExplainShowsNoCredentials(t *testing.T) {
	g := newWorld().start(t, strings.Replace(secretDoc, `  - { match: "/asked", when: 'request.header("x-partner") == "none"', upstream: a }`, "", 1))
	basic := base64.StdEncoding.EncodeToString([]byte("u:CANARY-password"))
	token := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.CANARYsignature"
	for _, path := range []string{"/ways/x", "/key", "/jwt", "/basic", "/ask", "/echo", "/answer", "/away", "/nothing", "/key/../nothing"} {
		for _, with := range [][]string{
			{"X-Partner: CANARY-key-0123456789"}, {"X-Partner: CANARY-wrong"}, {"Cookie: a=b; c=CANARY-key-0123456789"}, {"Cookie: c=CANARY-other; session=CANARY-session"},
			{"Authorization: Basic " + basic}, {"Authorization: Bearer " + token}, {"Authorization: CANARY-without"}, {"X-Jeton: " + token}, {"X-Jeton: CANARY-no-token"},
			{"?p=CANARY-key-0123456789"}, {"?p=CANARY%2Fwrong&x=1"}, {"?api_key=CANARY-q&token=CANARY-t"}, {"Authorization: ApiKey CANARY-key-0123456789"}, {"X-Api-Key: CANARY-default"},
			{"Proxy-Authorization: CANARY-proxy"}, {"X-Partner: CANARY-1", "X-Partner: CANARY-2"},
		} {
			q := &Question{Method: "GET", URL: path, Client: "192.0.2.1", Headers: HeaderFields{{"Host", "gateway.test"}}}
			for _, f := range with {
				if name, value, ok := strings.Cut(f, ": "); ok {
					q.Headers = append(q.Headers, [2]string{name, value})
				} else {
					q.URL += f
				}
			}
			e, err := g.Explain(q)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"CANARY-", "CANARY%2F", "CANARYsig", basic, "CANARY/"} {
				if i := strings.Index(string(b), secret); i >= 0 {
					t.Errorf("%s with %q shows …%s…", path, with, b[max(0, i-80):min(len(b), i+60)])
				}
			}
		}
	}
}

package gateway

import (
	"slices"
	"strings"
	"testing"

	"sallyport/lint"
	"sallyport/schema"
)

const hashedKey = "consumers: [{ name: c, credentials: [{ api_key: { hash: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" } }] }]\n"

const versionsWith = "apis: [{ name: x, versioning: { in: header, name: Api-Version }, versions: "

// A lintCase is a document, what is found in it, and where.
type lintCase struct{ code, doc, at string }

// Each rule, found in a document that has it and nothing else that is unwise, at the place that is meant.
var lintCases = []lintCase{
	{"SP101", "routes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, per: consumer } }], upstream: a }]", "routes[0].policies[0].rate_limit"},
	{"SP102", "routes: [{ match: /, policies: [{ rate_limit: 1/s }, { ip_filter: { allow: 10.0.0.0/8 } }], upstream: a }]", "routes[0].policies[1].ip_filter"},
	{"SP103", "apis: [{ name: x, policies: [{ rate_limit: 1/s }], routes: [{ match: /, policies: [{ rate_limit: 1/s }], upstream: a }] }]", "apis[0].routes[0].policies[0].rate_limit"},
	{"SP104", "routes: [{ match: /, policies: [{ mirror: a }, { ip_filter: { allow: 10.0.0.0/8 } }], upstream: a }]", "routes[0].policies[1].ip_filter"},
	{"SP105", "routes: [{ match: /, policies: [{ ip_filter: { allow: 10.0.0.0/8 }, when: \"request.header('x') != '1'\" }], upstream: a }]", "routes[0].policies[0].ip_filter"},
	{"SP106", "routes: [{ match: /, policies: [{ rate_limit: 1/s, when: 1 == 2 }], upstream: a }]", "routes[0].policies[0].rate_limit"},
	{"SP106", "routes: [{ match: { path: /, when: \"true\" }, upstream: a }]", "routes[0]"},
	{"SP107", "routes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, on_store_error: deny } }], upstream: a }]", "routes[0].policies[0].rate_limit"},
	{"SP108", "routes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, dry_run: true } }], upstream: a }]", "routes[0].policies[0].rate_limit"},
	{"SP109", "routes: [{ match: /, policies: [{ fault: { abort: 503 } }], upstream: a }]", "routes[0].policies[0].fault"},
	{"SP109 SP110", "routes: [{ match: /, policies: [{ fault: { header: X-Fault } }], upstream: a }]", "routes[0].policies[0].fault"},
	{"SP106", "routes: [{ match: /, policies: [{ authorize: \"true\" }, { rate_limit: 1/s }], upstream: a }]", "routes[0].policies[0].authorize"},
	{"SP108", "routes: [{ match: /, policies: [{ any_of: [{ ip_filter: { allow: 10.0.0.0/8 } }, { authorize: { rules: request.path == '/', dry_run: true } }] }], upstream: a }]", "routes[0].policies[0].any_of[1].authorize"},
	{"SP111", "routes: [{ match: /, policies: [{ authorize: auth.subject == 'x' }, { api_key: {} }], upstream: a }]", "routes[0].policies[0].authorize"},
	{"SP111", "routes: [{ match: /, policies: [{ any_of: [{ authorize: consumer.name == 'x' }, { api_key: {} }] }], upstream: a }]", "routes[0].policies[0].any_of[0].authorize"},
	{"", "apis: [{ name: x, policies: [{ api_key: {} }], routes: [{ match: /, policies: [{ authorize: consumer.name == 'x' }], upstream: a }] }]", ""},
	{"", "routes: [{ match: /, policies: [{ any_of: [[{ api_key: {} }, { authorize: consumer.name == 'x' }], { basic_auth: {} }] }, { authorize: auth.subject == 'x' }], upstream: a }]", ""},
	{"SP112", "routes: [{ match: /, policies: [{ any_of: [{ api_key: {} }] }], upstream: a }]", "routes[0].policies[0].any_of"},
	{"SP113", "routes: [{ match: /, policies: [{ any_of: [{ basic_auth: {} }, { api_key: { optional: true } }] }], upstream: a }]", "routes[0].policies[0].any_of[1].api_key"},
	{"SP114", "routes: [{ match: /, policies: [{ any_of: { policies: [{ basic_auth: {} }, { api_key: {} }], on_invalid: next } }], upstream: a }]", "routes[0].policies[0].any_of"},
	{"SP115", "routes: [{ match: /, policies: [{ ip_filter: { allow: [10.0.0.0/8, '::/0'] } }], upstream: a }]", "routes[0].policies[0].ip_filter"},
	{"SP306", "upstreams: { b: { targets: [http://127.0.0.1:81] } }\nroutes: [{ match: /, policies: [{ forward_auth: { upstream: b, fail_open: true } }], upstream: a }]", "routes[0].policies[0].forward_auth"},
	{"SP307", "routes: [{ match: /, policies: [{ ip_filter: { feeds: { url: https://a.test/x, until_fetched: pass } } }], upstream: a }]", "routes[0].policies[0].ip_filter"},
	{"SP413", "routes: [{ match: /, policies: [{ any_of: [{ api_key: {} }, { forward_auth: a }] }], upstream: a }]", "routes[0].policies[0].any_of[1].forward_auth"},
	{"SP414", "routes: [{ match: /, policies: [{ ip_filter: { feeds: http://a.test/x } }], upstream: a }]", "routes[0].policies[0].ip_filter"},
	{"SP201", "upstreams: { b: { targets: [http://10.0.0.2] } }\nroutes: [{ match: /, upstream: a }]", "upstreams.b"},
	{"SP202", "policies: { p: { rate_limit: 1/s } }\nroutes: [{ match: /, upstream: a }]", "policies.p"},
	{"SP206", "functions: { f: { runtime: python, directory: ../examples/functions/orders, handler: app.lambda_handler } }\nroutes: [{ match: /, upstream: a }]", "functions.f"},
	{"SP207", "functions: { f: { runtime: python, directory: ../examples/functions/orders, handler: app.lambda_handler, memory: none } }\nroutes: [{ match: /, upstream: a }, { match: /f, function: f }]", "functions.f"},
	{"SP203", "apis: [{ name: x }]\nroutes: [{ match: /, upstream: a }]", "apis[0]"},
	{"SP204", "listeners: [{ address: \"127.0.0.1:80\", hosts: [a.test] }]\nroutes: [{ match: /, upstream: a }, { match: { path: /, hosts: b.test }, upstream: a }]", "routes[1]"},
	{"SP205", "upstreams: { b: { targets: [http://10.0.0.2] } }\nroutes: [{ match: /, upstream: { split: { a: 1, b: 0 } } }]", "routes[0].upstream.split.b"},
	{"SP205", "upstreams: { b: { targets: [http://10.0.0.2, { url: http://10.0.0.3, weight: 0 }], health: / } }\nroutes: [{ match: /, upstream: { split: { a: 1, b: 1 } } }]", "upstreams.b.targets[1]"},
	{"SP211", versionsWith + "[{ name: v1, deprecated: { since: 2020-01-01 }, routes: [{ match: /, upstream: a }] }] }]", "apis[0].versions[0].deprecated"},
	{"SP212", versionsWith + "[{ name: v1, deprecated: { since: 2020-01-01, sunset: 2021-01-01 }, routes: [{ match: /, upstream: a }] }] }]", "apis[0].versions[0].deprecated.sunset"},
	{"SP214", versionsWith + "[{ name: v1, deprecated: { since: 2020-01-01, sunset: 2021-01-01, enforce: true }, routes: [{ match: /, upstream: a }] }, { name: v2, inherits: v1 }] }]", "apis[0].versions[0].deprecated.sunset"},
	{"SP213", "apis: [{ name: x, versioning: { in: path, default: v1 }, versions: [{ name: v1, deprecated: { since: 2020-01-01, sunset: 2999-01-01 }, routes: [{ match: /, upstream: a }] }] }]", "apis[0].versioning.default"},
	{"SP215", versionsWith + "[{ name: v1, routes: [{ match: /, upstream: a }] }, { name: v2 }] }]", "apis[0].versions[1]"},
	{"SP216", versionsWith + "[{ name: v1, policies: [{ cors: { origins: https://a.test } }], routes: [{ match: /, upstream: a }] }, { name: v2, inherits: v1, policies: [] }] }]", "apis[0].versioning"},
	{"", "apis: [{ name: x, policies: [{ cors: { origins: https://a.test } }], versioning: { in: header, name: V }, versions: [{ name: v1, routes: [{ match: /, upstream: a }] }, { name: v2, inherits: v1 }] }]", ""},
	{"", "apis: [{ name: x, versioning: { in: path }, versions: [{ name: v1, policies: [{ cors: { origins: https://a.test } }], routes: [{ match: /, upstream: a }] }, { name: v2, inherits: v1, policies: [] }] }]", ""},
	{"SP301", "limits: { body_size: none }\nroutes: [{ match: /, upstream: a }]", "limits.body_size"},
	{"SP302", "routes: [{ match: /, policies: [{ size_limit: none }], upstream: a }]", "routes[0].policies[0].size_limit"},
	{"SP303", "upstreams: { b: { targets: [http://10.0.0.2], timeouts: { response_header: none } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.timeouts"},
	{"SP304", "listeners: [\":80\"]\nroutes: [{ match: /, upstream: a }]", "routes"},
	{"SP305 SP107", "routes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, on_store_error: allow } }], upstream: a }]", "routes[0].policies[0].rate_limit"},
	{"SP401", "upstreams: { b: { targets: [https://10.0.0.2], tls: { insecure_skip_verify: true } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.tls.insecure_skip_verify"},
	{"SP402", "upstreams: { b: { targets: [http://8.8.8.8] } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.targets[0]"},
	{"SP402", "upstreams: { b: { targets: [\"http://[2606:4700::1]\"] } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.targets[0]"},
	{"SP402", "functions: { f: { aws: { function: f, region: eu-central-1, endpoint: http://8.8.8.8 } } }\nroutes: [{ match: /, upstream: a }, { match: /f, function: f }]", "functions.f.aws.endpoint"},
	{"SP403", "functions: { f: { aws: { function: f, region: eu-central-1, endpoint: http://lambda.partner.io } } }\nroutes: [{ match: /, upstream: a }, { match: /f, function: f }]", "functions.f.aws.endpoint"},
	{"", "functions: { f: { aws: { function: f, region: eu-central-1, endpoint: http://localhost:4566 } }, g: { aws: { function: f, region: eu-central-1 } } }\nroutes: [{ match: /, upstream: a }, { match: /f, function: f }, { match: /g, function: g }]", ""},
	{"SP403", "upstreams: { b: { targets: [http://api.partner.io] } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.targets[0]"},
	{"SP404", "listeners: [\":80\"]\nroutes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, per: \"header:Authorization\" } }], upstream: a }]", "listeners[0]"},
	{"SP404", "listeners: [\":80\"]\nroutes: [{ match: /, policies: [{ basic_auth: {} }], upstream: a }]", "listeners[0]"},
	{"SP407", "listeners: [{ address: \":80\", redirect_to_https: true }, \"127.0.0.1:81\"]\nroutes: [{ match: /, respond: {} }, { match: /a, policies: [{ rate_limit: 1/s }], upstream: a }]", "listeners[0].redirect_to_https"},
	{"SP408", "trusted_proxies: [10.0.0.0/8, \"::/0\"]\nroutes: [{ match: /, upstream: a }]", "trusted_proxies[1]"},
	{"SP409", "client_headers: { pass: [X-User-Id] }\nroutes: [{ match: /, upstream: a }]", "client_headers.pass[0]"},
	{"SP410", "apis: [{ name: x, normalize: off, routes: [{ match: /, policies: [{ ip_filter: { allow: 10.0.0.0/8 } }], upstream: a }] }]", "apis[0].normalize"},
	{"SP411", "admin: { tokens: [{ name: ci, role: operator, value: 0123456789abcdef }] }\nroutes: [{ match: /, upstream: a }]", "admin.tokens[0].value"},
	{"SP412", "upstreams: { b: { targets: [http://10.0.0.2], sticky: { cookie: x } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.sticky"},
	{"SP501", "upstreams: { b: { targets: [http://10.0.0.2], retry: { methods: [GET, POST] } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.retry.methods"},
	{"SP502", "upstreams: { b: { targets: [http://10.0.0.2], retry: { budget: 90% } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.retry.budget"},
	{"SP503", "upstreams: { b: { targets: [http://10.0.0.2, http://10.0.0.3] } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b"},
	{"SP504", "upstreams: { b: { targets: [http://10.0.0.2], outliers: { max_ejected: 0% } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.outliers.max_ejected"},
	{"SP505", "upstreams: { b: { targets: [http://10.0.0.2], timeouts: { total: 2s }, retry: { per_try_timeout: 2s } } }\nroutes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", "upstreams.b.retry.per_try_timeout"},
	{"SP601", "routes: [{ match: /, policies: [{ api_key: { in: query:api_key } }], upstream: a }]", "routes[0].policies[0].api_key.in"},
	{"SP601", "routes: [{ match: /, policies: [{ any_of: [{ api_key: { in: [header:X-Key, query:k] } }, { basic_auth: {} }] }], upstream: a }]", "routes[0].policies[0].any_of[0].api_key.in[1]"},
	{"SP602", "plans: { gold: {} }\nroutes: [{ match: /, upstream: a }]", "plans.gold"},
	{"SP603", "consumers: [{ name: c }]\nroutes: [{ match: /, upstream: a }]", "consumers[0]"},
	{"SP604", hashedKey + "routes: [{ match: /, upstream: a }]", "consumers[0].credentials[0]"},
	{"SP604", "consumers: [{ name: c, credentials: [{ certificate: { subject: CN=c } }] }]\nroutes: [{ match: /, upstream: a }]", "consumers[0].credentials[0]"},
	{"SP605", "consumers: [{ name: c, credentials: [{ api_key: { hash: \"sha256:" + strings.Repeat("0", 64) + "\", expires: 2020-01-01 } }] }]\nroutes: [{ match: /, policies: [api_key: {}], upstream: a }]", "consumers[0].credentials[0].api_key.expires"},
	{"SP607", "routes: [{ match: /, policies: [{ basic_auth: { users: { alice: $2a$04$6PR3mu8hchCWfDRlKi6KF.2xPMyko3tuw5MUkSwjM6hNj8RFWPLdS } } }], upstream: a }]", "routes[0].policies[0].basic_auth.users.alice"},
	{"SP606", "consumers: [{ name: c, credentials: [{ api_key: { value: \"${env('NO_SUCH', '0123456789')}\" } }] }]\nroutes: [{ match: /, policies: [api_key: {}], upstream: a }]", "consumers[0].credentials[0].api_key.value"},
	{"", hashedKey + "routes: [{ match: /, policies: [any_of: [{ basic_auth: {} }, { api_key: {} }]], upstream: a }]", ""},
	{"SP801", "routes: [{ match: /, policies: [{ validate: { request: { schema: true, others: pass } } }], upstream: a }]", "routes[0].policies[0].validate.request.others"},
	{"SP802", "routes: [{ match: /, policies: [{ body: { response: { omit: a, others: pass } } }], upstream: a }]", "routes[0].policies[0].body.response.others"},
	{"", "routes: [{ match: /, policies: [{ body: { response: { defaults: { a: 1 }, others: pass } } }], upstream: a }]", ""},
	{"SP803", "upstreams: { b: { targets: [http://127.0.0.1:81] } }\nroutes: [{ match: /, policies: [{ external: { upstream: b, on_error: pass, request: { may_answer: true } } }], upstream: a }]", "routes[0].policies[0].external.on_error"},
	{"SP108", "routes: [{ match: /, policies: [{ validate: { request: { schema: true }, mode: report } }], upstream: a }]", "routes[0].policies[0].validate"},
	{"SP107", "routes: [{ match: /, policies: [{ validate: { request: { schema: { requird: [a] } } } }], upstream: a }]", "routes[0].policies[0].validate"},
	{"SP701", "routes: [{ match: /, policies: [{ cors: { origins: [https://a.test, { regex: 'https://app.example[.]com' }] } }, { rate_limit: 1/s }], upstream: a }]", "routes[0].policies[0].cors.origins[1]"},
	{"SP701", "routes: [{ match: /, policies: [{ cors: { origins: [{ regex: 'https://app[.]example[.]com.*' }] } }, { rate_limit: 1/s }], upstream: a }]", "routes[0].policies[0].cors.origins[0]"},
	{"SP701", "routes: [{ match: /, policies: [{ cors: { origins: \"https://*.com\" } }, { rate_limit: 1/s }], upstream: a }]", "routes[0].policies[0].cors.origins"},
	{"SP702", "routes: [{ match: /, policies: [{ cors: { origins: [\"null\"], credentials: true } }], upstream: a }]", "routes[0].policies[0].cors.origins[0]"},
	{"SP703", "routes: [{ match: /, policies: [{ csrf: { trusted_origins: http://app.partner.io } }], upstream: a }]", "routes[0].policies[0].csrf.trusted_origins"},
	{"SP704", "routes: [{ match: /, policies: [{ cors: { origins: https://a.test }, when: auth.subject != '' }], upstream: a }]", "routes[0].policies[0].cors"},
	{"SP705", "routes: [{ match: GET /, policies: [{ cors: { origins: \"*\" } }, { api_key: { in: cookie:key } }], upstream: a }]", "routes[0].policies[0].cors"},
	{"SP706", "routes: [{ match: /, policies: [{ cors: { origins: \"*\", private_network: true } }], upstream: a }]", "routes[0].policies[0].cors"},
	{"SP707", "routes: [{ match: POST /, policies: [{ api_key: { in: [header:X-Key, cookie:key] } }], upstream: a }]", "routes[0].policies[0].api_key"},
	{"SP708", "routes: [{ match: /, policies: [{ security_headers: { hsts: 30d } }], upstream: a }]", "routes[0].policies[0].security_headers"},
	{"", "routes: [{ match: /, policies: [{ cors: { origins: [http://localhost:3000, \"http://*.app.internal\", { regex: 'https://[a-z]+\\.example\\.com' }], credentials: true }, when: request.method != 'PUT' }], upstream: a }]", ""},
	{"", "routes: [{ match: POST /, policies: [{ csrf: {} }, { api_key: { in: cookie:key } }, { security_headers: {} }], upstream: a }]", ""},
	{"SP621", "routes: [{ match: /, policies: [{ jwt: { issuer: 'https://idp.test' } }], upstream: a }]", "routes[0].policies[0].jwt"},
	{"SP621", "routes: [{ match: /, policies: [{ any_of: [{ jwt: { issuers: [{ issuer: 'https://idp.test', audience: x }, { issuer: 'https://two.test' }] } }, { basic_auth: {} }] }], upstream: a }]", "routes[0].policies[0].any_of[0].jwt.issuers[1]"},
	{"SP622", "routes: [{ match: /, policies: [{ jwt: { issuer: 'https://idp.test', audience: x, leeway: 10m } }], upstream: a }]", "routes[0].policies[0].jwt.leeway"},
	{"SP623", "routes: [{ match: /, policies: [{ jwt: { issuer: 'http://idp.test', audience: x, jwks: { allow_http: true } } }], upstream: a }]", "routes[0].policies[0].jwt.issuer"},
	{"SP623", "routes: [{ match: /, policies: [{ jwt: { issuer: idp, jwks_url: 'http://idp.test/keys', audience: x, jwks: { allow_http: true } } }], upstream: a }]", "routes[0].policies[0].jwt.jwks_url"},
	{"SP624", "routes: [{ match: /, policies: [{ jwt: { issuer: 'https://idp.test', audience: x, from: [header:Authorization, query:token] } }], upstream: a }]", "routes[0].policies[0].jwt.from[1]"},
	{"SP625", "routes: [{ match: /, policies: [{ jwt: { issuer: 'https://idp.test', audience: x, require: [sub] } }], upstream: a }]", "routes[0].policies[0].jwt.require"},
	{"SP626", "routes: [{ match: /, policies: [{ jwt: { jwks_url: 'https://idp.test/keys', audience: x } }], upstream: a }]", "routes[0].policies[0].jwt"},
	{"", "routes: [{ match: /, policies: [{ jwt: { audience: x, issuers: [{ issuer: 'http://127.0.0.1:9000' }, { issuer: 'https://two.test' }], max_age: 1h, require: [] } }], upstream: a }]", ""},
	{"SP901", "limits: { connections: 9000000 }\nroutes: [{ match: /, upstream: a }]", "limits.connections"},
	{"SP902", "lint: { allow: [{ code: SP402, at: upstream a }] }\nroutes: [{ match: /, upstream: a }]", "lint.allow[0]"},
	// Nothing to find.
	{"", "admin: { tokens: [{ name: ci, role: operator, value: \"${env('NO_SUCH', '0123456789abcdef')}\" }] }\nroutes: [{ match: /, upstream: a }]", ""},
	{"", "routes: [{ match: /, upstream: a }]", ""},
	{"", "listeners: [{ address: \":80\", redirect_to_https: true }, { address: \"127.0.0.1:81\", hosts: [x.test, \"*.y.test\"] }]\nlint: { allow: [SP407] }\n" +
		"routes: [{ match: { path: /, hosts: [x.test] }, upstream: a }, { match: { path: /, hosts: [\"*.y.test\", z.y.test] }, upstream: a }]", ""},
	{"", "listeners: [\":80\"]\ntrusted_proxies: [10.0.0.0/8]\nroutes: [{ match: /, policies: [{ rate_limit: { rate: 1/s, per: \"request.headers['authorization']\" } }], upstream: a }]", ""},
	{"", "routes: [{ match: /, policies: [{ ip_filter: { allow: 10.0.0.0/8 }, when: request.method == 'POST' }], upstream: a }]", ""},
	{"", "upstreams: { b: { targets: [http://users, \"http://users.internal\", http://a.svc, \"http://x.svc.cluster.local\", \"http://[fd00::1]\", http://100.64.1.1, http://api.example.com], health: { tcp: true } } }\n" +
		"routes: [{ match: /, upstream: a }, { match: /b, upstream: b }]", ""},
	{"", "upstreams: { b: { targets: [http://10.0.0.2], timeouts: { response_header: none } } }\nroutes: [{ match: /, upstream: a }, { match: /b, policies: [{ timeout: 1s }], upstream: b }]", ""},
	{"", "policies: { p: { use: q }, q: { rate_limit: 1/s } }\nroutes: [{ match: /, policies: [{ use: p }], upstream: a }]", ""},
	{"", "upstreams: { b: { targets: [http://10.0.0.2] } }\nroutes: [{ match: /, policies: [{ mirror: b }], upstream: a }]", ""},
}

func lintOf(t *testing.T, doc string) (found []string, r Report) {
	t.Helper()
	if !strings.Contains(doc, "listeners:") {
		doc = "listeners: [\"127.0.0.1:80\"]\n" + doc
	}
	if strings.Contains(doc, "upstreams: {") {
		doc = strings.Replace(doc, "upstreams: {", "upstreams: { a: { targets: [http://10.0.0.1] },", 1)
	} else if strings.Contains(doc, "upstream: a") {
		doc += "\nupstreams: { a: { targets: [http://10.0.0.1] } }"
	}
	r = CheckBytes("d", []byte(doc+"\n"), Options{Log: silent})
	if len(r.Errors) > 0 {
		t.Fatalf("%s\n%v", doc, r.Errors)
	}
	for _, e := range slices.Concat(r.Warnings, r.Notes) {
		found = append(found, e.Code)
		if rule := lint.ByCode(e.Code); rule == nil || !e.Warn || e.Note != (rule.Severity == lint.Note) {
			t.Errorf("%v is of no rule, or not of its severity", e)
		}
		if e.Pos.Line == 0 {
			t.Errorf("%v has no place", e)
		}
	}
	return found, r
}

func TestLint(t *testing.T) {
	tried := map[string]bool{"SP405": true, "SP406": true} // which need certificates: see the tests of listeners
	for _, c := range slices.Concat(lintCases, composeCases) {
		want := strings.Fields(c.code)
		found, r := lintOf(t, c.doc)
		slices.Sort(found)
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Errorf("%s\nfound %v, want %v: %v%v", c.doc, found, want, r.Warnings, r.Notes)
			continue
		}
		for _, e := range slices.Concat(r.Warnings, r.Notes) {
			if tried[e.Code] = true; e.Path != c.at {
				t.Errorf("%s is found at %s, want %s", e.Code, e.Path, c.at)
			}
		}
	}
	for _, r := range lint.All() {
		if !tried[r.Code] {
			t.Errorf("%s is not tried", r.Code)
		}
	}
}

// What is on purpose is dropped where it is said to be, and nowhere else.
func TestLintAllow(t *testing.T) {
	const doc = "upstreams: { b: { targets: [http://8.8.8.8] }, c: { targets: [http://8.8.4.4] } }\npolicies: { p: [{ rate_limit: { rate: 1/s, dry_run: true } }] }\n" +
		"apis: [{ name: shop, routes: [{ match: /b, name: bee, policies: [{ rate_limit: { rate: 2/s, dry_run: true } }], upstream: b }, { match: GET /c, policies: [{ use: p }, { rate_limit: { rate: 3/s, dry_run: true } }], upstream: c }] }]\nroutes: [{ match: /, upstream: a }]\n"
	for allow, want := range map[string]string{
		"[]": "SP402 SP402 SP108 SP108 SP108", "[SP402]": "SP108 SP108 SP108", "[SP402, SP108]": "",
		"[{ code: SP402, at: upstream b }]":                                            "SP402 SP108 SP108 SP108",
		"[SP402, { code: SP108, at: route bee }]":                                      "SP108 SP108",
		"[SP402, { code: SP108, at: route GET /c }]":                                   "SP108 SP108",
		"[SP402, { code: SP108, at: route /b, why: it is early }]":                     "SP108 SP108",
		"[SP402, { code: SP108, at: api shop }]":                                       "SP108",
		"[SP402, { code: SP108, at: policy p }]":                                       "SP108 SP108",
		"[SP402, { code: SP108, at: policy p }, { code: SP108, at: upstream b }]":      "SP902 SP108 SP108",
		"[SP402, { code: SP108, at: api default }, { code: SP108, at: listener :80 }]": "SP902 SP902 SP108 SP108 SP108",
	} {
		found, r := lintOf(t, doc+"lint: { allow: "+allow+" }")
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: found %s, want %s: %v", allow, got, want, r.Warnings)
		}
	}
}

func TestLintErrors(t *testing.T) {
	for allow, want := range map[string]string{
		"[SP999]":                           `d:3:17: lint.allow[0]: there is no finding "SP999"`,
		"[{ code: SP03 }]":                  `lint.allow[0].code: there is no finding "SP03"; did you mean "SP`,
		"[{ code: SP402, at: somewhere }]":  "lint.allow[0].at: write what and its name, such as upstream users",
		"[{ code: SP402, where: route x }]": `unknown setting "where"`,
	} {
		r := CheckBytes("d", []byte("listeners: [\"127.0.0.1:80\"]\nroutes: [{ match: /, respond: {} }]\nlint: { allow: "+allow+" }\n"), Options{Log: silent})
		if !strings.Contains(r.Errors.Error(), want) {
			t.Errorf("%s: got %v, want %s", allow, r.Errors, want)
		}
	}
}

// What the reference shows can be read.
func TestLintExamples(t *testing.T) {
	for _, r := range lint.All() {
		if _, errs := schema.Parse(r.Code, []byte(r.Example+"\n")); len(errs) > 0 {
			t.Errorf("%s: %v", r.Code, errs)
		}
		if !strings.HasSuffix(r.Why, ".") || !strings.HasSuffix(r.Do, ".") || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s: titles are no sentences, why and what to do are", r.Code)
		}
	}
}

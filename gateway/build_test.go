package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const listen = "listeners: [\"127.0.0.1:0\"]\n"

var silent = slog.New(slog.DiscardHandler)

// Whatever a route can have wrong is told together with what reading the document found, by place.
func TestBuildErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"good", "upstreams: { a: { targets: [http://a] } }\nroutes: [{ match: GET /, upstream: a }]\n", ""},
		{"no backend", "routes: [{ match: / }]\n", "c:2:10: routes[0]: the route has no backend; add one of "},
		{"two backends", "routes: [{ match: /, respond: {}, upstream: x }]\n", "c:2:35: routes[0].upstream: the route has the backend respond at c:2:22 already; keep one of the two"},
		{"an unknown upstream", "upstreams: { users: { targets: [http://a] } }\nroutes: [{ match: /, upstream: user }]\n", "c:3:"},
		{"an upstream that is wrong is known all the same", "upstreams: { users: { targets: [http://a], balanc: x } }\nroutes: [{ match: /, upstream: users }]\n", `c:2:44: upstreams.users.balanc: unknown setting "balanc"; did you mean "balance"?`},
		{"an unknown policy", "routes: [{ match: /, policies: [{ rate_limt: {} }], respond: {} }]\n", `c:2:35: routes[0].policies[0].rate_limt: there is no policy named "rate_limt"; did you mean "rate_limit"?`},
		{"a policy to come", "routes: [{ match: /, policies: [{ oidc: {} }], respond: {} }]\n", "c:2:35: routes[0].policies[0].oidc: not yet: the policy oidc comes with a later version"},
		{"a named policy without use", "policies: { tagging: { timeout: 1s } }\nroutes: [{ match: /, policies: [{ tagging: {} }], respond: {} }]\n", `c:3:35: routes[0].policies[0].tagging: there is no policy named "tagging"; write use: tagging for the one under policies`},
		{"a policy without settings", "routes: [{ match: /, policies: [timeout], respond: {} }]\n", `c:2:33: routes[0].policies[0]: "timeout" is given alone; write { timeout: {} }, with its settings between the inner braces`},
		{"two policies in an item", "routes: [{ match: /, policies: [{ timeout: 1s, size_limit: 1MiB }], respond: {} }]\n", "c:2:33: routes[0].policies[0]: an item holds one policy, "},
		{"a policy among the settings", "routes: [{ match: /, timeout: 1s, respond: {} }]\n", "c:2:22: routes[0].timeout: timeout is a policy; write it under policies, as - timeout: …"},
		{"an unknown setting of a route", "routes: [{ match: /, polices: [], respond: {} }]\n", `c:2:22: routes[0].polices: unknown setting "polices"; did you mean "policies"?`},
		{"a backend to come", "routes: [{ match: /, grpc: {} }]\n", "c:2:22: routes[0].grpc: not yet: REST to gRPC comes with a later version"},
		{"wrong settings of a policy", "routes: [{ match: /, policies: [{ timeout: 5 }], respond: {} }]\n", `c:2:44: routes[0].policies[0].timeout: "5": write a duration`},
		{"wrong settings of a named policy, told once", "policies: { t: { timeout: 5 } }\nroutes: [{ match: /a, policies: [{ use: t }], respond: {} }, { match: /b, policies: [{ use: t }], respond: {} }]\n", `c:2:27: policies.t.timeout: "5": write a duration`},
		{"a wrong condition", "routes: [{ match: /, policies: [{ timeout: 1s, when: request.pth == '' }], respond: {} }]\n", "c:2:6"},
		{"a tie", "routes:\n  - { match: \"GET /{a}\", respond: {} }\n  - { match: \"GET /{b}\", respond: {} }\n", "c:4:5: routes[1]"},
		{"a wrong match makes no tie", "routes:\n  - { match: nowhere, respond: {} }\n  - { match: neither, respond: {} }\n", "c:3:14: routes[0].match: …\nc:4:14: routes[1].match: "},
		{"two rewrites", "upstreams: { a: { targets: [http://a] } }\nroutes:\n  - match: /\n    upstream: { name: a, rewrite: { path: /x } }\n    rewrite: { path: /y }\n", "c:6:14: routes[0].rewrite: the backend has a rewrite at c:5:35 as well; keep one of the two"},
		{"a rewrite of nothing", "routes: [{ match: /, respond: {}, rewrite: { path: /x } }]\n", "c:2:44: routes[0].rewrite: it has no effect: the backend respond sends nothing upstream"},
		{"a condition of the log that comes too late", "telemetry: { access_log: { path: off, when: request.body == '' } }\n", "c:2:45: telemetry.access_log.when: request.body cannot be used here: the body is gone when the line is written"},
		{"a doubling of names ends", "policies:\n  a: [{ use: b }, { use: b }]\n  b: [{ use: c }, { use: c }]\n  c: [{ use: d }, { use: d }]\n  d: [{ use: e }, { use: e }]\n  e: [{ use: f }, { use: f }]\n  f: [{ use: g }, { use: g }]\n  g: [{ timeout: 1s }, { timeout: 2s }]\n", "c:3:19: policies.a[1]: more than 100 policies come together here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := CheckBytes("c", []byte(listen+tt.text), Options{Log: silent, Stdout: io.Discard})
			got := r.Errors.Error()
			g, w := strings.Split(got, "\n"), strings.Split(tt.want, "\n")
			same := len(g) == len(w)
			for i := 0; same && i < len(w); i++ {
				same = strings.HasPrefix(g[i], strings.TrimSuffix(w[i], "…")) && (tt.want != "" || got == "")
			}
			if !same {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"none", "routes: [{ match: /, policies: [{ ip_filter: { deny: [10.0.0.0/8] } }, { rate_limit: 5/s }], respond: {} }]\n", ""},
		{"a filter behind a limit", "routes: [{ match: /, policies: [{ rate_limit: 5/s }, { ip_filter: { deny: [10.0.0.0/8] } }], respond: {} }]\n",
			"c:2:67: routes[0].policies[1].ip_filter: it stands after rate_limit, so requests that it refuses use up limits; put it first [SP102]"},
		{"a limit for consumers that nobody knows, shared by two routes", "apis:\n  - name: a\n    policies: [{ rate_limit: { rate: 5/s, per: consumer } }]\n    routes: [{ match: /a, respond: {} }, { match: /b, respond: {} }]\n",
			"c:4:30: apis[0].policies[0].rate_limit: nothing before it finds out the consumer, so it counts by ip; put authentication before it [SP101]"},
		{"shedding behind a limit", "routes: [{ match: /, policies: [{ concurrency: 5 }, { load_shed: {} }], respond: {} }]\n",
			"c:2:66: routes[0].policies[1].load_shed: it stands after concurrency, so requests that it refuses use up limits; put it first [SP102]"},
		{"copies of what is refused", "upstreams: { a: { targets: [http://a] } }\nroutes: [{ match: /, policies: [{ mirror: a }, { rate_limit: 5/s }], respond: {} }]\n",
			"c:3:62: routes[0].policies[1].rate_limit: it stands after mirror, so requests that it refuses are copied all the same; put mirror behind it [SP104]"},
		{"the same twice", "policies: { t: { timeout: 1s } }\nroutes: [{ match: /, policies: [{ use: t }, { timeout: 1s }], respond: {} }]\n",
			"c:3:56: routes[0].policies[1].timeout: the same policy stands at c:2:27 already [SP103]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := CheckBytes("c", []byte(listen+tt.text), Options{Log: silent, Stdout: io.Discard})
			if len(r.Errors) > 0 {
				t.Fatal(r.Errors)
			}
			if got := r.Warnings.Error(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// Routes are listed as they are tried, with what runs.
func TestRoutesListed(t *testing.T) {
	r := CheckBytes("c", []byte(listen+`
policies: { t: [{ timeout: 1s }, { size_limit: 1MiB }] }
upstreams: { a: { targets: [http://a] } }
apis:
  - { name: shop, hosts: [shop.test], base_path: /v1, policies: [{ use: t }], routes: [{ match: "GET /{x}", name: any, upstream: a }, { match: "GET /x", policies: [{ headers: { response: { set: { a: b } } } }], upstream: { split: { a: 100 } } }] }
routes: [{ match: /, respond: { status: 204 } }]
`), Options{Log: silent, Stdout: io.Discard})
	var got []string
	for _, x := range r.Routes {
		got = append(got, fmt.Sprint(x.API, "|", x.Name, "|", x.Match, "|", x.Policies, "|", x.Backend, "|", x.To))
	}
	want := []string{
		"shop|GET /v1/x|GET shop.test/v1/x|[timeout size_limit headers]|upstream|a 100",
		"shop|any|GET shop.test/v1/{x}|[timeout size_limit]|upstream|a",
		"default|/|/|[]|respond|204",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w || len(r.Errors) > 0 {
		t.Errorf("got\n%s\nwant\n%s\nerrors\n%v", g, w, r.Errors)
	}
}

// A document may have as many mistakes, hosts and settings as fit into it: telling of them takes no longer for each one more.
func TestManyMistakes(t *testing.T) {
	const n = 25_000
	var hosts, settings strings.Builder
	for i := range n {
		fmt.Fprintf(&hosts, "h%d.test, ", i)
		fmt.Fprintf(&settings, "a%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"routes":   "routes: [" + strings.Repeat("{ x: 1 },", n) + "]\n",
		"hosts":    listen + "routes: [{ match: { path: /, hosts: [" + hosts.String() + "] }, respond: {} }]\n",
		"settings": settings.String(),
	} {
		begun := time.Now()
		r := CheckBytes("c", []byte(text), Options{Log: silent, Stdout: io.Discard})
		if (len(r.Errors) == 0) != (name == "hosts") {
			t.Errorf("%s: got %d errors", name, len(r.Errors))
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

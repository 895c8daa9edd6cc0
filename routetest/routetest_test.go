package routetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const world = `
listeners: [{ address: ":80" }, { address: ":81", proxy_protocol: { trusted: [10.0.0.0/8] } }]
upstreams:
  a: { targets: ["http://a.test:9000/base", "http://b.test:9000/base"] }
  b: { targets: ["http://a.test:9000"], host: preserve, timeouts: { response_header: 2s } }
  c: { targets: ["http://only.test"] }
routes:
  - { match: "/a/{path...}", name: a, policies: [{ rate_limit: 3/min }], upstream: a }
  - { match: "/b/{path...}", name: b, upstream: b }
  - { match: "/c", name: c, upstream: c }
  - { match: "/ip", name: ip, policies: [{ ip_filter: { allow: 203.0.113.9 } }], respond: { json: { ip: "${client.ip}", list: [1, 2.50, null, true], at: "${string(request.time)}" } } }
  - { match: "/text", name: text, respond: { status: 201, headers: { X: [a, b] }, body: "one\ntwo\nthree\n" } }
tests:
`

// Each test of a document, and what it says of itself: nothing when it passes, "what: want | got" for each failure.
func TestExpectations(t *testing.T) {
	for _, c := range []struct{ name, test, want string }{
		{"status", "request: /text, expect: 201", ""},
		{"another status", "request: /text, expect: 200", "status: 200 OK | 201 Created"},
		{"headers", `request: /text, expect: { headers: { X: b, x: a, Y: { absent: true }, Content-Type: { regex: ^text/ }, Content-Length: { present: true } } }`, ""},
		{"other headers", `request: /text, expect: { headers: { X: c, Y: 1, Z: { present: true }, Content-Type: { regex: json }, Content-Length: { absent: true } } }`,
			"header X: c | a\nb; header Y: 1 | absent; header Z: present | absent; header Content-Type: something that matches json | text/plain; charset=utf-8; header Content-Length: absent | 14"},
		{"body", `request: /text, expect: { body: "one\ntwo\nthree" }`, ""},
		{"another body", `request: /text, expect: { body: "one\nthree" }`, "body: one\nthree | one\ntwo\nthree\n"},
		{"json", "request: { path: /ip, from: 203.0.113.9 }, expect: { json: { ip: 203.0.113.9, list: [1.0, 2.5, null, true] } }", ""},
		{"other json", "request: { path: /ip, from: 203.0.113.9 }, expect: { json: { ip: 1, list: [1, \"2.5\", false], no: [] } }",
			`json.ip: 1 | "203.0.113.9"; json.list[1]: "2.5" | 2.50; json.list[2]: false | null; json.list[3]: (not there) | true; json.no: [] | (not there)`},
		{"exact json", "request: { path: /ip, from: 203.0.113.9 }, expect: { json: { ip: 203.0.113.9 }, exact: true }",
			`json.at: (not there) | "2026-01-01T12:00:00Z"; json.list: (not there) | [1,2.50,null,true]`},
		{"no json", "request: /text, expect: { json: 1 }", "json: a JSON document | one\ntwo\nthree\n\n(invalid character 'o' looking for beginning of value)"},
		{"problem and route", "request: /nothing, expect: { problem: no_route, route: none, upstream: none, calls: 0 }", ""},
		{"another problem", "request: /ip, expect: { problem: no_route, route: none, calls: 1 }", "problem: no_route | ip_denied; route: none | ip; calls: 1 | 0"},
		{"upstream", "request: /a/x, expect: { upstream: a, calls: 1, sent: /base/a/x }", ""},
		{"another upstream", "request: /a/x, expect: { upstream: b, sent: { method: POST, path: /y } }", "upstream: b | a; sent method: POST | GET; sent path: /y | /base/a/x"},
		{"an address of two upstreams", "upstreams: { a: 201, b: 202 }, request: /b/x, expect: { status: 202, upstream: b, sent: { host: gateway.test } }", ""},
		{"the host of the only target", "request: /c, expect: { sent: { host: only.test } }", ""},
		{"another host", "request: /c, expect: { sent: { host: x } }", "sent host: x | only.test"},
		{"nothing sent", "request: /text, expect: { sent: { path: /x } }", "sent: a call upstream | none"},
		{"a body sent", `request: { path: POST /c?q=1, json: { b: 1, a: [x] }, headers: { X: [1, 2] } }, expect: { sent: { method: POST, path: /c?q=1, body: "{\"b\":1,\"a\":[\"x\"]}", headers: { Content-Type: application/json, X: 2 } } }`, ""},
		{"another body sent", `request: { path: POST /c, body: a }, expect: { sent: { json: { a: 1 } } }`, "sent json: a JSON document | a\n(invalid character 'a' looking for beginning of value)"},
		{"within", "upstreams: { c: { delay: 2s } }, request: /c, expect: { within: 2s }", ""},
		{"not within", "upstreams: { c: { delay: 2s } }, request: /c, expect: { within: 1s }", "within: 1s | 2s"},
		{"hanging", "upstreams: { b: { fail: hang } }, request: /b, expect: { status: 504, within: 2s }", ""},
		{"reset", "upstreams: { c: { fail: reset } }, request: POST /c, expect: { status: 502, problem: upstream_failed, calls: 1 }", ""},
		{"one target down", "upstreams: { a: [{ fail: connect }, 201] }, request: /a, expect: { status: 201, calls: 1 }", ""},
		{"all targets down", "upstreams: { a: { fail: connect } }, request: /a, expect: { status: 503, problem: no_healthy_target, calls: 0 }", ""},
		{"answers in turn", "upstreams: { c: [201, { status: 202 }] }, steps: [{ request: /c, expect: 201 }, { request: /c, times: 3, expect: 202 }]", ""},
		{"other answers from here on", "steps: [{ request: /c, expect: 200 }, { upstreams: { c: 404 } }, { request: /c, expect: 404 }]", ""},
		{"time", "steps: [{ request: /a, times: 3, expect: 200 }, { request: /a, expect: 429 }, { wait: 19s, request: /a, expect: 429 }, { wait: 1s }, { request: /a, expect: 200 }]", ""},
		{"several times", "steps: [{ request: /a, times: 5, expect: 200 }]", "status: 200 OK | 429 Too Many Requests"},
		{"nothing after a failure", "steps: [{ request: /a, expect: 201 }, { request: /a, expect: 202 }]", "status: 201 Created | 200 OK"},
		{"a proxy in front", "request: { path: /ip, listener: \":81\", from: 203.0.113.9 }, expect: { status: 200, json: { ip: 203.0.113.9 } }", ""},
		{"a time to begin at", "at: 2031-05-06T07:08:09Z, from: 203.0.113.9, request: /ip, expect: { json: { at: \"2031-05-06T07:08:09Z\" } }", ""},
		{"HEAD and 204", "upstreams: { c: 204 }, steps: [{ request: HEAD /text, expect: { status: 201, body: \"\" } }, { request: /c, expect: { status: 204, body: \"\" } }]", ""},
		{"a request that cannot be read", "request: { path: /text, headers: { Content-Length: [1, 2] } }, expect: { status: 400, problem: bad_request, route: none }", ""},
		{"100-continue", `request: { path: POST /c, body: abc, headers: { Expect: 100-continue } }, expect: { status: 200, sent: { body: abc } }`, ""},
		{"a large body", `request: { path: POST /c, body: "` + strings.Repeat("0123456789", 30000) + `" }, expect: { status: 200, sent: { headers: { Content-Length: 300000 } } }`, ""},
		{"a body that does not come", `request: { path: POST /c, body: abc, headers: { Content-Length: 5 } }, expect: { status: 400 }`, ""},
		{"a body that is too large", `request: { path: POST /c, headers: { Content-Length: 50000000 } }, expect: { status: 413, calls: 0 }`, ""},
		{"many times", `steps: [{ request: /text, times: 2000, expect: 201 }]`, ""},
		{"a response that ends early", "upstreams: { c: { headers: { Transfer-Encoding: gzip }, body: x } }, request: /c, expect: 502", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := RunBytes("doc.yaml", []byte(world+"  - { name: it, "+c.test+" }\n"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, s := range r.Tests[0].Steps {
				for _, f := range s.Failures {
					got = append(got, f.What+": "+f.Want+" | "+f.Got)
				}
			}
			if text := strings.Join(got, "; "); text != c.want || r.Tests[0].Error != "" || r.Tests[0].Passed != (c.want == "") {
				t.Errorf("got %q, %+v\nwant %q", text, r.Tests[0], c.want)
			}
		})
	}
}

// Tests do not know of each other, and take no time.
func TestApart(t *testing.T) {
	text := world
	for i := range 30 {
		text += fmt.Sprintf("  - { name: \"test %d\", steps: [{ request: /a, times: 3, expect: 200 }, { request: /a, expect: 429 }, { wait: 100h, request: /a, expect: 200 }] }\n", i)
	}
	start := time.Now()
	r, err := RunBytes("doc.yaml", []byte(text), Options{})
	if err != nil || r.Passed != 30 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("30 tests took %v", took)
	}
	if len(r.Untested) != 4 || r.Routes != 5 {
		t.Errorf("of %d routes, %v are untested", r.Routes, r.Untested)
	}
}

// The clock of a test ends in 2292, and the program with it if a test went on.
func TestEndOfTime(t *testing.T) {
	text := world + "  - { name: long, at: 2199-12-31T00:00:00Z, steps: [{ wait: 3650d, request: /text }" + strings.Repeat(", { wait: 3650d }", 9) + ", { request: /text }] }\n"
	r, err := RunBytes("doc.yaml", []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Tests[0]; got.Passed || !strings.HasSuffix(got.Error, "the time of the test passes the year 2250; let it begin earlier, or wait less") {
		t.Errorf("got %+v", got)
	}
}

func TestNames(t *testing.T) {
	text := []byte(world + "  - { name: one, request: /a }\n  - { name: two, request: /a }\n  - { name: \"two [more]\", request: /a }\n")
	for names, want := range map[string]int{"": 3, "one": 1, "two*": 2, "two [more]": 1, "one|two": 2, "three": -1, "one|three": -1} {
		var o Options
		if names != "" {
			o.Names = strings.Split(names, "|")
		}
		r, err := RunBytes("doc.yaml", text, o)
		if want < 0 {
			if err == nil || !strings.Contains(err.Error(), `no test is named "three"`) {
				t.Errorf("%s: got %v", names, err)
			}
		} else if err != nil || len(r.Tests) != want {
			t.Errorf("%s: got %+v, %v, want %d tests", names, r, err, want)
		}
	}
}

// What is wrong with a test is wrong with the document.
func TestErrors(t *testing.T) {
	for test, want := range map[string]string{
		"request: /a, expect: { route: aa }":           "doc.yaml:14:47: tests[0].expect.route: there is no route \"aa\"",
		"request: /a, expect: { problem: rate_limit }": `did you mean "rate_limited"?`,
		"request: /a, expect: { upstream: d }":         "tests[0].expect.upstream: there is no upstream \"d\"",
		"request: /a, upstreams: { d: 200 }":           "tests[0].upstreams.d: there is no upstream \"d\"",
		"request: a":                                   "tests[0].request.path: \"a\": write a path",
		"request: /a b":                                "is no method",
		"request: { path: POST /a, method: GET }":      "tests[0].request.method: path begins with a method as well",
		"request: { path: /a, listener: \":82\" }":     "there is no listener :82; there are :80, :81",
		"request: { path: /a, json: 1, body: a }":      "tests[0].request.json: body is given as well",
		"steps: []":                             "it sends nothing; give request, or steps",
		"steps: [{}]":                           "tests[0].steps[0]: it does nothing",
		"steps: [{ wait: 1s, expect: 200 }]":    "tests[0].steps[0].expect: there is no request beside it",
		"steps: [{ request: /a }], request: /a": "tests[0].steps: request is given as well",
		"request: /a, upstreams: { a: { fail: reset, body: x } }": "who fails answers nothing",
		"request: /a, upstreams: { a: { fail: burn } }":           "write connect, reset or hang",
		"request: /a, upstreams: { a: [] }":                       "a list of answers needs one at least",
		"request: /a, expect: { exact: true }":                    "tests[0].expect.exact: it is for json",
		"request: { path: /a, headers: { \"a b\": 1 } }":          "is no header name",
		"request: { path: /a, headers: { a: \"x\\ny\" } }":        "a value of a header is text on one line",
		"request: /a, expect: { headers: { A: { like: b } } }":    "unknown test \"like\"",
		"request: /a, at: yesterday":                              "tests[0].at",
		"request: /a }\n  - { name: it, request: /a, expect: {}":  "tests[1].name: the test at doc.yaml:14:5 is named \"it\" as well",
		"request: /a, expect: { status: 200, sent: { pth: /a } }": "did you mean \"path\"?",
		"request: { path: /a, from: 10.0.0.0/8 }":                 "tests[0].request.from",
		"request: /a, at: 1999-01-01T00:00:00Z":                   "tests[0].at: a test begins between 2000 and 2200",
		"request: GET http:///x":                                  "tests[0].request",
		"request: { path: /a, headers: [] }":                      "a list is given where a map of names and values is wanted",
		"request: /a, expect: { status: 100 }":                    "write a status from 200 to 599",
		"request: /a, upstreams: { a: { status: 700 } }":          "the most is 599",
		"request: { path: /a, host: \"a b\" }":                    "white space",
	} {
		_, err := RunBytes("doc.yaml", []byte(world+"  - { name: it, "+test+" }\n"), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", test, err, want)
		}
	}
}

// The files of a document are read once, from where it stands.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	text := "listeners: [\":80\"]\nroutes: [{ match: /, respond: { body: \"${file('a.txt')}\" } }]\ntests: [{ name: it, request: /, expect: { body: hello } }]\n"
	for name, text := range map[string]string{"doc.yaml": text, "a.txt": "hello\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(filepath.Join(dir, "doc.yaml"), Options{})
	if err != nil || r.Passed != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

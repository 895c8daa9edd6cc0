package invoke_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
)

// document is of one function.
const document = `
functions: { f: { aws: { function: f, region: eu-central-1, endpoint: "%s" } } }
routes: [{ match: "/{path...}", function: f }]
`

// Functions are called by any of their names, and every call has a good signature, over what was sent.
func TestCalls(t *testing.T) {
	l := newLambda(t)
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders"
	for _, name := range []string{"orders", "orders:live", "orders:$LATEST", "123456789012:function:orders", arn, arn + ":7"} {
		l.has(name, returns(fmt.Sprintf(`{"statusCode": 201, "headers": {"X-Called": %q}, "body": "made"}`, name)))
	}
	w := start(t, l, `
functions:
  plain: { aws: { function: orders, region: eu-central-1, endpoint: "%s" } }
  alias: { aws: { function: "orders:live", region: eu-central-1, endpoint: "%s" } }
  beside: { aws: { function: orders, qualifier: live, region: eu-central-1, endpoint: "%s/" } }
  latest: { aws: { function: orders, qualifier: $LATEST, region: eu-central-1, endpoint: "%s" } }
  account: { aws: { function: "123456789012:function:orders", region: eu-central-1, endpoint: "%s" } }
  arn: { aws: { function: "`+arn+`", endpoint: "%s" } }
  version: { aws: { function: "`+arn+`:7", endpoint: "%s" } }
routes:
  - { match: /plain, function: plain }
  - { match: /alias, function: alias }
  - { match: /beside, function: beside }
  - { match: /latest, function: latest }
  - { match: /account, function: account }
  - { match: /arn, function: arn }
  - { match: /version, function: version, payload: "2.0" }
`)
	for _, c := range []struct{ path, name, uri string }{
		{"/plain", "orders", "/2015-03-31/functions/orders/invocations"},
		{"/alias", "orders:live", "/2015-03-31/functions/orders/invocations?Qualifier=live"},
		{"/beside", "orders:live", "/2015-03-31/functions/orders/invocations?Qualifier=live"},
		{"/latest", "orders:$LATEST", "/2015-03-31/functions/orders/invocations?Qualifier=%24LATEST"},
		{"/account", "123456789012:function:orders", "/2015-03-31/functions/123456789012%3Afunction%3Aorders/invocations"},
		{"/arn", arn, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aorders/invocations"},
		{"/version", arn + ":7", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aorders/invocations?Qualifier=7"},
	} {
		a := w.ask("POST", c.path, `{"item": "bücher  &c"}`)
		if a.status != 201 || a.body != "made" || a.header.Get("X-Called") != c.name {
			t.Errorf("%s: got %d %q of %q, want 201 of %q", c.path, a.status, a.body, a.header.Get("X-Called"), c.name)
			continue
		}
		got := l.last()
		if got.uri != c.uri {
			t.Errorf("%s: got %s, want %s", c.path, got.uri, c.uri)
		}
		if got.event["body"] != `{"item": "bücher  &c"}` {
			t.Errorf("%s: the event is %v", c.path, got.event)
		}
		if trace := got.header.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") || got.header.Get("X-Amz-Invocation-Type") != "RequestResponse" || got.header.Get("X-Amz-Log-Type") != "Tail" {
			t.Errorf("%s: the fields are %v", c.path, got.header)
		}
	}
	before := l.opened.Load()
	for range 20 {
		w.ask("GET", "/plain", "")
	}
	if n := l.opened.Load() - before; n > 1 {
		t.Errorf("20 calls in a row took %d more connections", n)
	}
	w.logs(`msg="credentials for AWS are found" region=eu-central-1`)
}

// What goes wrong, and what the client and the log get of it.
func TestFailures(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, `
functions: { f: { timeout: 20s, aws: { function: f, region: eu-central-1, endpoint: "%s" } } }
routes: [{ match: "/{path...}", function: f }]
`)
	fails := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, body)
		}
	}
	refuses := func(status int, kind, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, kind, message) }
	}
	for _, c := range []struct {
		name    string
		code    http.HandlerFunc
		status  int
		problem string
		log     string
	}{
		{"an error", fails(`{"errorMessage":"kaput inside","errorType":"ValueError","stackTrace":["a.py"]}`), 502, "function_error", `type=ValueError error="kaput inside"`},
		{"an error that is no JSON", fails(`kaput text`), 502, "function_error", `type=Unhandled error="kaput text"`},
		{"a crash", fails(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1 Error: Runtime exited with error: signal: killed"}`), 502, "function_error", "type=Runtime.ExitError"},
		{"its timeout", fails(`{"errorMessage":"2026-01-01T00:00:00.000Z 1 Task timed out after 3.00 seconds"}`), 504, "upstream_timeout", "Task timed out"},
		{"no JSON", returns("hello"), 502, "function_error", "returned what is no response"},
		{"another shape", returns(`{"status": 200}`), 502, "function_error", `the result has the key \"status\"`},
		{"a result that is too large", returns(`"` + strings.Repeat("x", 16<<20) + `"`), 502, "function_error", "larger than 16 MiB"},
		{"no room", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			refuse(w, 429, "TooManyRequestsException", "Rate Exceeded.")
		}, 503, "overloaded", "TooManyRequestsException: Rate Exceeded."},
		{"no right", refuses(403, "AccessDeniedException", "User: arn:aws:iam::1:user/me is not authorized"), 500, "internal", "AccessDeniedException: User: arn:aws:iam::1:user/me is not authorized"},
		{"no function", refuses(404, "ResourceNotFoundException", "Function not found"), 502, "function_error", "404 ResourceNotFoundException: Function not found"},
		{"too much", refuses(413, "RequestTooLargeException", "too large"), 413, "body_too_large", "413 RequestTooLargeException"},
		{"a bad state", refuses(502, "EFSIOException", "cannot mount"), 502, "function_error", "502 EFSIOException"},
		{"a service that fails", refuses(500, "com.amazonaws#ServiceException:http://internal", "oops"), 502, "function_error", "500 ServiceException: oops"},
		{"a redirect", refuses(307, "", ""), 502, "function_error", "AWS answers the call of the function f with 307"},
		{"no result", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, 502, "function_error", "AWS answers the call of the function f with 202"},
		{"a break", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "function_error", "calling the function f in AWS"},
		{"a break within", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"statusCode"`)
		}, 502, "function_error", "reading what the function f in AWS returned"},
	} {
		l.has("f", c.code)
		a := w.ask("GET", "/", "")
		if a.status != c.status || !strings.Contains(a.body, `"urn:sallyport:problem:`+c.problem+`"`) {
			t.Errorf("%s: got %d %s, want %d %s", c.name, a.status, a.body, c.status, c.problem)
		}
		if strings.Contains(a.body, "kaput") || strings.Contains(a.body, "127.0.0.1") || strings.Contains(a.body, "arn:") {
			t.Errorf("%s: the client is told %s", c.name, a.body)
		}
		if c.status == 503 && a.header.Get("Retry-After") != "7" {
			t.Errorf("%s: Retry-After is %q", c.name, a.header.Get("Retry-After"))
		}
		w.logs(c.log)
	}
	l.has("f", returns(`{"body": "well"}`))
	if a := w.ask("POST", "/", strings.Repeat("x", 7<<20)); a.status != 413 {
		t.Errorf("an event that is too large: got %d, want 413", a.status)
	}
	if a := w.ask("GET", "/", ""); a.status != 200 || a.body != "well" {
		t.Errorf("got %d %q after all that", a.status, a.body)
	}
	metrics := w.scrape()
	for _, want := range []string{
		`sallyport_function_calls_total{function="f"} 19`,
		`reason="error"} 3`, `reason="crash"} 1`, `reason="timeout"} 1`, `reason="throttled"} 1`, `reason="refused"} 7`, `reason="unreached"} 2`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if strings.Contains(metrics, `sallyport_function_processes{function="f"}`) {
		t.Error("the metrics tell of processes of a function in AWS")
	}
}

func (w *world) scrape() string {
	r := httptest.NewRecorder()
	w.Metrics().Handler().ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
	return r.Body.String()
}

// Signatures that AWS does not take: the log says so, nobody learns the credentials, and what can be mended is not asked twice a request.
func TestRejected(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(l *lambda)
		doc  string
		env  []string
		log  string
	}{
		{"a clock that is behind", func(l *lambda) { l.skew = 20 * time.Minute }, document, nil, "Signature expired"},
		{"a clock that is ahead", func(l *lambda) { l.skew = -20 * time.Minute }, document, nil, "Signature not yet current"},
		{"another region", nil, strings.ReplaceAll(document, "eu-central-1", "us-east-1"), nil, "scoped to a valid region"},
		{"another key", nil, document, []string{"AWS_ACCESS_KEY_ID", "AKIDCANARYCANARY0002"}, "type=UnrecognizedClientException"},
		{"another secret", nil, document, []string{"AWS_SECRET_ACCESS_KEY", "canary/other/secret"}, "does not match the signature you provided"},
		{"another session", nil, document, []string{"AWS_SESSION_TOKEN", "canary/other/session"}, "type=UnrecognizedClientException"},
		{"no session", nil, document, []string{"AWS_SESSION_TOKEN", ""}, "type=UnrecognizedClientException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLambda(t)
			l.has("f", returns(`{"body": "well"}`))
			if c.set != nil {
				c.set(l)
			}
			environment(t, "AWS_ACCESS_KEY_ID", keyID, "AWS_SECRET_ACCESS_KEY", secret, "AWS_SESSION_TOKEN", session)
			for i := 0; i+1 < len(c.env); i += 2 {
				t.Setenv(c.env[i], c.env[i+1])
			}
			w := serve(t, l, c.doc)
			a := w.ask("GET", "/", "")
			if a.status != 500 || !strings.Contains(a.body, "urn:sallyport:problem:internal") {
				t.Errorf("got %d %s, want 500 internal", a.status, a.body)
			}
			w.logs(c.log)
			w.silent(a.body)
		})
	}
}

// silent fails when something of the credentials shows.
func (w *world) silent(more ...string) {
	w.t.Helper()
	explained, err := w.Explain(&gateway.Question{Method: "GET", URL: "http://gateway.test/"})
	if err != nil {
		w.t.Fatal(err)
	}
	said, _ := json.Marshal(explained)
	status, _ := json.Marshal(w.Status())
	for _, text := range append(more, w.said.String(), w.scrape(), string(said), string(status)) {
		if i := strings.Index(strings.ToLower(text), "canary"); i >= 0 {
			w.t.Errorf("the credentials show in ...%s...", text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// Without credentials the log says what to do, and requests get 500, at once.
func TestNoCredentials(t *testing.T) {
	l := newLambda(t)
	environment(t)
	w := serve(t, l, document)
	if a := w.ask("GET", "/", ""); a.status != 500 || !strings.Contains(a.body, "urn:sallyport:problem:internal") {
		t.Errorf("got %d %s, want 500 internal", a.status, a.body)
	}
	w.logs(`msg="no credentials for AWS are found"`, "set AWS_ACCESS_KEY_ID", `"cause":"there are no credentials for AWS`)
	if l.opened.Load() > 0 {
		t.Error("AWS was called all the same")
	}
}

// A timeout ends the call, and so does a client that goes away; its connection is not used again.
func TestEnds(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, `
functions:
  short: { timeout: 300ms, aws: { function: slow, region: eu-central-1, endpoint: "%s" } }
  long: { timeout: 10m, aws: { function: slow, region: eu-central-1, endpoint: "%s" } }
routes: [{ match: /short, function: short }, { match: /long, function: long }]
`)
	var begun, ended atomic.Int64
	l.has("slow", func(_ http.ResponseWriter, r *http.Request) {
		begun.Add(1)
		<-r.Context().Done()
		ended.Add(1)
	})
	if a := w.ask("GET", "/short", ""); a.status != 504 || !strings.Contains(a.body, "upstream_timeout") {
		t.Errorf("got %d %s, want 504", a.status, a.body)
	}
	eventually(t, "the call of the timeout ends", func() bool { return ended.Load() == 1 })
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/long", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		resp, err := client.Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	eventually(t, "the call begins", func() bool { return begun.Load() == 2 })
	leave()
	eventually(t, "the call ends with its client", func() bool { return ended.Load() == 2 })
	<-gone
	w.logs("a function took too long", "the client went away")
}

// What functions write is asked for at debug, and logged line by line.
func TestTail(t *testing.T) {
	l := newLambda(t)
	l.has("f", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Log-Type") == "Tail" {
			w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("START\nit says this\nEND\n")))
		}
		_, _ = io.WriteString(w, `{"body": "well"}`)
	})
	w := start(t, l, document)
	a := w.ask("GET", "/", "")
	w.logs(`level=DEBUG msg="a function says" function=f id=` + a.header.Get("X-Request-Id") + ` aws_id=aws-0001 line="it says this"`)
	w.silent()
	w.level = "info"
	w.load(l, document)
	w.ask("GET", "/", "")
	if kind := l.last().header.Get("X-Amz-Log-Type"); kind != "" {
		t.Errorf("at info the log is asked for as well: %s", kind)
	}
}

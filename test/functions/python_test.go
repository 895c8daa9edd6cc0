package functions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/test"
)

func installed(t *testing.T, program string) {
	t.Helper()
	if err := test.Install(program); err != nil {
		t.Fatal(err)
	}
}

func python(t *testing.T, settings string) *world {
	installed(t, "python3")
	t.Setenv("SALLYPORT_SECRET", "of the gateway alone")
	return start(t, fmt.Sprintf(`
functions:
  app: { runtime: python, directory: %q, handler: app.lambda_handler, env: { GREETING: hello }, %s }
routes: [{ match: "/{rest...}", function: app }]
`, here(t, "python"), settings))
}

func TestPython(t *testing.T) {
	w := python(t, "timeout: 10s")
	began := time.Now()
	a := w.want(200, "GET", "/event?a=1&a=2")
	took(t, "Python, cold", began)
	began = time.Now()
	w.want(200, "GET", "/event")
	took(t, "Python, warm", began)
	var event struct {
		Path           string              `json:"path"`
		Query          map[string]string   `json:"queryStringParameters"`
		MultiQuery     map[string][]string `json:"multiValueQueryStringParameters"`
		RequestContext struct {
			RequestID string `json:"requestId"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal([]byte(a.body), &event); err != nil || event.Path != "/event" || event.Query["a"] != "2" || !slices.Equal(event.MultiQuery["a"], []string{"1", "2"}) {
		t.Errorf("the event is %s, %v", a.body, err)
	}
	if id := a.header.Get("X-Request-Id"); id == "" || event.RequestContext.RequestID != id {
		t.Errorf("the event has the id %q, the response %q", event.RequestContext.RequestID, id)
	}

	a = w.want(200, "GET", "/context")
	var said struct {
		ID, ARN, Name, Memory string
		Time                  bool
		Env                   []string
	}
	if err := json.Unmarshal([]byte(a.body), &said); err != nil {
		t.Fatal(err)
	}
	if said.ID != a.header.Get("X-Request-Id") || said.ARN != "arn:aws:lambda:local:000000000000:function:app" || said.Name != "app" || said.Memory != "512" || !said.Time {
		t.Errorf("the context is %+v", said)
	}
	for _, name := range []string{"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "GREETING", "LAMBDA_TASK_ROOT", "PATH", "_HANDLER"} {
		if !slices.Contains(said.Env, name) {
			t.Errorf("the environment lacks %s: %v", name, said.Env)
		}
	}
	for _, name := range said.Env {
		if name == "HOME" || strings.HasPrefix(name, "SALLYPORT") {
			t.Errorf("the environment has %s of the gateway", name)
		}
	}
	a = w.want(200, "GET", "/who")
	if !strings.HasPrefix(a.body, `[null, null, "AWS_Lambda_python3.`) || !strings.HasSuffix(a.body, `, "LOG_ERROR"]`) {
		t.Errorf("the context is %s", a.body)
	}
	w.want(404, "GET", "/logs")
	eventually(t, "the log has what the function logs", func() bool { return strings.Contains(w.said.String(), "[INFO] an informative line") })
	if strings.Contains(w.said.String(), "too much") {
		t.Error("the log has what is below the level")
	}
	if a := w.want(404, "GET", "/none"); !slices.Equal(a.header.Values("X-A"), []string{"1", "2", "3"}) || a.header.Get("X-B") != "true" || a.body != "" {
		t.Errorf("got %v %q", a.header, a.body)
	}
}

func TestPythonFails(t *testing.T) {
	w := python(t, "timeout: 2s, memory: 128MiB")
	for _, path := range []string{"/raise", "/malformed", "/exit", "/large", "/greedy", "/strange"} {
		a := w.want(502, "GET", path)
		if !strings.Contains(a.body, "function_error") || strings.Contains(a.body, "secret") || strings.Contains(a.body, "python") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if s := w.Status().Functions[0]; s.Malformed != 1 {
		t.Errorf("%+v", s)
	}
	eventually(t, "the access log names the function", func() bool { return strings.Contains(w.said.String(), `"function":"app"`) })
	if a := w.want(504, "GET", "/sleep"); !strings.Contains(a.body, "upstream_timeout") {
		t.Error(a.body)
	}
	a := w.want(404, "GET", "/says")
	for _, said := range []string{"to stdout", "to stderr"} {
		eventually(t, "the log has what the function says "+said+", with the id", func() bool { return w.logs(said, a.header.Get("X-Request-Id")) })
	}
	eventually(t, "the log has what the function says before it fails, and why", func() bool { return w.logs("about to fail") && w.logs("ValueError") })
}

// A document that leaves a function as it is leaves its processes as they are; one that takes it away ends them, and no call is lost.
func TestReloads(t *testing.T) {
	installed(t, "python3")
	dir := t.TempDir()
	write(t, dir+"/app.py", "import time\ndef handler(event, context):\n    time.sleep(0.02)\n    return {'statusCode': 200, 'body': 'hello'}\n")
	w := start(t, fmt.Sprintf("functions: { app: { runtime: python, directory: %q, handler: app.handler, min: 1 } }\nroutes: [{ match: \"/{rest...}\", function: app }]\n", dir))
	defer w.crowd(3, func() { w.want(200, "GET", "/") })()
	w.want(200, "GET", "/")
	before := w.Status().Functions[0].Starts
	w.load(fmt.Sprintf("functions: { app: { runtime: python, directory: %q, handler: app.handler, min: 1 } }\nroutes: [{ match: \"/{rest...}\", function: app, payload: \"2.0\" }]\n", dir))
	w.want(200, "GET", "/")
	if after := w.Status().Functions[0].Starts; after > before+3 {
		t.Errorf("%d processes were started before a reload, %d with it", before, after)
	}
	w.load(fmt.Sprintf("functions: { other: { runtime: python, directory: %q, handler: app.handler } }\nroutes: [{ match: \"/{rest...}\", function: other }]\n", dir))
	w.want(200, "GET", "/")
}

// Code that cannot be loaded is not tried for each request, and mended code at once.
func TestBrokenCode(t *testing.T) {
	installed(t, "python3")
	dir := t.TempDir()
	write(t, dir+"/app.py", "import nothing_of_that_name\n")
	w := start(t, fmt.Sprintf("functions: { app: { runtime: python, directory: %q, handler: app.handler } }\nroutes: [{ match: \"/{rest...}\", function: app }]\n", dir))
	for range 40 { // the pause before the next start becomes several seconds
		w.want(502, "GET", "/")
		time.Sleep(50 * time.Millisecond)
	}
	s := w.Status().Functions[0]
	if s.Starts > 5 || s.StartErrors == 0 || !strings.Contains(s.LastError, "ImportModuleError") {
		t.Errorf("%+v", s)
	}
	write(t, dir+"/app.py", "def handler(event, context):\n    return {'body': 'mended'}\n")
	eventually(t, "mended code answers", func() bool { return w.ask("GET", "/", "").body == "mended" })
	if s := w.Status().Functions[0]; s.LastError != "" {
		t.Errorf("%+v", s)
	}
	write(t, dir+"/app.py", "def other(event, context):\n    pass\n")
	eventually(t, "a handler that is gone is an error", func() bool { return w.ask("GET", "/", "").status == 502 })
	if !strings.Contains(w.said.String(), "HandlerNotFound") {
		t.Error("the log does not tell why")
	}
}

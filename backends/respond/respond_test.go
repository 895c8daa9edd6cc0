package respond

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, doc string) (policy.Handler, schema.Errors) {
	t.Helper()
	return madeIn(t, "", doc)
}

// madeIn builds what stands in a document of that folder.
func madeIn(t testing.TB, dir, doc string) (policy.Handler, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse(filepath.Join(dir, "test.yaml"), []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "respond", &plug.Env{})
}

func request(t testing.TB, method, target string) *policy.Exchange {
	t.Helper()
	r := &wire.Request{Method: method, Scheme: "http", Host: "shop.test"}
	if fault := wire.ParseTarget(r, target); fault != nil {
		t.Fatal(fault)
	}
	return &policy.Exchange{Request: r}
}

// answer is the response as text: fields, an empty line, the body.
func answer(t testing.TB, resp *wire.Response) string {
	t.Helper()
	var b strings.Builder
	for name, value := range resp.Header.All() {
		b.WriteString(name + ": " + value + "\n")
	}
	if resp.Body != nil {
		body, err := io.ReadAll(resp.Body)
		if err != nil || int64(len(body)) != resp.Length {
			t.Errorf("%d bytes for a length of %d, %v", len(body), resp.Length, err)
		}
		b.WriteString("\n" + string(body))
	}
	return b.String()
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"{}", ""},
		{"{status: 418}", ""},
		{"{body: hi}", "Content-Type: text/plain; charset=utf-8\n\nhi"},
		{"{body: 42}", "Content-Type: text/plain; charset=utf-8\n\n42"},
		{"{body: 'to ${request.method}'}", "Content-Type: text/plain; charset=utf-8\n\nto GET"},
		{"{body: <p>, headers: {content-type: text/html}}", "content-type: text/html\n\n<p>"},
		{"{headers: {X-B: 2, X-A: [1, '${request.path}']}}", "X-A: 1\nX-A: /x\nX-B: 2\n"},
		{"{json: null}", "Content-Type: application/json\n\nnull"},
		{"{json: [1.50, '${request.query.q}', 'a${request.size}', '<&>']}", "Content-Type: application/json\n\n[1.50,\"1\",\"a0\",\"<&>\"]"},
		{"{json: '${request.size}'}", "Content-Type: application/json\n\n0"},
	} {
		h, errs := made(t, c.doc)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for range 2 { // the second time nothing of the first is left
			resp, err := h(request(t, "GET", "/x?q=1"))
			if err != nil {
				t.Fatalf("%s: %v", c.doc, err)
			}
			if got := answer(t, resp); got != c.want {
				t.Errorf("%s: got %q, want %q", c.doc, got, c.want)
			}
		}
	}
}

func TestHEAD(t *testing.T) {
	h, _ := made(t, "{body: hello}")
	resp, err := h(request(t, "HEAD", "/"))
	if err != nil || resp.Body != nil || resp.Length != 5 {
		t.Errorf("%+v, %v", resp, err)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"page.HTML": 10, "data": 3, "big.txt": maxFile + 1, "full.txt": maxFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"page.HTML":                     "text/html; charset=utf-8",
		"data":                          "application/octet-stream",
		"full.txt":                      "text/plain; charset=utf-8",
		filepath.Join(dir, "page.HTML"): "text/html; charset=utf-8",
		"big.txt":                       "error: the file is larger than 4 MiB",
		"none.txt":                      "error: the file cannot be read",
		"${request.path}":               "error: the name of the file cannot depend on the request",
	} {
		h, errs := madeIn(t, dir, "{file: '"+name+"'}")
		if wrong, ok := strings.CutPrefix(want, "error: "); ok {
			if len(errs) != 1 || !strings.Contains(errs.Error(), "respond.file: "+wrong) {
				t.Errorf("%s: got %v", name, errs)
			}
			continue
		}
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		resp, err := h(request(t, "GET", "/"))
		if err != nil || resp.Header.Get("Content-Type") != want || !strings.HasSuffix(answer(t, resp), "\n\n"+strings.Repeat("x", int(resp.Length))) {
			t.Errorf("%s: %v, %v", name, resp.Header, err)
		}
	}
}

// What the request lacks, or has too much of, is the client's fault.
func TestFailures(t *testing.T) {
	for doc, want := range map[string]string{
		"{body: '${request.query.none}'}":        "bad_request",
		"{json: ['${request.query.none}']}":      "bad_request",
		"{headers: {X-A: '${request.query.q}'}}": "bad_request",
		"{body: '${consumer.name}'}":             "internal",
		"{headers: {X-A: '${consumer.name}'}}":   "internal",
	} {
		h, errs := made(t, doc)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		resp, err := h(request(t, "GET", "/x?q=%0d%0aSet-Cookie:%20a"))
		if err == nil || resp != nil || problem.From(err).Name != want {
			t.Errorf("%s: %v, %v", doc, resp, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for doc, want := range map[string]string{
		"{status: 100}":                    "respond.status",
		"{status: 204, body: x}":           "respond.status: a response of this status has no body",
		"{status: 304, json: {}}":          "respond.status: a response of this status has no body",
		"{body: x, json: {}}":              "body, json and file exclude each other",
		"{headers: {'a b': x}}":            `respond.headers["a b"]: this is no name of a header`,
		"{headers: {Connection: close}}":   "respond.headers.Connection: the gateway makes this header itself",
		"{headers: {X-A: \"a\\nb\"}}":      "respond.headers.X-A: a control character",
		"{body: '${requst.path}'}":         "respond.body: ",
		"{json: {a: ['${requst.path}']}}":  "respond.json.a[0]: ",
		"{headers: {X-A: [a, '${none}']}}": "respond.headers.X-A[1]: ",
		"{file: []}":                       "respond.file: a list is given",
	} {
		if _, errs := made(t, doc); len(errs) != 1 || !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
}

package attackrun

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range []string{"testdata/cases.jsonl", "testdata/more.jsonl"} {
		cases, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			name, _, _ := strings.Cut(c.Oracle, ":")
			if seen[c.ID] || len(c.Send) == 0 || c.Title == "" || c.Expect == "" {
				t.Errorf("%s: %s is not whole, or comes twice", file, c.ID)
			}
			if oracles[name] == nil && name != "loop_detect" {
				t.Errorf("%s: nothing judges %s of %s", file, c.Oracle, c.ID)
			}
			seen[c.ID] = true
		}
	}
	if len(seen) < 500 {
		t.Errorf("only %d cases", len(seen))
	}
}

// What the linter and the readings are for: each line must be found fault with.
func TestLint(t *testing.T) {
	for _, c := range []struct{ name, head, body, want string }{
		{"clean", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "", ""},
		{"clean chunks", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", ""},
		{"bare LF", "GET /x HTTP/1.1\nHost: a\r\n\r\n", "", "bare LF"},
		{"fold", "GET /x HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "", "obs-fold"},
		{"name", "GET /x HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", "", "bad name"},
		{"control", "GET /x HTTP/1.1\r\nHost: a\r\nA: c\x01\r\n\r\n", "", "control"},
		{"NUL", "GET /x HTTP/1.1\r\nHost: a\r\nA: c\x00\r\n\r\n", "", "NUL"},
		{"absolute", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "", "origin form"},
		{"space", "GET /x y HTTP/1.1\r\nHost: a\r\n\r\n", "", "4 parts"},
		{"fragment", "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", "", "in the target"},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "", "2 Host"},
		{"both framings", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "", "framed 2"},
		{"length", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "", "Content-Length"},
		{"coding", "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "", "Transfer-Encoding"},
		{"chunk line", "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5;a\r\nhello\r\n0\r\n\r\n", "chunk line"},
		{"chunk end", "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "short"},
		{"trailer", "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nA: b\r\n\r\n", "trailer"},
	} {
		got := strings.Join(lint(&record{head: []byte(c.head), body: []byte(c.body)}).problems, "; ")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
}

func TestReadings(t *testing.T) {
	for target, want := range map[string]bool{
		"/admin": true, "/admin/x?y": true, "//admin": true, "/public/../admin/x": true, "/public/%2e%2e/admin": true, "/public/..%2fadmin": true,
		"/public/..;/admin": true, "/admin;x": true, "/public/%252e%252e/admin": true, "/x\\..\\admin": true, "/admin%00": true, "/admin%23": true,
		"/admin#": true, "/public/..%c0%afadmin": true, "/public/x": false, "/adminx": false, "/x/admin": false, "/x?/admin": false,
	} {
		if got := readsAsAdmin(target); (len(got) > 0) != want {
			t.Errorf("%s leads to /admin by %q, want %v", target, got, want)
		}
	}
}

// The run must find what is known of a proxy of ten lines: paths that slip past a rule, fields that clients invent.
func TestRunAgainstANaiveProxy(t *testing.T) {
	b, err := NewBackend("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	to := &url.URL{Scheme: "http", Host: b.Addr()}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/admin") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	cases, err := Load("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Verdict{}
	for _, c := range cases {
		if slices.Contains([]string{"FRM-006", "FRM-063", "FRM-068", "RL-002", "PATH-002", "PATH-004", "PATH-010", "HDR-007", "HDR-010"}, c.ID) {
			got[c.ID] = Run(c, front.Listener.Addr().String(), b, 100*time.Millisecond).Verdict
		}
	}
	for id, want := range map[string]Verdict{
		"FRM-006": Pass, "FRM-063": Pass, "FRM-068": Pass, "RL-002": Pass,
		"PATH-002": Fail, "PATH-004": Fail, "PATH-010": Fail, "HDR-007": Fail, "HDR-010": Fail,
	} {
		if got[id] != want {
			t.Errorf("%s: %s, want %s", id, got[id], want)
		}
	}
}

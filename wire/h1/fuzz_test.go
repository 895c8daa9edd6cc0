package h1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/wire"
)

// A tape is a connection on which everything has been said already: reads come from in, writes go to out.
type tape struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *tape) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *tape) Close() error                { return nil }
func (c *tape) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:80"))
}
func (c *tape) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:9"))
}
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// A witness is a handler that remembers what it saw, and what would go upstream.
type witness struct {
	seen []seen
}

type seen struct {
	method, target, host string
	fields               []string
	body                 string
	failed               bool
	forwarded            string
}

func (w *witness) Handle(r *wire.Request) *wire.Response {
	s := seen{method: r.Method, target: r.Path.Raw, host: r.Host, fields: fieldsOf(&r.Header)}
	if r.Query != "" {
		s.target += "?" + r.Query
	}
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		s.body, s.failed = string(b), err != nil
	}
	target := r.Path.Text
	if r.Query != "" {
		target += "?" + r.Query
	}
	call := &wire.Call{Method: r.Method, Target: target, Host: "target.test", Header: &r.Header, Upgrade: r.Upgrade}
	if r.Body != nil {
		call.Body, call.Length = wire.BytesBody([]byte(s.body)), r.Length
	}
	u := &upConn{call: call}
	u.build(call)
	u.inline(call, new(inlined))
	s.forwarded = string(u.o.b)
	u.o.free()
	w.seen = append(w.seen, s)
	return &wire.Response{Status: 200}
}

func (w *witness) Refuse(_ *wire.Request, f *wire.Fault) *wire.Response {
	return said(f.Status, f.Reason)
}
func (w *witness) Done(*wire.Request, wire.Outcome) {}

// fieldsOf lists the end-to-end fields of h, sorted.
func fieldsOf(h *wire.Header) []string {
	var out []string
	for n, v := range h.All() {
		out = append(out, http.CanonicalHeaderKey(n)+": "+v)
	}
	slices.Sort(out)
	return out
}

func fieldsOfStd(h http.Header) []string {
	var out []string
	drop := map[string]bool{}
	for _, v := range h["Connection"] {
		for t := range strings.SplitSeq(v, ",") {
			drop[http.CanonicalHeaderKey(strings.Trim(t, " \t"))] = true
		}
	}
	for n, vs := range h {
		if !wire.NameOf(n).EndToEnd() || drop[n] {
			continue
		}
		for _, v := range vs {
			out = append(out, n+": "+v)
		}
	}
	slices.Sort(out)
	return out
}

var requestSeeds = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a/../b?c=d HTTP/1.1\r\nHost: A.b:80\r\nX: y\r\nConnection: close\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET http://b/x HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, x\r\nX: 1\r\nUpgrade: websocket\r\n\r\n",
	"\r\nGET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
}

// FuzzServer reads arbitrary bytes as a connection's requests. What ours accepts, net/http accepts and reads the same; and
// what would go upstream is strictly legal and is read the same once more.
func FuzzServer(f *testing.F) {
	for _, s := range requestSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w := &witness{}
		c := &tape{in: bytes.NewReader(in)}
		(&Server{Handler: w}).Serve(c, nil)
		br := bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(in, []byte("\r\n"))))
		for i, s := range w.seen {
			if i > 0 {
				if b, _ := br.Peek(2); string(b) == "\r\n" {
					_, _ = br.Discard(2)
				}
			}
			lint(t, s)
			std, err := http.ReadRequest(br)
			if err != nil {
				t.Fatalf("request %d: ours takes %+v, net/http says %v", i, s, err)
			}
			body, err := io.ReadAll(std.Body)
			if (err != nil) != s.failed {
				if s.failed {
					return // ours is stricter in the body, and the connection ends here
				}
				t.Fatalf("request %d: body %q, net/http says %v", i, s.body, err)
			}
			if s.failed {
				return
			}
			got := seen{method: std.Method, body: string(body), fields: fieldsOfStd(std.Header)}
			if got.method != s.method || got.body != s.body || !slices.Equal(got.fields, s.fields) {
				t.Fatalf("request %d:\nours     %+v\nnet/http %+v", i, s, got)
			}
			uri := std.RequestURI
			if j := strings.Index(uri, "://"); j >= 0 && uri[0] != '/' {
				uri = uri[j+3:]
				if j := strings.IndexAny(uri, "/?"); j >= 0 {
					uri = uri[j:]
				} else {
					uri = ""
				}
			}
			if uri != s.target && uri != strings.TrimSuffix(s.target, "?") && "/"+uri != s.target && strings.TrimSuffix(uri, "?") != s.target && strings.TrimSuffix("/"+uri, "?") != s.target {
				t.Fatalf("request %d: target %q, net/http %q", i, s.target, std.RequestURI)
			}
		}
	})
}

var (
	requestLine = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+ (/[!-\"$-~]*|\\*) HTTP/1\\.1$")
	fieldLine   = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+: [^\x00-\x08\x0a-\x1f\x7f]*$")
)

// lint holds what goes upstream against the grammar, with other code than the one that made it.
func lint(t *testing.T, s seen) {
	t.Helper()
	head, body, found := strings.Cut(s.forwarded, "\r\n\r\n")
	if !found {
		t.Fatalf("no end of the head in %q", s.forwarded)
	}
	lines := strings.Split(head, "\r\n")
	if !requestLine.MatchString(lines[0]) {
		t.Fatalf("request line %q", lines[0])
	}
	count := map[string]int{}
	for _, l := range lines[1:] {
		if !fieldLine.MatchString(l) {
			t.Fatalf("field %q", l)
		}
		name, _, _ := strings.Cut(l, ":")
		count[strings.ToLower(name)]++
	}
	if count["host"] != 1 || count["content-length"]+count["transfer-encoding"] > 1 || count["te"]+count["trailer"]+count["keep-alive"] > 0 {
		t.Fatalf("framing of %q", head)
	}
	if s.failed || len(s.body) > 8<<10 {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(s.forwarded)))
	if err != nil {
		t.Fatalf("%q: %v", s.forwarded, err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || string(b) != s.body || count["transfer-encoding"] == 0 && body != s.body {
		t.Fatalf("body %q of %q, want %q: %v", b, s.forwarded, s.body, err)
	}
}

// FuzzClient reads arbitrary bytes as a target's answer. What ours accepts as whole, net/http reads the same.
func FuzzClient(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 10\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p := NewPool(PoolOptions{Dial: func(time.Time) (net.Conn, error) { return &tape{in: bytes.NewReader(in)}, nil }})
		defer p.Close()
		resp, err := p.Do(&wire.Call{Method: "GET", Target: "/", Host: "a"})
		if err != nil {
			var failed *wire.CallError
			if !errors.As(err, &failed) {
				t.Fatalf("%v is no CallError", err)
			}
			return
		}
		body, err := io.ReadAll(resp.Body)
		status, fields := resp.Status, fieldsOf(&resp.Header)
		resp.Close()
		if err != nil || status == 101 {
			return
		}
		br := bufio.NewReader(bytes.NewReader(in))
		var std *http.Response
		for {
			std, err = http.ReadResponse(br, nil)
			if err != nil {
				t.Fatalf("ours takes %d %q, net/http says %v", status, body, err)
			}
			if std.StatusCode >= 200 {
				break
			}
		}
		want, err := io.ReadAll(std.Body)
		if err != nil || status != std.StatusCode || !bytes.Equal(body, want) || !slices.Equal(fields, fieldsOfStd(std.Header)) {
			t.Fatalf("ours %d %q %q, net/http %d %q %q %v", status, body, fields, std.StatusCode, want, fieldsOfStd(std.Header), err)
		}
	})
}

package h1

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/wire"
	"sallyport/wire/memnet"
)

// RFC 9112 §§2–7 as a table: what is refused, with which status, and what passes. Each line is a whole request head; \n stands for CRLF.
func TestRequestHeads(t *testing.T) {
	const ok = 0
	for _, c := range []struct {
		name, head string
		status     int
	}{
		{"plain", "GET / HTTP/1.1\nHost: a\n\n", ok},
		{"1.0 without host", "GET / HTTP/1.0\n\n", ok},
		{"token of any kind", "!#$%&'*+-.^_`|~az09 / HTTP/1.1\nHost: a\n\n", ok},
		{"white space around the value", "GET / HTTP/1.1\nHost: \t a \t\nX: \t\n\n", ok},
		{"obs-text in a value", "GET / HTTP/1.1\nHost: a\nX: \xff\x80\n\n", ok},
		{"empty value", "GET / HTTP/1.1\nHost: a\nX:\n\n", ok},
		{"length zero", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n", ok},
		{"chunked in capitals", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: CHUNKED\n\n", ok},
		{"connection with empty members", "GET / HTTP/1.1\nHost: a\nConnection: , keep-alive,\n\n", ok},

		{"no version", "GET /\nHost: a\n\n", 400},
		{"0.9", "GET / HTTP/0.9\nHost: a\n\n", 400},
		{"1.2", "GET / HTTP/1.2\nHost: a\n\n", 400},
		{"2.0", "GET / HTTP/2.0\nHost: a\n\n", 400},
		{"lower-case version", "GET / http/1.1\nHost: a\n\n", 400},
		{"long version", "GET / HTTP/1.10\nHost: a\n\n", 400},
		{"two spaces", "GET  / HTTP/1.1\nHost: a\n\n", 400},
		{"space behind", "GET / HTTP/1.1 \nHost: a\n\n", 400},
		{"tab", "GET\t/ HTTP/1.1\nHost: a\n\n", 400},
		{"space in front", " GET / HTTP/1.1\nHost: a\n\n", 400},
		{"empty method", " / HTTP/1.1\nHost: a\n\n", 400},
		{"method is no token", "G(T / HTTP/1.1\nHost: a\n\n", 400},
		{"long method", strings.Repeat("A", 33) + " / HTTP/1.1\nHost: a\n\n", 400},
		{"control in the target", "GET /\x01 HTTP/1.1\nHost: a\n\n", 400},
		{"high byte in the target", "GET /\xc3\xa9 HTTP/1.1\nHost: a\n\n", 400},
		{"fragment", "GET /#x HTTP/1.1\nHost: a\n\n", 400},
		{"TRACE", "TRACE / HTTP/1.1\nHost: a\n\n", 405},
		{"CONNECT", "CONNECT a:80 HTTP/1.1\nHost: a:80\n\n", 405},
		{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400},
		{"HTTP/2 preface", "PRI * HTTP/2.0\n\nSM\n\n", 400},
		{"PROXY protocol", "PROXY TCP4 10.0.0.1 1.2.3.4 1 2\nGET / HTTP/1.1\nHost: a\n\n", 400},

		{"no host", "GET / HTTP/1.1\n\n", 400},
		{"empty host", "GET / HTTP/1.1\nHost:\n\n", 400},
		{"two hosts", "GET / HTTP/1.1\nHost: a\nHost: a\n\n", 400},
		{"host with path", "GET / HTTP/1.1\nHost: a/b\n\n", 400},

		{"space before the colon", "GET / HTTP/1.1\nHost : a\n\n", 400},
		{"no colon", "GET / HTTP/1.1\nHost: a\nX\n\n", 400},
		{"empty name", "GET / HTTP/1.1\nHost: a\n: x\n\n", 400},
		{"name is no token", "GET / HTTP/1.1\nHost: a\nX\x80: x\n\n", 400},
		{"obs-fold", "GET / HTTP/1.1\nHost: a\nX: a\n b\n\n", 400},
		{"fold of the first field", "GET / HTTP/1.1\n Host: a\n\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\nHost: a\nX: a\x00b\n\n", 400},
		{"DEL in a value", "GET / HTTP/1.1\nHost: a\nX: a\x7fb\n\n", 400},
		{"vertical tab before a coding", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \x0bchunked\n\n", 400},

		{"length twice", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 5\n\n", 400},
		{"length list", "POST / HTTP/1.1\nHost: a\nContent-Length: 5, 5\n\n", 400},
		{"length with sign", "POST / HTTP/1.1\nHost: a\nContent-Length: +5\n\n", 400},
		{"length below zero", "POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400},
		{"length empty", "POST / HTTP/1.1\nHost: a\nContent-Length:\n\n", 400},
		{"length in hex", "POST / HTTP/1.1\nHost: a\nContent-Length: 0x5\n\n", 400},
		{"length with leading zero", "POST / HTTP/1.1\nHost: a\nContent-Length: 05\n\n", 400},
		{"length beyond 63 bits", "POST / HTTP/1.1\nHost: a\nContent-Length: 9999999999999999999\n\n", 400},
		{"both framings", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", 400},
		{"chunked in 1.0", "POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n", 400},
		{"chunked twice", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n", 400},
		{"chunked list", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked\n\n", 400},
		{"gzip, chunked", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n", 400},
		{"identity", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity\n\n", 400},
		{"quoted coding", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \"chunked\"\n\n", 400},
		{"other expectation", "POST / HTTP/1.1\nHost: a\nExpect: 200-ok\nContent-Length: 1\n\n", 400},
		{"connection is no token", "GET / HTTP/1.1\nHost: a\nConnection: a b\n\n", 400},

		{"too many fields", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: a\n", 100) + "\n", 431},
		{"100 fields", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: a\n", 99) + "\n", ok},
		{"target as long as allowed", "GET /" + strings.Repeat("a", 16<<10-1) + " HTTP/1.1\nHost: a\n\n", ok},
		{"target too long", "GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1\nHost: a\n\n", 414},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := strings.ReplaceAll(c.head, "\n", "\r\n")
			r, fault := readRequest(head)
			switch {
			case c.status == ok && fault != nil:
				t.Fatalf("refused: %v", fault)
			case c.status != ok && fault == nil:
				t.Fatalf("passed as %q %q", r.Method, r.Path.Text)
			case fault != nil && fault.Status != c.status:
				t.Errorf("status %d, want %d", fault.Status, c.status)
			}
		})
	}
}

// readRequest reads one head the way a connection does.
func readRequest(head string) (*wire.Request, *wire.Fault) {
	end, _, fault := headEnd([]byte(head), 0)
	if fault != nil {
		return nil, fault
	}
	if end == 0 {
		return nil, faultSlow
	}
	l := Limits{}.withDefaults()
	r, f := &wire.Request{}, &framing{}
	return r, parseRequest(head[:end], r, f, &l)
}

func TestBareLineEnds(t *testing.T) {
	for _, head := range []string{
		"GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
	} {
		if r, fault := readRequest(head); fault == nil || fault.Status != 400 {
			t.Errorf("%q passed: %+v", head, r)
		}
	}
}

func TestHopByHop(t *testing.T) {
	r, fault := readRequest("GET / HTTP/1.1\r\nHost: A.test.\r\nConnection: x-one, TE, Upgrade\r\nX-One: 1\r\nX-Two: 2\r\nTE: trailers\r\n" +
		"Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nUpgrade: websocket\r\nTrailer: X-T\r\n\r\n")
	if fault != nil {
		t.Fatal(fault)
	}
	var names []string
	for n := range r.Header.All() {
		names = append(names, n)
	}
	if got := strings.Join(names, " "); got != "X-Two" {
		t.Errorf("fields left: %s", got)
	}
	if r.Host != "a.test" || !r.Trailers || r.Upgrade != "websocket" {
		t.Errorf("%+v", r)
	}
}

func TestUpgradeIsLeftOut(t *testing.T) {
	for name, head := range map[string]string{
		"h2c":               "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
		"h2c among others":  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n",
		"with a body":       "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n",
		"not in Connection": "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
		"in 1.0":            "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		r, fault := readRequest(head)
		if fault != nil || r.Upgrade != "" || r.Header.Has("Upgrade") {
			t.Errorf("%s: %v, upgrade %q", name, fault, r.Upgrade)
		}
	}
}

// Malformed bodies are the client's fault, whatever the target was sent of them.
func TestMalformedChunks(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			_, _ = io.WriteString(w, "whole")
		}
	})
	l := newLab(t, target, Limits{})
	for name, body := range map[string]string{
		"no size": "\r\n\r\n", "no digits": "x\r\n", "sign": "+5\r\nhello\r\n0\r\n\r\n", "prefix": "0x5\r\nhello\r\n0\r\n\r\n",
		"underscore": "0_5\r\nhello\r\n0\r\n\r\n", "space in front": " 5\r\nhello\r\n0\r\n\r\n", "space behind": "5 \r\nhello\r\n0\r\n\r\n",
		"bare LF": "5\nhello\r\n0\r\n\r\n", "bare CR": "5\rhello\r\n0\r\n\r\n", "overflow": "fffffffffffffffff\r\n", "sixteen digits": "0000000000000005\r\nhello\r\n0\r\n\r\n",
		"spill": "5\r\nhello!!\r\n0\r\n\r\n", "no end": "5\r\nhelloXX0\r\n\r\n", "LF for the end": "5\r\nhello\n0\r\n\r\n",
		"NUL in an extension": "5;\x00\r\nhello\r\n0\r\n\r\n", "LF in an extension": "5;a\nb\r\nhello\r\n0\r\n\r\n",
		"long extension": "5;" + strings.Repeat("a", 300) + "\r\nhello\r\n0\r\n\r\n",
		"bad trailer":    "5\r\nhello\r\n0\r\nX Y: 1\r\n\r\n", "LF in the trailer": "0\r\nX: 1\n\r\n", "long trailer": "0\r\nX: " + strings.Repeat("a", 9000) + "\r\n\r\n",
		"negative": "-1\r\n\r\n", "comma": "5,\r\nhello\r\n0\r\n\r\n", "full-width digit": "\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := talk(t, l.addr, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body+"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A chunk says how long it is, also where a long head has left a larger buffer.
func TestLongChunks(t *testing.T) {
	near, far := memnet.Pipe(netip.AddrPort{}, netip.AddrPort{})
	var s stream
	s.init(near)
	w := writer{s: &s, o: &outBuf{b: make([]byte, 0, 100_000)}, idle: time.Second}
	body := strings.Repeat("0123456789", 20_000)
	go func() {
		_ = w.chunked(wire.BytesBody([]byte(body)), nil)
		_ = near.Close()
	}()
	b, err := io.ReadAll(httputil.NewChunkedReader(far))
	if err != nil || string(b) != body {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

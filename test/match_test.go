package test

import (
	"strings"
	"testing"
)

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		s, pattern string
		want       bool
	}{
		{"abc", "abc", true}, {"abc", "ab", false}, {"", "*", true}, {"abc", "*", true}, {"abc", "a...c", true},
		{"ac", "a...c", true}, {"a", "a...a", false}, {"abc", "...", true}, {"abcde", "a...c...e", true}, {"abcde", "a...x...e", false},
		{"abc", "...b", false}, {"aXbYbZ", "a...b...Z", true},
	} {
		if got := alike(c.s, c.pattern); got != c.want {
			t.Errorf("%q like %q: got %v", c.s, c.pattern, got)
		}
	}
}

func TestDiffers(t *testing.T) {
	got := &received{"HTTP/1.1 200 OK", []string{"Content-Type: text/plain", "Set-Cookie: a=1", "Set-Cookie: b=2"}, "hello world\n"}
	for _, c := range []struct{ name, want, says string }{
		{"all", "HTTP/1.1 200 OK\nset-cookie: b=2\nSet-Cookie: a=1\nContent-Type: *\n!Server\n\nhello world", ""},
		{"status alone", "200", ""},
		{"status with reason", "200 OK", ""},
		{"part of the body", "200\n\nhello...", ""},
		{"no body wanted", "200\n", ""},
		{"other status", "404", "first line"},
		{"part of a status", "20", "first line"},
		{"value", "200\nContent-Type: text/html", "no \"Content-Type"},
		{"a field once, wanted twice", "200\nSet-Cookie: a=1\nSet-Cookie: a=1", "no \"Set-Cookie"},
		{"unwanted field", "200\n!content-type", "want none"},
		{"body", "200\n\nhello", "the body"},
		{"empty body", "200\n\n", "the body"},
		{"no field", "200\nfoo", "neither"},
	} {
		m := parseMessage([]byte(c.want))
		err := differs(got, &m)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
}

func TestMessageBytes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"head alone", "GET / HTTP/1.1\nHost: a\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
		{"body", "POST / HTTP/1.1\nHost: a\n\nx\ny\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx\ny"},
		{"own framing", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"},
		{"raw", "# raw\nGET / HTTP/1.1\\r\\n\n\\x00 \"q\"\\r\\n\n", "GET / HTTP/1.1\r\n\x00 \"q\"\r\n"},
	} {
		m := parseMessage([]byte(c.in))
		if got, err := m.bytes(false); string(got) != c.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	m := parseMessage([]byte("# delya 2s\nGET /"))
	if err := m.allow("delay"); err == nil {
		t.Error("a misspelt directive was let through")
	}
}

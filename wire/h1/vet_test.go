package h1

import "testing"

func TestScan(t *testing.T) {
	for _, c := range []struct {
		name, in   string
		begun, bad bool
	}{
		{"nothing", "", false, false},
		{"half a line", "5", false, false},
		{"a line", "5\r\n", true, false},
		{"part of the data", "5\r\nhel", true, false},
		{"half a line end", "5\r\nhello\r", true, false},
		{"two chunks", "5\r\nhello\r\n1\r\nx\r\n", true, false},
		{"all", "5\r\nhello\r\n0\r\n\r\n", true, false},
		{"all, and the next request", "5\r\nhello\r\n0\r\n\r\n\x00\x01", true, false},
		{"a trailer", "0\r\nX: y\r\n\r\n", true, false},
		{"bad size", "x\r\n", false, true},
		{"bad end of data", "5\r\nhelloX\r\n", true, true},
		{"bad second size", "5\r\nhello\r\n-1\r\n", true, true},
		{"bad trailer", "0\r\nX\r\n\r\n", true, true},
		{"a line without end", "5;" + string(make([]byte, 300)), false, true},
	} {
		b := body{mode: chunked}
		begun, fault := b.scan([]byte(c.in))
		if begun != c.begun && !c.bad || (fault != nil) != c.bad {
			t.Errorf("%s: begun %v, fault %v", c.name, begun, fault)
		}
		if b.state != atSize || b.left != 0 || b.err != nil {
			t.Errorf("%s: looking changed the body", c.name)
		}
	}
}

func TestHopeless(t *testing.T) {
	l := Limits{}.withDefaults()
	for _, c := range []struct {
		name, in string
		bad      bool
	}{
		{"nothing", "", false},
		{"a letter", "G", false},
		{"half a line", "GET /x HT", false},
		{"half a line end", "GET /x HTTP/1.1\r", false},
		{"a line", "GET /x HTTP/1.1\r\nHo", false},
		{"an empty line first", "\r\nGET /x", false},
		{"TLS", "\x16\x03\x01\x02\x00\x01", true},
		{"HTTP/0.9", "GET /x\r\n", true},
		{"bare CR", "GET /x HTTP/1.1\rHost", true},
		{"a bad version", "GET /x HTTP/2.0\r\n", true},
	} {
		if fault := hopeless([]byte(c.in), &l); (fault != nil) != c.bad {
			t.Errorf("%s: %v", c.name, fault)
		}
	}
}

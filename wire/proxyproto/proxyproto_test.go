package proxyproto

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"testing"
)

// v2 makes a header of version 2.
func v2(command, family byte, rest string) string {
	b := append([]byte(nil), signature...)
	b = append(b, command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return string(b) + rest
}

const (
	four  = "\xcb\x00\x71\x09\xc0\x00\x02\x01\x9c\x40\x01\xbb"
	six   = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x9c\x40\x01\xbb"
	noop  = "\x04\x00\x02ab"
	alpn  = "\x01\x00\x02h2"
	short = "\x01\x00"
)

func summed(wrong byte) string {
	h := []byte(v2(proxy, tcp4, four+"\x03\x00\x04\x00\x00\x00\x00"))
	binary.BigEndian.PutUint32(h[len(h)-4:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
	h[len(h)-1] ^= wrong
	return string(h)
}

func TestRead(t *testing.T) {
	tests := []struct{ name, send, client, asked, err string }{
		{"v1 tcp4", "PROXY TCP4 203.0.113.9 192.0.2.1 40000 443\r\n", "203.0.113.9:40000", "192.0.2.1:443", ""},
		{"v1 tcp6", "PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n", "[2001:db8::1]:40000", "[2001:db8::2]:443", ""},
		{"v1 longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", ""},
		{"v1 unknown", "PROXY UNKNOWN\r\n", "", "", ""},
		{"v1 unknown with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", "", ""},
		{"v1 wrong family", "PROXY TCP4 2001:db8::1 2001:db8::2 40000 443\r\n", "", "", "malformed"},
		{"v1 udp", "PROXY UDP4 203.0.113.9 192.0.2.1 40000 443\r\n", "", "", "malformed"},
		{"v1 two spaces", "PROXY TCP4  203.0.113.9 192.0.2.1 40000 443\r\n", "", "", "malformed"},
		{"v1 bare LF", "PROXY TCP4 203.0.113.9 192.0.2.1 40000 443\n", "", "", "malformed"},
		{"v1 CR inside", "PROXY TCP4 203.0.113.9\r192.0.2.1 40000 443\r\n", "", "", "malformed"},
		{"v1 port with zero", "PROXY TCP4 203.0.113.9 192.0.2.1 040000 443\r\n", "", "", "malformed"},
		{"v1 port too large", "PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n", "", "", "malformed"},
		{"v1 zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "", "", "malformed"},
		{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 100) + "\r\n", "", "", "longer"},
		{"v1 lower case", "proxy tcp4 203.0.113.9 192.0.2.1 40000 443\r\n", "", "", "no PROXY"},
		{"v1 cut", "PROXY TCP4 203.0.113.9", "", "", "EOF"},
		{"http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", "", "no PROXY"},
		{"v2 tcp4", v2(proxy, tcp4, four), "203.0.113.9:40000", "192.0.2.1:443", ""},
		{"v2 tcp4 with vectors", v2(proxy, tcp4, four+noop+alpn), "203.0.113.9:40000", "192.0.2.1:443", ""},
		{"v2 tcp6", v2(proxy, tcp6, six), "[2001:db8::1]:40000", "[2001:db8::2]:443", ""},
		{"v2 local", v2(local, unspecified, ""), "", "", ""},
		{"v2 local with an address", v2(local, tcp4, four), "", "", ""},
		{"v2 unspecified", v2(proxy, unspecified, "any"), "", "", ""},
		{"v2 unix", v2(proxy, unix, strings.Repeat("\x00", 216)), "", "", ""},
		{"v2 udp", v2(proxy, 0x12, four), "", "", "malformed"},
		{"v2 other command", v2(0x22, tcp4, four), "", "", "malformed"},
		{"v2 other version", v2(0x11, tcp4, four), "", "", "malformed"},
		{"v2 short", v2(proxy, tcp4, four[:11]), "", "", "malformed"},
		{"v2 vector cut in its head", v2(proxy, tcp4, four+short), "", "", "malformed"},
		{"v2 vector cut in its value", v2(proxy, tcp4, four+noop[:4]), "", "", "malformed"},
		{"v2 too long", v2(proxy, tcp4, four+strings.Repeat("\x04\x00\x00", 2000)), "", "", "longer"},
		{"v2 cut", v2(proxy, tcp4, four)[:20], "", "", "EOF"},
		{"v2 checksum", summed(0), "203.0.113.9:40000", "192.0.2.1:443", ""},
		{"v2 wrong checksum", summed(1), "", "", "checksum"},
	}
	for _, tt := range tests {
		r := strings.NewReader(tt.send + "rest")
		if strings.HasSuffix(tt.name, "cut") {
			r = strings.NewReader(tt.send)
		}
		h, err := Read(r)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if h.Client.IsValid() != (tt.client != "") || tt.client != "" && (h.Client.String() != tt.client || h.Asked.String() != tt.asked) {
			t.Errorf("%s: got %+v", tt.name, h)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "rest" {
			t.Errorf("%s: %q is left of the client's bytes", tt.name, rest)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"PROXY TCP4 203.0.113.9 192.0.2.1 40000 443\r\n", "PROXY UNKNOWN\r\n", v2(proxy, tcp6, six+noop), v2(local, tcp4, four), summed(0)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(append(b[:len(b):len(b)], "rest"...))
		h, err := Read(r)
		if err == nil && h.Client.IsValid() != h.Asked.IsValid() {
			t.Errorf("half an address: %+v", h)
		}
		if read := len(b) + 4 - r.Len(); read > fixedV2+longestV2 {
			t.Errorf("read %d bytes", read)
		}
	})
}

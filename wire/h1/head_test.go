package h1

import (
	"testing"

	"sallyport/wire"
)

func TestReadHead(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"GET /a?b HTTP/1.1\r\nHost: x.test:81\r\nContent-Length: 3\r\n\r\n", ""},
		{"GET /a HTTP/1.1\r\n\r\n", wire.FaultHost.Reason},
		{"GET /a HTTP/1.1\nHost: x\n\n", faultLF.Reason},
		{"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", faultVersion.Reason},
		{"GET /a HTTP/1.1\r\nHost: x\r\n", faultLine.Reason},
		{"TRACE /a HTTP/1.1\r\nHost: x\r\n\r\n", wire.FaultMethod.Reason},
		{"GET /" + string(make([]byte, 70<<10)) + " HTTP/1.1\r\nHost: x\r\n\r\n", wire.FaultHead.Reason},
	} {
		r, fault := ReadHead(c.head, Limits{})
		switch {
		case fault == nil && c.want != "":
			t.Errorf("%.40q was read, want %s", c.head, c.want)
		case fault != nil && fault.Reason != c.want:
			t.Errorf("%.40q: got %s, want %s", c.head, fault.Reason, c.want)
		case fault == nil && (r.Host != "x.test" || r.Path.Text != "/a" || r.Query != "b" || r.Length != 3):
			t.Errorf("got %+v", r)
		}
	}
}

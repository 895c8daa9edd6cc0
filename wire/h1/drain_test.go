package h1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
	"sallyport/wire/memnet"
)

// A parting handler answers, and has the server drain once the head of the first answer is decided on.
type parting struct {
	handler
	srv *Server
}

func (p *parting) Done(*wire.Request, wire.Outcome) { p.srv.Drain() }

// A client whose last answer did not say that its connection ends gets one more, which says so: a moment before the drain and
// while it waits, but not for ever.
func TestDrainKeepsItsWord(t *testing.T) {
	for _, c := range []struct {
		name   string
		pause  time.Duration // between the first answer and the second request
		served bool
	}{
		{"at once", 0, true},
		{"a little later", farewell - time.Millisecond, true},
		{"too late", farewell + time.Millisecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := memnet.Pipe(netip.MustParseAddrPort("203.0.113.9:1000"), netip.MustParseAddrPort("192.0.2.1:80"))
				p := &parting{handler: func(*wire.Request) *wire.Response { return said(200, "hi") }}
				p.srv = &Server{Handler: p}
				go p.srv.Serve(far, nil)
				r := bufio.NewReader(near)
				if resp, err := one(near, r); err != nil || resp.Close {
					t.Fatalf("the first answer: got %v %v", resp, err)
				}
				time.Sleep(c.pause)
				switch resp, err := one(near, r); {
				case !c.served && err == nil:
					t.Error("the connection is still open")
				case c.served && (err != nil || !resp.Close || resp.StatusCode != 200):
					t.Errorf("the second answer: got %v %v", resp, err)
				}
				if !p.srv.Wait(2 * lingering) {
					t.Error("the connection did not end")
				}
			})
		})
	}
}

func one(c net.Conn, r *bufio.Reader) (*http.Response, error) {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return resp, err
}

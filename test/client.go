package test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"sallyport/test/memnet"
)

// patience is how long a script waits for an answer, in the time of its bubble.
const patience = time.Hour

// A client is one connection to the gateway.
type client struct {
	conn    *memnet.Conn
	reader  *bufio.Reader
	methods []string // of the requests whose responses are to come
	h2      *session // nil for HTTP/1.1
}

// dial connects to a listener, from the address that the request names.
func dial(net *memnet.Network, listener string, m *message) (*client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	from, found := m.directive("from")
	if !found {
		from = "192.0.2.1"
	}
	peer, err := netip.ParseAddrPort(from)
	if err != nil {
		addr, err := netip.ParseAddr(from)
		if err != nil {
			return nil, err
		}
		peer = netip.AddrPortFrom(addr, 40000)
	}
	c, err := net.DialFrom(ctx, listener, peer)
	if err != nil {
		return nil, err
	}
	k := &client{conn: c.(*memnet.Conn), reader: bufio.NewReaderSize(c, headRoom)}
	if _, found := m.directive("h2"); found {
		k.h2, err = newSession(c)
	}
	return k, err
}

// send starts to write a request; a gateway that answers before it has read all of it shall not stop the script.
func (c *client) send(m *message, crew *sync.WaitGroup) error {
	if c.h2 != nil {
		return c.h2.send(m, crew)
	}
	if err := m.allow("raw", "from", "to", "same", "half", "drip"); err != nil {
		return err
	}
	if _, raw := m.directive("raw"); !raw {
		if strings.Count(m.first, " ") == 1 {
			m.first += " HTTP/1.1"
		}
		if !m.has("Host") {
			m.fields = append([]string{"Host: gateway.test"}, m.fields...)
		}
	}
	out, err := m.bytes(!m.hasBody || m.body == "")
	if err != nil {
		return err
	}
	method, _, _ := strings.Cut(string(out), " ")
	c.methods = append(c.methods, method)
	crew.Go(func() {
		_ = write(c.conn, out, *m)
		if _, half := m.directive("half"); half {
			_ = c.conn.CloseWrite()
		}
	})
	return nil
}

// receive reads the next response. It returns nil when the gateway ended the connection instead.
func (c *client) receive() (*received, error) {
	if c.h2 != nil {
		return c.h2.receive()
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	head, err := peekHead(c.reader)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("no response within %v", patience)
	case err != nil && len(head) == 0:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("a head that ends in its middle: %q", head)
	}
	got := parseHead(string(head))
	method := ""
	if len(c.methods) > 0 {
		method = c.methods[0]
	}
	resp, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("%q is no response: %w", got.first, err)
	}
	if resp.StatusCode < 200 { // interim, or the beginning of a tunnel
		return got, nil
	}
	if len(c.methods) > 0 {
		c.methods = c.methods[1:]
	}
	body, err := io.ReadAll(resp.Body)
	if got.body = string(body); err != nil {
		got.body += cutShort
	}
	got.trailer(resp.Trailer)
	return got, nil
}

// tunnelled reads as many bytes as want has and says whether they are the same.
func (c *client) tunnelled(want []byte) error {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.reader, got)
	if err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("through the tunnel came %q (%v), want %q", got[:n], err, want)
	}
	return nil
}

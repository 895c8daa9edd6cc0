package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"sallyport/wire/memnet"
)

// patience is how long a script waits for an answer, in the time of its bubble.
const patience = time.Hour

// A client is one connection to the gateway.
type client struct {
	conn    net.Conn
	reader  *bufio.Reader
	methods []string // of the requests whose responses are to come
	h2      *session // nil for HTTP/1.1
}

// dial connects to a listener, from the address that the request names. One that does not get through what comes before HTTP is
// a connection that ends at once.
func dial(network *memnet.Network, listener string, m *message, trusted *x509.CertPool) (*client, error) {
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
	c, err := network.DialFrom(ctx, listener, peer)
	if err != nil {
		return nil, err
	}
	if line, found := m.directive("proxy"); found {
		if _, err := io.WriteString(c, "PROXY "+line+"\r\n"); err != nil {
			return nil, err
		}
	}
	_, h2 := m.directive("h2")
	if words, found := m.directive("tls"); found {
		if c, err = secure(c, words, trusted, h2); err != nil {
			return nil, err
		}
	}
	k := &client{conn: c, reader: bufio.NewReaderSize(c, headRoom)}
	if h2 {
		k.h2, err = newSession(c)
	}
	return k, err
}

// secure agrees on TLS as the words say: the server's name, and perhaps version=1.2, alpn=h2,http/1.1 and certificate=NAME, if that
// is to be for another name. A handshake that fails is the end of the connection; a certificate that is wrong is that of the script.
func secure(c net.Conn, words string, trusted *x509.CertPool, h2 bool) (net.Conn, error) {
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if h2 {
		config.NextProtos = []string{"h2"}
	}
	name := ""
	for i, word := range strings.Fields(words) {
		key, value, found := strings.Cut(word, "=")
		switch {
		case i == 0 && !found:
			config.ServerName, name = word, word
		case key == "certificate":
			name = value
		case key == "alpn":
			config.NextProtos = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
		case key == "version" && value == "1.2":
			config.MaxVersion = tls.VersionTLS12
		case key == "version" && value == "1.3":
			config.MinVersion = tls.VersionTLS13
		default:
			return nil, fmt.Errorf("# tls knows no %q, only a name, version=1.2 or 1.3, alpn=LIST, certificate=NAME", word)
		}
	}
	t := tls.Client(c, config)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if t.HandshakeContext(ctx) != nil {
		return t, nil
	}
	leaf := t.ConnectionState().PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: trusted})
	if err != nil {
		err = fmt.Errorf("the listener has the certificate of %s, of no. %s: %w", leaf.DNSNames, leaf.SerialNumber, err)
	}
	return t, err
}

// send starts to write a request; a gateway that answers before it has read all of it shall not stop the script.
func (c *client) send(m *message, crew *sync.WaitGroup) error {
	if c.h2 != nil {
		return c.h2.send(m, crew)
	}
	if err := m.allow("raw", "from", "to", "same", "half", "drip", "tls", "proxy"); err != nil {
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
			if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
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

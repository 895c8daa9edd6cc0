package routetest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"

	"sallyport/config"
	"sallyport/wire/memnet"
)

// patience is how long a client waits for an answer, in the test's own time.
const patience = time.Hour

// An answered is what a client got.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// A client sends requests, each on a connection of its own.
type client struct {
	net  *memnet.Network
	doc  *config.Document
	port uint16 // of the last connection
}

// send sends r and returns the answer.
func (c *client) send(r *config.TestRequest, from netip.Addr) (*answered, error) {
	l := c.listener(r.Listener)
	conn, err := c.dial(l, r.Host, from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Path)
	if !slices.ContainsFunc(r.Headers, func(f config.TextList) bool { return http.CanonicalHeaderKey(f.Name) == "Host" }) {
		fmt.Fprintf(&b, "Host: %s\r\n", r.Host)
	}
	body, kind := []byte(nil), ""
	switch {
	case r.JSON != nil:
		body, kind = marshal(r.JSON), "application/json"
	case r.Body != nil:
		body = []byte(*r.Body)
	}
	writeFields(&b, r.Headers, kind)
	if body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	go func() { _, _ = conn.Write(b.Bytes()) }() // the answer may come before all of it was taken
	return receive(conn, r.Method)
}

func receive(conn net.Conn, method string) (*answered, error) {
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	for err == nil && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols { // interim, such as 100 Continue
		resp, err = http.ReadResponse(r, &http.Request{Method: method})
	}
	if err != nil {
		return nil, noAnswer(err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	_ = resp.Body.Close()
	if err != nil {
		err = fmt.Errorf("the response was cut short: %w", noAnswer(err))
	}
	return &answered{resp.StatusCode, resp.Header, body}, err
}

func noAnswer(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %v", patience)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the gateway closed the connection")
	}
	return err
}

func (c *client) listener(address string) *config.Listener {
	for i := range c.doc.Listeners {
		if c.doc.Listeners[i].Address == address {
			return &c.doc.Listeners[i]
		}
	}
	return &c.doc.Listeners[0]
}

// dial connects to a listener, through a proxy if it wants one, with TLS if it has it.
func (c *client) dial(l *config.Listener, host string, from netip.Addr) (net.Conn, error) {
	c.port++
	client := netip.AddrPortFrom(from, 40000+c.port%20000)
	peer := client
	if l.ProxyProtocol != nil {
		peer = netip.AddrPortFrom(l.ProxyProtocol.Trusted[0].Addr(), client.Port())
	}
	conn, err := c.net.DialFrom(context.Background(), l.Address, peer)
	if err != nil {
		return nil, err
	}
	if l.ProxyProtocol != nil {
		family := "TCP4"
		if from.Is6() {
			family = "TCP6"
		}
		_, _ = fmt.Fprintf(conn, "PROXY %s %s %s %d 80\r\n", family, from, from, client.Port())
	}
	if l.TLS == nil {
		return conn, nil
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	// The certificate is the document's, and nobody is in between.
	return tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}), nil //nolint:gosec
}

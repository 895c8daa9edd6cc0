package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

// udpSize is what fits a datagram on any path without being cut up (RFC 9715).
const udpSize = 1232

// maxStrays bounds the datagrams that are looked at while one answer is awaited.
const maxStrays = 1000

// exchange asks one server one question. Number and port are new each time, so that an answer from elsewhere has to
// guess both.
func exchange(ctx context.Context, server string, q *dns.Msg, timeout time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	q.Id = number()
	m, err := overUDP(ctx, server, q)
	if err == nil && m == nil {
		m, err = overTCP(ctx, server, q)
	}
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) && q.IsEdns0() != nil {
		q.Extra = nil // a server from before EDNS (RFC 6891 §7)
		return exchange(ctx, server, q, timeout)
	}
	return m, err
}

func number() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}

// dial connects, and has the connection end with ctx.
func dial(ctx context.Context, network, server string) (net.Conn, func(), error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, nil, err
	}
	by, _ := ctx.Deadline()
	_ = c.SetDeadline(by)
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, func() { stop(); _ = c.Close() }, nil
}

// overUDP returns nil when the answer does not fit.
func overUDP(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	c, done, err := dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(out); err != nil {
		return nil, err
	}
	b := make([]byte, 65535)
	for range maxStrays {
		n, err := c.Read(b)
		if err != nil {
			return nil, err
		}
		if n < 12 || binary.BigEndian.Uint16(b) != q.Id {
			continue
		}
		m := new(dns.Msg)
		broken := m.Unpack(b[:n])
		if len(m.Question) == 0 || !answers(m, q) {
			continue
		}
		if m.Truncated {
			return nil, nil
		}
		if broken != nil {
			return nil, fmt.Errorf("the answer cannot be read: %w", broken)
		}
		return m, nil
	}
	return nil, errors.New("too many datagrams that are no answer")
}

func overTCP(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	c, done, err := dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	in := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, in); err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := m.Unpack(in); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if !answers(m, q) {
		return nil, errors.New("the answer is one to another question")
	}
	return m, nil
}

package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"sallyport/problem"
	"sallyport/telemetry"
	"sallyport/wire"
	"sallyport/wire/proxyproto"
	"sallyport/wire/socket"
)

// This file is what comes before HTTP on a connection: a proxy in front says who the client is, and TLS is agreed on. It happens
// on the connection's own goroutine and in a bounded time.

// A guest is a connection that has come in by a door, before the first request.
type guest struct {
	door    *door
	terms   *terms // as they were when it came
	pair    *pair
	conn    net.Conn
	peer    netip.Addr // of the connection
	behind  bool       // the peer is a proxy that says who the client is
	counted netip.Addr // whom the crowd counts it as; invalid while nobody knows the client
}

// arrive hears the guest and hands it to a server, or shows it out.
func (v *guest) arrive() {
	by, at := time.Now().Add(v.pair.greeting), v.conn
	ok := (!v.behind || v.introduce(by)) && (v.terms.tls == nil || v.secure(by))
	v.door.guests.leave(at)
	if !ok {
		turnAway(at)
		v.door.counts.Closed()
		v.door.gateway.crowd.leave(v.counted, v.door)
		return
	}
	go v.pair.serve(v.conn, v.door, v.terms) // with a small stack: a handshake makes one grow
}

// introduce has the proxy say who the client is, and counts the connection as the client's from then on.
func (v *guest) introduce(by time.Time) bool {
	_ = v.conn.SetReadDeadline(by)
	h, err := proxyproto.Read(v.conn)
	if err != nil {
		v.door.counts.Unintroduced()
		return false
	}
	_ = v.conn.SetReadDeadline(time.Time{})
	client := v.peer
	if h.Client.IsValid() {
		client = h.Client.Addr()
		v.conn = &socket.From{Conn: v.conn, Client: net.TCPAddrFromAddrPort(h.Client), Asked: net.TCPAddrFromAddrPort(h.Asked)}
	}
	if !v.door.gateway.crowd.become(v.counted, client) {
		v.door.gateway.turnedAway.Add(1)
		return false
	}
	v.counted = client
	return true
}

// secure agrees on TLS.
func (v *guest) secure(by time.Time) bool {
	s := socket.Server(v.conn, v.terms.tls.Config())
	err := s.Handshake(by)
	var other tls.RecordHeaderError
	switch counts := v.door.counts; {
	case err == nil && s.ConnectionState().DidResume:
		counts.Handshake(telemetry.HandshakeResumed)
	case err == nil:
		counts.Handshake(telemetry.HandshakeDone)
	case errors.Is(err, os.ErrDeadlineExceeded):
		counts.Handshake(telemetry.HandshakeTimeout)
	case errors.Is(err, io.EOF):
		counts.Handshake(telemetry.HandshakeGone)
	case errors.As(err, &other) && other.Conn != nil && looksLikeHTTP(other.RecordHeader):
		counts.Handshake(telemetry.HandshakePlain)
		v.explain(by)
	default:
		counts.Handshake(telemetry.HandshakeFailed)
	}
	v.conn = s
	return err == nil && (v.terms.h1 || s.ConnectionState().NegotiatedProtocol == "h2")
}

// looksLikeHTTP says whether b begins a request in plain HTTP: a method, and perhaps what follows it.
func looksLikeHTTP(b [5]byte) bool {
	for i, c := range b {
		if upper := 'A' <= c && c <= 'Z'; !upper && (i < 3 || c != ' ' && c != '/') {
			return false
		}
	}
	return true
}

// explain tells a client that speaks plain HTTP what is wrong. Its request is not read, so it gets a moment to see the answer.
func (v *guest) explain(by time.Time) {
	p := problem.BadRequest.New("This port speaks HTTPS, and the request came in plain HTTP.")
	v.door.gateway.metrics.Refused("Plain HTTP on a port that speaks HTTPS.")
	kind, body := p.Render("", wire.NewID(&wire.Request{}, time.Now()))
	_ = v.conn.SetDeadline(by)
	_, err := fmt.Fprintf(v.conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", kind, len(body), body)
	half, ok := v.conn.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		return
	}
	_ = v.conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.CopyN(io.Discard, v.conn, 64<<10)
}

// guests are those who are being heard, so that they can be waited for and shown out when the gateway stops.
type guests struct {
	mu   sync.Mutex
	in   map[net.Conn]struct{} // guarded by mu
	wait sync.WaitGroup
}

func (g *guests) enter(c net.Conn) {
	g.wait.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.in == nil {
		g.in = map[net.Conn]struct{}{}
	}
	g.in[c] = struct{}{}
}

func (g *guests) leave(c net.Conn) {
	g.mu.Lock()
	delete(g.in, c)
	g.mu.Unlock()
	g.wait.Done()
}

func (g *guests) number() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.in)
}

// showOut waits until all have been heard, until then at most, and breaks off with the others.
func (g *guests) showOut(until time.Time) {
	t := time.AfterFunc(time.Until(until), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for c := range g.in {
			_ = c.Close()
		}
	})
	defer t.Stop()
	g.wait.Wait()
}

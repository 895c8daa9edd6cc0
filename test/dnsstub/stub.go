// Package dnsstub is a DNS server for tests, on loopback, by UDP and TCP.
package dnsstub

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// A Stub answers for the names of its zone; others do not exist.
type Stub struct {
	Port     string
	UDP, TCP atomic.Int64 // questions that came

	spoil func(q, a *dns.Msg) *dns.Msg
	mu    sync.Mutex
	zone  []dns.RR // guarded by mu
}

// Serve starts a stub whose zone is lines of a zone file. Each answer passes through spoil, if there is one, which returns nil for
// no answer.
func Serve(t testing.TB, zone string, spoil func(q, a *dns.Msg) *dns.Msg) *Stub {
	t.Helper()
	s := &Stub{spoil: spoil}
	s.Set(t, zone)
	pc, l := sockets(t)
	_, s.Port, _ = net.SplitHostPort(pc.LocalAddr().String())
	for _, server := range []*dns.Server{{PacketConn: pc}, {Listener: l}} {
		server.Handler = dns.HandlerFunc(s.answer)
		started, ended := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-ended
		})
	}
	return s
}

// sockets opens a port for both.
func sockets(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, l
		}
		_ = pc.Close()
	}
	t.Fatal("there is no port that is free for both UDP and TCP")
	return nil, nil
}

// Set puts another zone in place.
func (s *Stub) Set(t testing.TB, zone string) {
	t.Helper()
	var records []dns.RR
	for p := dns.NewZoneParser(strings.NewReader(zone), ".", ""); ; {
		rr, ok := p.Next()
		if !ok {
			if p.Err() != nil {
				t.Fatal(p.Err())
			}
			break
		}
		records = append(records, rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = records
}

func (s *Stub) answer(w dns.ResponseWriter, q *dns.Msg) {
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	if tcp {
		s.TCP.Add(1)
	} else {
		s.UDP.Add(1)
	}
	a := s.look(q)
	if s.spoil != nil {
		if a = s.spoil(q, a); a == nil {
			return
		}
	}
	if !tcp {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = int(o.UDPSize())
		}
		a.Truncate(size)
	}
	a.Compress = true
	_ = w.WriteMsg(a)
}

// look follows the names of the zone from the one that is asked for, as a server does that asks others.
func (s *Stub) look(q *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := new(dns.Msg).SetReply(q)
	a.RecursionAvailable = true
	a.Rcode = dns.RcodeNameError
	name := q.Question[0].Name
	for hops := 0; name != "" && hops < 10; hops++ {
		next := ""
		for _, rr := range s.zone {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			a.Rcode = dns.RcodeSuccess
			if h.Rrtype == q.Question[0].Qtype {
				a.Answer = append(a.Answer, dns.Copy(rr))
			} else if c, ok := rr.(*dns.CNAME); ok {
				a.Answer = append(a.Answer, dns.Copy(rr))
				next = c.Target
			}
		}
		name = next
	}
	return a
}

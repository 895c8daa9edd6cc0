package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"sallyport/test/dnsstub"
	"sallyport/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// resolver asks s as conf and hosts say.
func resolver(t *testing.T, s *dnsstub.Stub, conf, hosts string) *Resolver {
	t.Helper()
	dir := t.TempDir()
	r := &Resolver{Conf: filepath.Join(dir, "resolv.conf"), Hosts: filepath.Join(dir, "hosts"), Port: s.Port}
	write(t, r.Conf, "nameserver 127.0.0.1\n"+conf)
	write(t, r.Hosts, hosts)
	return r
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const zone = `
one.test.       30  IN A     192.0.2.1
many.test.      60  IN A     192.0.2.3
many.test.      20  IN A     192.0.2.2
many.test.      60  IN A     192.0.2.3
six.test.       40  IN AAAA  2001:db8::1
both.test.      40  IN A     192.0.2.5
both.test.      30  IN AAAA  2001:db8::5
text.test.      40  IN TXT   "nothing else"
blocked.test.   40  IN A     0.0.0.0
zero.test.      0   IN A     192.0.2.6
www.test.       5   IN CNAME edge.test.
edge.test.      90  IN CNAME one.test.
lost.test.      90  IN CNAME none.test.
loop.test.      90  IN CNAME pool.test.
pool.test.      90  IN CNAME loop.test.
MiXed.test.     90  IN A     192.0.2.7
_http._tcp.shop.test. 15 IN SRV 10 5 8080 One.test.
_http._tcp.shop.test. 25 IN SRV 0  1 8081 two.test.
_none._tcp.shop.test. 25 IN SRV 0  0 0 .
db.prod.test.   30  IN A     192.0.2.9
`

func TestAddresses(t *testing.T) {
	s := dnsstub.Serve(t, zone, nil)
	for _, c := range []struct {
		name   string
		family Family
		want   string // addresses and time to live, or an error
	}{
		{"one.test", Auto, "192.0.2.1 30s"},
		{"one.test.", Auto, "192.0.2.1 30s"},
		{"ONE.test", Auto, "192.0.2.1 30s"},
		{"mixed.TEST", Auto, "192.0.2.7 1m30s"},
		{"many.test", Auto, "192.0.2.2 192.0.2.3 20s"},
		{"six.test", Auto, "2001:db8::1 40s"},
		{"six.test", IPv4, "the name has nothing of the kind"},
		{"six.test", IPv6, "2001:db8::1 40s"},
		{"both.test", IPv4, "192.0.2.5 40s"},
		{"both.test", IPv6, "2001:db8::5 30s"},
		{"both.test", Both, "192.0.2.5 2001:db8::5 30s"},
		{"one.test", Both, "192.0.2.1 30s"},
		{"zero.test", Auto, "192.0.2.6 0s"},
		{"www.test", Auto, "192.0.2.1 5s"},
		{"text.test", Auto, "the name has nothing of the kind"},
		{"blocked.test", Auto, "the name has nothing of the kind"},
		{"none.test", Auto, "there is no such name"},
		{"lost.test", Auto, "there is no such name"},
		{"loop.test", Auto, "looking up loop.test: the name leads from name to name without an end"},
		{"db", Auto, "192.0.2.9 30s"},              // by the search list
		{"db.prod", Auto, "there is no such name"}, // has dots enough: as it stands, then by the search list
		{"fixed", Auto, "198.51.100.1 10s"},
		{"Fixed.test", Both, "198.51.100.1 2001:db8::77 10s"},
		{strings.Repeat("x", 70) + ".test", Auto, "there is no such name"},
	} {
		r := resolver(t, s, "search nowhere.test prod.test\n", "198.51.100.1 fixed fixed.test # comment\n2001:db8::77 fixed.test\n0.0.0.0 one.test\nx y\n")
		list, ttl, err := r.Addresses(t.Context(), c.name, c.family)
		got := strings.TrimSuffix(fmt.Sprintln(append(texts(list), ttl.String())), "\n")
		got = strings.Trim(got, "[]")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.name, c.family, got, c.want)
		}
	}
}

func texts(list []netip.Addr) (out []string) {
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

func TestServices(t *testing.T) {
	s := dnsstub.Serve(t, zone, nil)
	r := resolver(t, s, "", "")
	list, ttl, err := r.Services(t.Context(), "_http._tcp.shop.test")
	want := []Service{{"two.test", 8081, 0, 1}, {"one.test", 8080, 10, 5}}
	if err != nil || !slices.Equal(list, want) || ttl != 15*time.Second {
		t.Errorf("got %v %v %v", list, ttl, err)
	}
	for name, want := range map[string]error{"_none._tcp.shop.test": ErrNothing, "_x._tcp.shop.test": ErrNoName, "one.test": ErrNothing} {
		if _, _, err := r.Services(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// An answer that does not fit comes again as a whole, however large it is.
func TestLargeAnswers(t *testing.T) {
	var big strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&big, "big.test. 60 IN A 10.1.%d.%d\n", i/250, i%250+1)
	}
	s := dnsstub.Serve(t, big.String(), nil)
	list, _, err := resolver(t, s, "", "").Addresses(t.Context(), "big.test", Auto)
	if err != nil || len(list) != 3000 || s.TCP.Load() != 1 || s.UDP.Load() != 1 {
		t.Errorf("%d addresses, %v; %d questions by UDP and %d by TCP", len(list), err, s.UDP.Load(), s.TCP.Load())
	}
}

// What no server can tell is an error of its own: it is no reason to forget what was known, or to take another name of the search list.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(q, a *dns.Msg) *dns.Msg
		want  string
	}{
		{"servfail", func(_, a *dns.Msg) *dns.Msg { a.Rcode, a.Answer = dns.RcodeServerFailure, nil; return a }, "answers SERVFAIL"},
		{"refused", func(_, a *dns.Msg) *dns.Msg { a.Rcode, a.Answer = dns.RcodeRefused, nil; return a }, "answers REFUSED"},
		{"silence", func(_, _ *dns.Msg) *dns.Msg { return nil }, "i/o timeout"},
		{"lame", func(_, a *dns.Msg) *dns.Msg {
			a.RecursionAvailable, a.Answer, a.Rcode = false, nil, 0
			a.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "ns.test."}}
			return a
		}, "that it does not know"},
		{"another question", func(_, a *dns.Msg) *dns.Msg { a.Question[0].Name = "two.test."; return a }, "i/o timeout"},
		{"a question", func(_, a *dns.Msg) *dns.Msg { a.Response = false; return a }, "i/o timeout"},
		{"another number", func(_, a *dns.Msg) *dns.Msg { a.Id++; return a }, "i/o timeout"},
		{"another name", func(_, a *dns.Msg) *dns.Msg { a.Answer[0].Header().Name = "two.test."; return a }, ErrNothing.Error()},
		{"another class", func(_, a *dns.Msg) *dns.Msg { a.Answer[0].Header().Class = dns.ClassCHAOS; return a }, ErrNothing.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := dnsstub.Serve(t, "x.one.test. 30 IN A 192.0.2.1\nx. 30 IN A 192.0.2.66", func(q, a *dns.Msg) *dns.Msg {
				if strings.HasPrefix(q.Question[0].Name, "x.one.") {
					return c.spoil(q, a)
				}
				return a
			})
			r := resolver(t, s, "search one.test\noptions timeout:1 attempts:1", "")
			list, _, err := r.Addresses(t.Context(), "x", IPv4)
			if errors.Is(ErrNothing, errors.New(c.want)) || c.want == ErrNothing.Error() {
				if err != nil || list[0].String() != "192.0.2.66" { // the name is known to have no address
					t.Errorf("%v %v", list, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v %v, want %s", list, err, c.want)
			}
		})
	}
}

// A forged answer that comes first does not count, and the true one after it does.
func TestForgedAnswers(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2000)
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		_ = q.Unpack(b[:n])
		send := func(change func(*dns.Msg), address string) {
			a := new(dns.Msg).SetReply(q)
			a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "one.test.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 30}, A: net.ParseIP(address)}}
			change(a)
			out, _ := a.Pack()
			_, _ = pc.WriteTo(out, from)
		}
		_, _ = pc.WriteTo([]byte("?"), from)
		send(func(a *dns.Msg) { a.Id++ }, "192.0.2.66")
		send(func(a *dns.Msg) { a.Question[0].Name = "two.test." }, "192.0.2.66")
		send(func(a *dns.Msg) { a.Question[0].Qtype = dns.TypeAAAA }, "192.0.2.66")
		send(func(a *dns.Msg) { a.Question = nil }, "192.0.2.66")
		send(func(*dns.Msg) {}, "192.0.2.1")
	}()
	_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
	list, _, err := resolver(t, &dnsstub.Stub{Port: port}, "", "").Addresses(t.Context(), "one.test", IPv4)
	if err != nil || len(list) != 1 || list[0].String() != "192.0.2.1" {
		t.Errorf("%v %v", list, err)
	}
	<-ended
}

// A server that is away costs a wait, and the next one answers.
func TestSeveralServers(t *testing.T) {
	s := dnsstub.Serve(t, zone, nil)
	r := resolver(t, s, "", "")
	write(t, r.Conf, "nameserver 127.0.0.77\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
	for range 2 {
		list, _, err := r.Addresses(t.Context(), "one.test", Auto)
		if err != nil || len(list) != 1 {
			t.Errorf("%v %v", list, err)
		}
	}
	if n := r.heard.Load(); n != 1 {
		t.Errorf("server %d is asked first, although the other one answered", n)
	}
}

// A server from before EDNS is asked without.
func TestOldServer(t *testing.T) {
	s := dnsstub.Serve(t, zone, func(q, a *dns.Msg) *dns.Msg {
		if q.IsEdns0() != nil {
			return new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
		}
		return a
	})
	list, _, err := resolver(t, s, "", "").Addresses(t.Context(), "one.test", Auto)
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

// The files are read again when they change.
func TestFilesChange(t *testing.T) {
	s := dnsstub.Serve(t, zone, nil)
	r := resolver(t, s, "", "192.0.2.50 moved\n")
	if list := r.fromHosts("moved", Auto); len(list) != 1 || list[0].String() != "192.0.2.50" {
		t.Errorf("%v", list)
	}
	write(t, r.Hosts, "192.0.2.51 moved\n192.0.2.52 moved\n")
	if list := r.fromHosts("moved", Auto); len(list) != 2 {
		t.Errorf("after the change: %v", list)
	}
	if err := os.Remove(r.Hosts); err != nil {
		t.Fatal(err)
	}
	if list := r.fromHosts("moved", Auto); list != nil {
		t.Errorf("without a file: %v", list)
	}
}

// A lookup ends with its context, whatever the server does.
func TestCancel(t *testing.T) {
	s := dnsstub.Serve(t, zone, func(_, _ *dns.Msg) *dns.Msg { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, _, err := resolver(t, s, "", "").Addresses(ctx, "one.test", Auto); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// Whatever comes in an answer, reading it ends.
func FuzzAnswer(f *testing.F) {
	m := new(dns.Msg).SetQuestion("one.test.", dns.TypeA)
	m.Response = true
	m.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: "one.test.", Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: "one.test."}}
	b, _ := m.Pack()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		_ = answers(m, new(dns.Msg).SetQuestion("one.test.", dns.TypeA))
		a := follow(m, "one.test.", dns.TypeA)
		if len(a.records) > len(m.Answer) {
			t.Error("more records than there are")
		}
		services(m.Answer)
	})
}

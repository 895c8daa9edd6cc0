// Package dns looks names up and tells for how long the answer may be used, which the standard library keeps to itself.
//
// It does what resolv.conf and hosts say. dns.go decides what to ask for, ask.go asks one question of the servers,
// exchange.go is one question on the network, answer.go reads what came back, files.go reads the two files.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// What a lookup can find out for sure. Any other error means that nobody could tell.
var (
	ErrNoName  = errors.New("there is no such name")
	ErrNothing = errors.New("the name has nothing of the kind")
)

// A Resolver looks names up. The zero value does as the machine's files say.
type Resolver struct {
	Conf  string // in place of /etc/resolv.conf
	Hosts string // in place of /etc/hosts
	Port  string // of the servers, in place of 53

	heard atomic.Int32 // which server answered last; it is asked first

	mu    sync.Mutex // guards what follows
	conf  read[*dns.ClientConfig]
	hosts read[map[string][]netip.Addr]
}

// A Family says which addresses of a name are wanted.
type Family string

// The families.
const (
	Auto Family = "auto" // of IPv4 where the name has some and this machine can send there, otherwise of IPv6
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
	Both Family = "both"
)

// Addresses returns the addresses of a name, sorted, at least one, and for how long they hold.
func (r *Resolver) Addresses(ctx context.Context, name string, f Family) ([]netip.Addr, time.Duration, error) {
	if list := r.fromHosts(name, f); len(list) > 0 {
		return list, hostsTTL, nil
	}
	conf := r.config()
	failed := ErrNoName
	for _, candidate := range conf.NameList(name) {
		list, ttl, err := r.addresses(ctx, conf, candidate, f)
		switch {
		case err == nil:
			return list, ttl, nil
		case errors.Is(err, ErrNothing):
			failed = err
		case !errors.Is(err, ErrNoName):
			// Another name of the search list would be another machine; that nobody could tell about this one is no reason to take it.
			return nil, 0, fmt.Errorf("looking up %s: %w", strings.TrimSuffix(candidate, "."), err)
		}
	}
	return nil, 0, failed
}

// addresses asks for one full name.
func (r *Resolver) addresses(ctx context.Context, conf *dns.ClientConfig, name string, f Family) ([]netip.Addr, time.Duration, error) {
	switch f {
	case IPv4:
		return r.of(ctx, conf, name, dns.TypeA)
	case IPv6:
		return r.of(ctx, conf, name, dns.TypeAAAA)
	}
	four, ttl, err := r.of(ctx, conf, name, dns.TypeA)
	if err != nil && !errors.Is(err, ErrNothing) || err == nil && f == Auto && reachable(four[0]) {
		return four, ttl, err
	}
	six, ttl6, err6 := r.of(ctx, conf, name, dns.TypeAAAA)
	switch {
	case err != nil:
		return six, ttl6, err6
	case f == Both && err6 == nil:
		return append(four, six...), min(ttl, ttl6), nil
	case f == Both && !errors.Is(err6, ErrNothing):
		return nil, 0, err6
	case f == Auto && err6 == nil && reachable(six[0]):
		return six, ttl6, nil
	}
	return four, ttl, nil
}

// of asks for the addresses of one type.
func (r *Resolver) of(ctx context.Context, conf *dns.ClientConfig, name string, qtype uint16) (list []netip.Addr, ttl time.Duration, err error) {
	records, ttl, err := r.ask(ctx, conf, name, qtype)
	if err != nil {
		return nil, 0, err
	}
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok && usable(a.Unmap()) {
			list = append(list, a.Unmap())
		}
	}
	if list = tidy(list); len(list) == 0 {
		return nil, 0, ErrNothing
	}
	return list, ttl, nil
}

func tidy(list []netip.Addr) []netip.Addr {
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// usable says whether a can be a server's address. Some resolvers say 0.0.0.0 for names that they block.
func usable(a netip.Addr) bool { return !a.IsUnspecified() && !a.IsMulticast() }

// reachable says whether this machine has a way to a; nothing is sent.
func reachable(a netip.Addr) bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// A Service is where a service is to be had (RFC 2782).
type Service struct {
	Target           string // a name, without a final dot
	Port             uint16
	Priority, Weight uint16
}

// Services returns where the service of that name, "_http._tcp.example.com", is to be had, sorted, and for how long that holds.
func (r *Resolver) Services(ctx context.Context, name string) ([]Service, time.Duration, error) {
	conf := r.config()
	failed := ErrNoName
	for _, candidate := range conf.NameList(name) {
		records, ttl, err := r.ask(ctx, conf, candidate, dns.TypeSRV)
		switch {
		case err == nil:
			if list := services(records); len(list) > 0 {
				return list, ttl, nil
			}
			failed = ErrNothing
		case errors.Is(err, ErrNothing):
			failed = err
		case !errors.Is(err, ErrNoName):
			return nil, 0, fmt.Errorf("looking up %s: %w", strings.TrimSuffix(candidate, "."), err)
		}
	}
	return nil, 0, failed
}

func services(records []dns.RR) (list []Service) {
	for _, rr := range records {
		s, ok := rr.(*dns.SRV)
		if !ok || s.Target == "." || s.Port == 0 { // "." says that there is no such service
			continue
		}
		list = append(list, Service{strings.ToLower(strings.TrimSuffix(s.Target, ".")), s.Port, s.Priority, s.Weight})
	}
	slices.SortFunc(list, func(a, b Service) int {
		if a.Priority != b.Priority {
			return int(a.Priority) - int(b.Priority)
		}
		if c := strings.Compare(a.Target, b.Target); c != 0 {
			return c
		}
		return int(a.Port) - int(b.Port)
	})
	return list
}

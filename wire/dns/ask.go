package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// maxHops bounds how often a question is asked again because the answer was another name.
const maxHops = 8

// ask asks for the records of a type that a full name has. An answer that ends in another name is followed.
func (r *Resolver) ask(ctx context.Context, conf *dns.ClientConfig, name string, qtype uint16) (records []dns.RR, ttl time.Duration, err error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, 0, ErrNoName
	}
	ttl = time.Duration(1<<31-1) * time.Second
	for range maxHops {
		msg, err := r.query(ctx, conf, name, qtype)
		if err != nil {
			return nil, 0, err
		}
		a := follow(msg, name, qtype)
		ttl = min(ttl, a.ttl)
		switch {
		case len(a.records) > 0:
			return a.records, ttl, nil
		case msg.Rcode == dns.RcodeNameError:
			return nil, 0, ErrNoName
		case a.name == name:
			return nil, 0, ErrNothing
		}
		name = a.name
	}
	return nil, 0, errors.New("the name leads from name to name without an end")
}

// quick is how long a server is waited for before the others are asked.
const quick = 2 * time.Second

// query asks the servers in turn, as often as resolv.conf says, until one can tell: yes, or that there is no such name.
func (r *Resolver) query(ctx context.Context, conf *dns.ClientConfig, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.SetEdns0(udpSize, false)
	last := errors.New("there is no server to ask")
	for try := range conf.Attempts {
		wait := time.Duration(conf.Timeout) * time.Second
		if try == 0 && conf.Attempts > 1 { // another server, or the next try, is likely to be quicker than the rest of the time
			wait = min(wait, quick)
		}
		first := int(r.heard.Load())
		for i := range conf.Servers {
			n := (first + i) % len(conf.Servers)
			server := conf.Servers[n]
			msg, err := exchange(ctx, net.JoinHostPort(server, conf.Port), q, wait)
			if err == nil {
				r.heard.Store(int32(n))
			}
			switch {
			case ctx.Err() != nil && err != nil:
				return nil, err
			case err != nil:
				last = err
			case msg.Rcode == dns.RcodeNameError, msg.Rcode == dns.RcodeSuccess && !lame(msg):
				return msg, nil
			default:
				last = fmt.Errorf("the server %s answers %s", server, rcode(msg))
			}
		}
	}
	return nil, last
}

// lame says whether the server does not know and does not ask others.
func lame(m *dns.Msg) bool {
	return !m.Authoritative && !m.RecursionAvailable && len(m.Answer) == 0 && len(m.Ns) > 0
}

func rcode(m *dns.Msg) string {
	if m.Rcode == dns.RcodeSuccess {
		return "that it does not know"
	}
	if s := dns.RcodeToString[m.Rcode]; s != "" {
		return s
	}
	return fmt.Sprintf("with code %d", m.Rcode)
}

package dns

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

// An answer is what a message says about a name.
type answer struct {
	records []dns.RR
	name    string // that the records are of, or where the chain of names ends
	ttl     time.Duration
}

// follow follows the names of a message from the one that was asked for. Records of names that lead nowhere from there count for nothing: who may
// answer for one name must not tell about others.
func follow(m *dns.Msg, name string, qtype uint16) answer {
	a := answer{name: name, ttl: time.Duration(1<<31-1) * time.Second}
	for range len(m.Answer) + 1 {
		next := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, a.name) {
				continue
			}
			switch alias, is := rr.(*dns.CNAME); {
			case h.Rrtype == qtype:
				a.records = append(a.records, rr)
			case is && next == "":
				next = alias.Target
			default:
				continue
			}
			a.ttl = min(a.ttl, time.Duration(h.Ttl)*time.Second)
		}
		if len(a.records) > 0 || next == "" {
			break
		}
		a.name = next
	}
	return a
}

// answers says whether m is an answer to q, and not to somebody else's question.
func answers(m, q *dns.Msg) bool {
	return m.Response && m.Id == q.Id && m.Opcode == dns.OpcodeQuery && len(m.Question) == 1 &&
		strings.EqualFold(m.Question[0].Name, q.Question[0].Name) &&
		m.Question[0].Qtype == q.Question[0].Qtype && m.Question[0].Qclass == q.Question[0].Qclass
}

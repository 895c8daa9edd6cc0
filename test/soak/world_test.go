//go:build soak

package soak

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/wire/dns"
)

// A world is a gateway, the targets behind it and the clients in front of it.
type world struct {
	t          *testing.T
	gateway    *gateway.Gateway
	plain, tls string // addresses of the listeners
	authority  *authority
	targets    [2]*target
	movers     [2]*target // behind a name that leads to one, the other, both or none
	names      names
	ledger     ledger
	crew       []*crew

	reloads, certificates, moves int
	kills                        []span

	mu       sync.Mutex
	failures []failure // guarded by mu
}

// A span is a time in which something happened.
type span struct{ from, to time.Time }

// A failure is something that did not succeed.
type failure struct {
	who, what string
	span
}

// A crew is clients of one sort.
type crew struct {
	name string
	many int
	// once does one thing and tells what went wrong. It returns at the latest a few seconds after ctx ended.
	once    func(w *world, self *member) error
	path    string // of its requests, up to their id
	done    atomic.Int64
	excused atomic.Int64 // what a kill explains
}

// A member is one client.
type member struct {
	crew   *crew
	number int // among all
	seq    int
	keep   any // of the crew's own: a connection
}

// run does one thing after the other.
func (k *crew) run(ctx interface{ Done() <-chan struct{} }, w *world, i int) {
	m := &member{crew: k, number: w.number(k, i)}
	defer m.drop()
	every := time.NewTicker(pace)
	defer every.Stop()
	for ; m.seq < mostRequests-1; m.seq++ {
		from := time.Now()
		if err := k.once(w, m); err != nil {
			k.excused.Add(1)
			w.failed(fmt.Sprintf("%s %d.%d", k.name, m.number, m.seq), err, from)
			m.drop()
		} else {
			k.done.Add(1)
		}
		select {
		case <-ctx.Done():
			w.ledger.after(m)
			return
		case <-every.C:
		}
	}
}

// drop lets go of a member's connection.
func (m *member) drop() {
	if c, ok := m.keep.(io.Closer); ok {
		_ = c.Close()
	}
	m.keep = nil
}

// number tells a member from all others.
func (w *world) number(k *crew, i int) int {
	n := 0
	for _, other := range w.crew {
		if other == k {
			return n + i
		}
		n += other.many
	}
	return n
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, authority: newAuthority(t)}
	w.crew = []*crew{
		{name: "h1", many: 6, once: (*world).askH1, path: "/ids/"},
		{name: "h1 over TLS", many: 2, once: (*world).askTLS, path: "/ids/"},
		{name: "h2", many: 3, once: (*world).askH2, path: "/ids/"},
		{name: "h2c", many: 1, once: (*world).askH2C, path: "/ids/"},
		{name: "moving names", many: 2, once: (*world).askH1, path: "/moving/"},
		{name: "gRPC", many: 2, once: (*world).askGRPC},
		{name: "events", many: 2, once: (*world).askEvents},
		{name: "WebSocket", many: 2, once: (*world).askSocket},
		{name: "slow", many: 2, once: (*world).beSlow},
		{name: "broken", many: 2, once: (*world).beBroken},
	}
	for i := range w.targets {
		w.targets[i] = newTarget(t, "127.0.0.1:0", &w.ledger)
	}
	w.movers[0] = newTarget(t, "127.0.0.3:0", &w.ledger)
	_, port, _ := net.SplitHostPort(w.movers[0].address)
	w.movers[1] = newTarget(t, "127.0.0.4:"+port, &w.ledger)
	w.names.lead("127.0.0.3")
	w.rotate()
	w.gateway = gateway.New(gateway.Options{Resolver: &w.names, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(w.gateway.Close)
	w.reload()
	at := w.gateway.Addresses()
	w.plain, w.tls = at[0], at[1]
	return w
}

// reload puts another document in service. Each is told by its number, in a header of the request that targets tell back and in one of
// the answer: a request must have both of one document.
func (w *world) reload() {
	w.reloads++
	_, port, _ := net.SplitHostPort(w.movers[0].address)
	doc := strings.NewReplacer(
		"A_TARGET", w.targets[0].address, "B_TARGET", w.targets[1].address, "CERT", w.authority.cert, "KEY", w.authority.key, "PORT", port,
		"NUMBER", fmt.Sprint(w.reloads), "CONNECT", fmt.Sprint(2+w.reloads%2),
	).Replace(`
listeners:
  - { address: "127.0.0.1:0", protocols: [h1, h2c] }
  - { address: "127.0.0.2:0", tls: { certificates: [{ cert_file: CERT, key_file: KEY }] } }
limits: { header_time: 2s, body_idle: 2s }
upstreams:
  u: { targets: ["http://A_TARGET", "http://B_TARGET"], timeouts: { connect: CONNECTs }, health: { path: /health, interval: 1s, timeout: 500ms } }
  m: { discover: { dns: "moving.test:PORT", interval: 1s } }
  g: { targets: ["h2c://A_TARGET", "h2c://B_TARGET"] }
policies:
  number: { headers: { request: { set: { x-document: "NUMBER" } }, response: { set: { x-document: "NUMBER" } } } }
routes:
  - { match: "/ids/{id}", upstream: u, policies: [{ use: number }] }
  - { match: "/moving/{id}", upstream: m, policies: [{ use: number }] }
  - { match: /events, upstream: u }
  - { match: /socket, upstream: u }
  - { match: "POST /soak.Echo/{method}", upstream: g }
`)
	if err := w.gateway.LoadBytes("soak", []byte(doc)); err != nil {
		w.t.Error(err)
	}
}

// rotate puts another certificate in place of the one in use.
func (w *world) rotate() {
	w.certificates++
	w.authority.issue(w.t)
}

// move changes where the name leads.
func (w *world) move() {
	w.moves++
	switch w.moves % 5 {
	case 0:
		w.names.lead("127.0.0.3")
	case 1:
		w.names.lead("127.0.0.3", "127.0.0.4")
	case 2:
		w.names.lead() // it vanishes, and the last good answer counts
	case 3:
		w.names.lead("127.0.0.4")
	case 4:
		w.names.lead("127.0.0.4", "127.0.0.3")
	}
}

// names says where names lead.
type names struct {
	mu   sync.Mutex
	list []netip.Addr // guarded by mu
}

func (n *names) lead(to ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = nil
	for _, a := range to {
		n.list = append(n.list, netip.MustParseAddr(a))
	}
}

// Addresses answers for every name.
func (n *names) Addresses(context.Context, string, dns.Family) ([]netip.Addr, time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) == 0 {
		return nil, 0, dns.ErrNoName
	}
	return slices.Clone(n.list), time.Second, nil
}

// Services knows of none.
func (n *names) Services(context.Context, string) ([]dns.Service, time.Duration, error) {
	return nil, 0, dns.ErrNoName
}

func (w *world) kill(b *target) {
	k := span{from: time.Now()}
	b.close()
	k.to = time.Now().Add(grace)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kills = append(w.kills, k)
}

// failed notes what did not succeed. Only so much is kept: a gateway that fails more has failed.
func (w *world) failed(who string, err error, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failures) < 10000 {
		w.failures = append(w.failures, failure{who, err.Error(), span{from, time.Now()}})
	}
}

// unexplained returns failures during which no target was killed, ten at most.
func (w *world) unexplained() (late []failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.failures {
		explained := false
		for _, k := range w.kills {
			explained = explained || f.from.Before(k.to) && f.to.After(k.from)
		}
		if (!explained || strings.Contains(f.what, never)) && len(late) < 10 {
			late = append(late, f)
		}
	}
	return late
}

// never marks a failure that no kill explains.
const never = "[never]"

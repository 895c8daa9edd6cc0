package balance

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/wire/dns"
)

// A book is a Resolver of what a test writes into it.
type book struct {
	mu       sync.Mutex // guards what follows
	names    map[string][]string
	services map[string][]dns.Service
	ttl      time.Duration
	delay    time.Duration
	fault    error
	asked    map[string]int
}

func (b *book) set(name string, addresses ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names[name] = addresses
}

func (b *book) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *book) count(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked[name]
}

func (b *book) ask(ctx context.Context, name string) error {
	b.mu.Lock()
	b.asked[name]++
	delay, fault := b.delay, b.fault
	b.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
	}
	return fault
}

func (b *book) Addresses(ctx context.Context, name string, _ dns.Family) (list []netip.Addr, ttl time.Duration, err error) {
	if err := b.ask(ctx, name); err != nil {
		return nil, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.names[name] {
		list = append(list, netip.MustParseAddr(a))
	}
	slices.SortFunc(list, netip.Addr.Compare)
	if len(list) == 0 {
		return nil, 0, dns.ErrNoName
	}
	return list, b.ttl, nil
}

func (b *book) Services(ctx context.Context, name string) ([]dns.Service, time.Duration, error) {
	if err := b.ask(ctx, name); err != nil {
		return nil, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.services[name]) == 0 {
		return nil, 0, dns.ErrNoName
	}
	return b.services[name], b.ttl, nil
}

// named makes a world with a Resolver. Its targets are named by their addresses.
func named(t testing.TB) (*world, *book) {
	w := newWorld(t)
	b := &book{names: map[string][]string{}, services: map[string][]dns.Service{}, asked: map[string]int{}, ttl: 30 * time.Second}
	w.registry.Close()
	w.registry = NewRegistry(Options{Dial: w.dial, Resolver: b, Metrics: w.metrics, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	return w, b
}

// look puts documents into use the way the gateway does.
func (w *world) look(docs map[string]string) *Set {
	w.t.Helper()
	s := w.prepare(docs)
	s.Look(5 * time.Second)
	s.Commit()
	return s
}

func (w *world) shop(doc string) *Upstream {
	w.t.Helper()
	return w.look(map[string]string{"shop": doc}).Upstream("shop")
}

// targets are the names and weights of the targets of u.
func targets(u *Upstream) string {
	var out []string
	for _, t := range u.roster.Load().targets {
		out = append(out, fmt.Sprintf("%s*%d", t.name, t.step))
	}
	return strings.Join(out, " ")
}

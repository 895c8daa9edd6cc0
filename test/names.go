package test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/wire/dns"
)

// Names are what a script says that names resolve to.
type names struct {
	mu    sync.Mutex
	known map[string]*name // guarded by mu
}

// A name is one of them.
type name struct {
	addresses []netip.Addr
	services  []dns.Service
	ttl       time.Duration
	delay     time.Duration
	fails     bool // nobody can tell
}

// resolve has a name resolve to what data says from now on. Without a line there is no such name.
func (p *player) resolve(of string, data []byte) error {
	n := &name{ttl: 30 * time.Second}
	for line := range strings.Lines(string(data)) {
		if err := n.line(strings.Fields(line)); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
	}
	p.names.mu.Lock()
	defer p.names.mu.Unlock()
	p.names.known[of] = n
	return nil
}

func (n *name) line(words []string) (err error) {
	switch {
	case len(words) == 0:
	case len(words) == 1 && words[0] == "fails":
		n.fails = true
	case len(words) == 2 && words[0] == "ttl":
		n.ttl, err = time.ParseDuration(words[1])
	case len(words) == 2 && words[0] == "delay":
		n.delay, err = time.ParseDuration(words[1])
	case len(words) == 5 && words[0] == "srv":
		var numbers [3]int
		for i := range numbers {
			if numbers[i], err = strconv.Atoi(words[1+i]); err != nil {
				return err
			}
		}
		n.services = append(n.services, dns.Service{
			Priority: uint16(numbers[0]), Weight: uint16(numbers[1]), Port: uint16(numbers[2]), Target: words[4]})
	case len(words) == 1:
		var a netip.Addr
		a, err = netip.ParseAddr(words[0])
		n.addresses = append(n.addresses, a)
	default:
		err = errors.New("a line is an address, srv PRIORITY WEIGHT PORT NAME, ttl 30s, delay 1s or fails")
	}
	return err
}

// find waits as long as the name says.
func (s *names) find(ctx context.Context, of string) (*name, error) {
	s.mu.Lock()
	n := s.known[of]
	s.mu.Unlock()
	if n == nil {
		return nil, dns.ErrNoName
	}
	select {
	case <-time.After(n.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if n.fails {
		return nil, errors.New("the server answers SERVFAIL")
	}
	return n, nil
}

// Addresses returns the addresses of a name.
func (s *names) Addresses(ctx context.Context, of string, _ dns.Family) ([]netip.Addr, time.Duration, error) {
	n, err := s.find(ctx, of)
	if err == nil && len(n.addresses) == 0 {
		err = dns.ErrNoName
	}
	if err != nil {
		return nil, 0, err
	}
	list := slices.Clone(n.addresses)
	slices.SortFunc(list, netip.Addr.Compare)
	return list, n.ttl, nil
}

// Services returns where a service is to be had.
func (s *names) Services(ctx context.Context, of string) ([]dns.Service, time.Duration, error) {
	n, err := s.find(ctx, of)
	if err == nil && len(n.services) == 0 {
		err = dns.ErrNoName
	}
	if err != nil {
		return nil, 0, err
	}
	return slices.Clone(n.services), n.ttl, nil
}

// file makes a file that the document names. The script plays in a folder of its own then.
func (p *player) file(name string, data []byte) error {
	if p.place == "" {
		folder, err := filepath.Abs(p.folder)
		if err != nil {
			return err
		}
		p.folder, p.place = folder, p.t.TempDir()
		p.t.Chdir(p.place)
	}
	if name == "" || filepath.IsAbs(name) {
		return errors.New("a file is made where the script plays; name it without a folder")
	}
	next := filepath.Join(p.place, name+".next")
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(p.place, name))
}

package balance

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/wire/dns"
)

// This file is one look at a source.

// A Resolver looks names up. A *dns.Resolver does so as the machine is set up.
type Resolver interface {
	// Addresses returns the addresses of a name, sorted, at least one, and for how long they hold.
	Addresses(ctx context.Context, name string, f dns.Family) ([]netip.Addr, time.Duration, error)
	// Services returns where a service is to be had, sorted, at least one, and for how long that holds.
	Services(ctx context.Context, name string) ([]dns.Service, time.Duration, error)
}

// Kinds of sources, as they are called in the document.
const (
	kindDNS     = "dns"
	kindService = "dns_srv"
	kindFile    = "file"
)

// A finding is what a look found: addresses of a name, or targets, whose names are sources again.
type finding struct {
	addresses []netip.Addr
	targets   []Target
	text      string      // of the targets, to tell two findings apart
	info      fs.FileInfo // of the file
}

func (f *finding) size() int { return len(f.addresses) + len(f.targets) }

func (f *finding) same(o *finding) bool {
	return f.text == o.text && slices.Equal(f.addresses, o.addresses)
}

// seek looks. Last is what was found before.
func (r *Registry) seek(ctx context.Context, k sourceKey, last finding) (f finding, holds time.Duration, err error) {
	switch {
	case k.kind == kindFile:
		f, err = lookAtFile(k.name, last)
		return f, fileEvery, err
	case r.o.Resolver == nil:
		return f, 0, errNoResolver
	case k.kind == kindService:
		var list []dns.Service
		list, holds, err = r.o.Resolver.Services(ctx, k.name)
		return ofServices(list), holds, err
	}
	f.addresses, holds, err = r.o.Resolver.Addresses(ctx, k.name, k.family)
	f.addresses = f.addresses[:min(len(f.addresses), maxTargets)]
	return f, holds, err
}

var errNoResolver = errors.New("there is nothing to look names up with")

// lookAtFile reads the file unless it is the one that was read last.
func lookAtFile(name string, last finding) (finding, error) {
	info, err := os.Stat(name)
	if err != nil {
		return finding{}, plainly(name, err)
	}
	if o := last.info; o != nil && os.SameFile(o, info) && o.ModTime().Equal(info.ModTime()) && o.Size() == info.Size() {
		return last, nil
	}
	return readTargets(name)
}

// ofServices makes targets of SRV records (RFC 2782): the lowest priority first, as for priorities of targets. A weight of 0, which
// means next to nothing, is the smallest that there is.
func ofServices(list []dns.Service) (f finding) {
	var text strings.Builder
	seen := map[string]bool{}
	for _, s := range list {
		host := net.JoinHostPort(s.Target, strconv.Itoa(int(s.Port)))
		t := Target{URL: &url.URL{Scheme: "http", Host: host}, Weight: max(1, int(s.Weight)), Priority: int(s.Priority)}
		if seen[host] || len(seen) == maxTargets || t.Check() != nil {
			continue
		}
		seen[host] = true
		f.targets = append(f.targets, t)
		text.WriteString(host + " " + strconv.Itoa(t.Weight) + " " + strconv.Itoa(t.Priority) + "\n")
	}
	f.text = text.String()
	return f
}

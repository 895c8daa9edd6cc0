package dns

import (
	"bufio"
	"bytes"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// hostsTTL is for how long an address from the hosts file is used.
const hostsTTL = 10 * time.Second

// maxFile bounds each of the two files.
const maxFile = 4 << 20

// A read is what was made of a file, and what the file was like then.
type read[T any] struct {
	value T
	info  fs.FileInfo // nil when there was no file
	done  bool
}

// refresh reads the file again if it has changed. parse gets nothing when there is none.
func (r *read[T]) refresh(name string, parse func([]byte) T) T {
	info, err := os.Stat(name)
	if err != nil || info.Size() > maxFile {
		info = nil
	}
	if r.done && same(r.info, info) {
		return r.value
	}
	var text []byte
	if info != nil {
		text, _ = os.ReadFile(name)
	}
	r.value, r.info, r.done = parse(text), info, true
	return r.value
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// config is what resolv.conf says, with its defaults (resolv.conf(5)).
func (r *Resolver) config() *dns.ClientConfig {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.Conf
	if name == "" {
		name = "/etc/resolv.conf"
	}
	return r.conf.refresh(name, func(text []byte) *dns.ClientConfig {
		c, err := dns.ClientConfigFromReader(bytes.NewReader(text))
		if err != nil {
			c, _ = dns.ClientConfigFromReader(strings.NewReader(""))
		}
		if len(c.Servers) == 0 {
			c.Servers = []string{"127.0.0.1"}
		}
		c.Servers = c.Servers[:min(len(c.Servers), 3)] // as many as the C library takes
		c.Timeout, c.Attempts = min(c.Timeout, 30), min(c.Attempts, 5)
		if r.Port != "" {
			c.Port = r.Port
		}
		return c
	})
}

// fromHosts returns the addresses that the hosts file has for a name.
func (r *Resolver) fromHosts(name string, f Family) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := r.Hosts
	if file == "" {
		file = "/etc/hosts"
	}
	all := r.hosts.refresh(file, parseHosts)[strings.ToLower(strings.TrimSuffix(name, "."))]
	var four, six []netip.Addr
	for _, a := range all {
		if a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	switch {
	case f == IPv4, f == Auto && len(four) > 0:
		return tidy(four)
	case f == IPv6, f == Auto:
		return tidy(six)
	}
	return tidy(append(four, six...))
}

func parseHosts(text []byte) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		a, err := netip.ParseAddr(words[0])
		if err != nil || a.Zone() != "" || !usable(a.Unmap()) {
			continue
		}
		for _, name := range words[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			hosts[name] = append(hosts[name], a.Unmap())
		}
	}
	return hosts
}

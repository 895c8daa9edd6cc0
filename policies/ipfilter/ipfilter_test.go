package ipfilter

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// made builds the policy of a document and counts its denials by reason.
func made(t *testing.T, yaml string) (policy.Policy, map[string]int, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	counts := map[string]int{}
	env := &plug.Env{
		State: store.New(), Log: slog.New(slog.DiscardHandler), Tend: func(string, func(context.Context)) {},
		Denied: func(policy, reason string) func() { return func() { counts[policy+" "+reason]++ } },
		Acted:  func(string, string) func() { return func() {} },
	}
	p, errs := Kind.Build(n, "ip_filter", env)
	return p, counts, errs
}

var answered = &wire.Response{Status: 200}

func let(p policy.Policy, client string) error {
	x := &policy.Exchange{}
	if client != "" {
		x.Client = netip.MustParseAddr(client)
	}
	resp, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return answered, nil })
	if err == nil && resp != answered {
		return errors.New("another response")
	}
	return err
}

func TestFilter(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list")
	write(t, list, "# a list\n\n198.51.100.0/24 # test\n2001:db8:1::/48\nallow 203.0.113.7\ndeny 203.0.113.8\r\n")
	for _, c := range []struct {
		name, yaml    string
		in, out       string // addresses
		reason, other string
	}{
		{"allow", "{allow: [192.0.2.0/24, 2001:db8::/32]}", "192.0.2.1 2001:db8::1 ::ffff:192.0.2.1 2001:db8::1%eth0", "192.0.3.1 2001:db9::1 ::1", "ip_filter not_allowed", ""},
		{"deny", "{deny: [192.0.2.0/24, 2001:db8::/32]}", "192.0.3.1 2001:db9::1", "192.0.2.1 2001:db8::1 ::ffff:192.0.2.1 2001:db8::1%eth0", "ip_filter denied", ""},
		{"deny within allow", "{allow: 10.0.0.0/8, deny: 10.1.0.0/16}", "10.2.0.1", "10.1.0.1", "ip_filter denied", ""},
		{"allow within deny", "{allow: 10.1.0.0/16, deny: 10.0.0.0/8}", "", "10.1.0.1 10.2.0.1", "ip_filter denied", ""},
		{"one address", "{allow: 10.1.2.3}", "10.1.2.3", "10.1.2.4", "ip_filter not_allowed", ""},
		{"everybody of one family", "{deny: '::/0'}", "192.0.2.1 ::ffff:192.0.2.1", "::1", "ip_filter denied", ""},
		{"no address", "{deny: 10.0.0.0/8}", "", "none", "ip_filter denied", ""},
		{"a file denies", "{deny: 10.0.0.0/8, file: " + list + "}", "203.0.113.7", "10.0.0.1 198.51.100.1 2001:db8:1::1 203.0.113.8", "ip_filter denied", "192.0.2.1"},
		{"a file alone denies", "{file: " + list + "}", "203.0.113.7", "198.51.100.1 2001:db8:1::1 203.0.113.8", "ip_filter denied", "192.0.2.1"},
		{"a file extends allow", "{allow: 10.0.0.0/8, file: " + list + "}", "10.0.0.1 198.51.100.1 2001:db8:1::1 203.0.113.7", "203.0.113.8", "ip_filter denied", "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, counts, errs := made(t, c.yaml)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for _, a := range strings.Fields(c.in) {
				if err := let(p, a); err != nil {
					t.Errorf("%s: %v", a, err)
				}
			}
			want := len(strings.Fields(c.out))
			for _, a := range strings.Fields(c.out) {
				err := let(p, strings.TrimPrefix(a, "none"))
				var pr *problem.Problem
				if !errors.As(err, &pr) || pr.Name != "ip_denied" || pr.Status != 403 {
					t.Errorf("%s: %v, want ip_denied", a, err)
				}
			}
			if counts[c.reason] != want {
				t.Errorf("counted %v, want %d times %s", counts, want, c.reason)
			}
			if c.other != "" && let(p, c.other) == nil {
				t.Errorf("%s, not on the list of those who are let in, was", c.other)
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	bad, empty := filepath.Join(dir, "bad"), filepath.Join(dir, "empty")
	write(t, bad, "10.0.0.0/8\n10.0.0.1 10.0.0.2\n")
	write(t, empty, "# nothing\n")
	for _, c := range []struct{ yaml, want string }{
		{"{}", "it filters nothing; give allow, deny, file or feeds"},
		{"{allow: 10.0.0.1/8}", "write 10.0.0.0/8 for the network or 10.0.0.1 for the address"},
		{"{alow: 10.0.0.0/8, deny: 10.0.0.0/8}", `did you mean "allow"`},
		{"{file: " + bad + "}", "ip_filter.file[0]: " + bad + ": line 2: write one network or address a line"},
		{"{file: " + empty + "}", "it lists nothing"},
		{"{file: " + filepath.Join(dir, "none") + "}", "no such file"},
		{"{file: " + dir + "}", "is a directory"},
		{"{feeds: ftp://example.com/x}", "ip_filter.feeds[0].url: write a URL"},
		{"{feeds: [{url: 'https://a.example', list: allow, until_fetched: pass}]}", "everybody would be let in"},
		{"{feeds: ['https://a.example', 'https://a.example']}", "feeds[0] is the same"},
	} {
		if _, _, errs := made(t, c.yaml); !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, errs.Error(), c.want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHandleAllocatesNothing(t *testing.T) {
	p, _, errs := made(t, "{allow: [10.0.0.0/8, 2001:db8::/32], deny: 10.1.0.0/16}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := &policy.Exchange{Client: netip.MustParseAddr("10.2.0.1")}
	next := func(*policy.Exchange) (*wire.Response, error) { return answered, nil }
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Handle(x, next) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

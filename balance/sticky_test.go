package balance

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

// A browser keeps one cookie.
type browser struct {
	u      *Upstream
	cookie string // "name=value", "" for none
	set    string // the last Set-Cookie, "" when the last answer had none
}

// get makes a call and returns the target that answered.
func (b *browser) get(t testing.TB) string {
	t.Helper()
	x := exchange()
	if b.cookie != "" {
		x.Request.Header.Add("Cookie", b.cookie)
	}
	c := &wire.Call{Method: "GET", Target: "/x", Header: &x.Request.Header}
	resp, err := b.u.Send(x, c)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if b.set = resp.Header.Get("Set-Cookie"); b.set != "" {
		b.cookie, _, _ = strings.Cut(b.set, ";")
	}
	if got := x.Request.Header.Get("Cookie"); len(got) > 0 && b.set == "" && got != b.cookie {
		t.Errorf("the request was changed for those who see it later: %q", got)
	}
	return strings.TrimSuffix(x.Target, ":80")
}

func TestSticky(t *testing.T) {
	for _, balance := range everyWay {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, name := range []string{"a:80", "b:80", "c:80"} {
				w.target(name)
			}
			doc := "targets: [http://a, http://b, http://c]\nsticky: {cookie: route, ttl: 1h}\nbalance: " + balance
			u := w.upstream(doc)
			homes := map[string]int{}
			for range 60 {
				b := browser{u: u}
				home := b.get(t)
				homes[home]++
				if !regexp.MustCompile(`^route=[\w-]{16}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600$`).MatchString(b.set) {
					t.Fatalf("%s: %q", balance, b.set)
				}
				b.cookie = "x=1; " + b.cookie + "; y=2"
				for range 5 {
					if got := b.get(t); got != home || b.set != "" {
						t.Fatalf("%s: a client of %s met %s and was told %q", balance, home, got, b.set)
					}
				}
			}
			if len(homes) != 3 && balance[0] != '{' { // all have one address, and so one key
				t.Errorf("%s: clients are at %v", balance, homes)
			}
			again := w.upstream("max_pending: 7\n" + doc)
			b := browser{u: u}
			home := b.get(t)
			b.u = again
			if got := b.get(t); got != home || b.set != "" {
				t.Errorf("%s: after a reload a client of %s met %s", balance, home, got)
			}
		})
	}
}

// Who sticks to a target that is out goes to another and stays there; who sticks to one that is drained stays.
func TestStickyWhenTheTargetIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name)
		}
		u := w.upstream("targets: [http://a, http://b, http://c]\nsticky: {cookie: route}\nbalance: round_robin")
		b := browser{u: u}
		if b.get(t) != "a" || strings.Contains(b.set, "Max-Age") || strings.Contains(b.set, "Secure") {
			t.Fatal(b.set)
		}
		if _, err := w.registry.Drain("shop", "http://a"); err != nil {
			t.Fatal(err)
		}
		if got := b.get(t); got != "a" || b.set != "" {
			t.Errorf("the session at the drained target went to %s, %q", got, b.set)
		}
		for range 20 {
			if fresh := (browser{u: u}); fresh.get(t) == "a" {
				t.Fatal("a new session went to the drained target")
			}
		}
		w.targets[0].stop()
		next := b.get(t)
		if next == "a" || b.set == "" {
			t.Errorf("with its target down a client went to %s, %q", next, b.set)
		}
		w.targets[0].start()
		if _, err := w.registry.Restore("shop", "http://a"); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			time.Sleep(time.Second)
			if got := b.get(t); got != next || b.set != "" {
				t.Fatalf("the session moved once more, to %s", got)
			}
		}
		w.registry.Change(u, settings(t, "targets: [http://a, http://d]").Targets)
		w.target("d:80")
		if got := b.get(t); (got != "a" && got != "d") || b.set == "" {
			t.Errorf("with its target gone a client went to %s, %q", got, b.set)
		}
	})
}

// A second try elsewhere does not move a session whose target is in service.
func TestStickyOverARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		w.target("b:80")
		u := w.upstream("targets: [http://a, http://b]\nsticky: {cookie: route}\nbalance: round_robin\nretry: {on: [500]}\noutliers: {consecutive_failures: 3}")
		b := browser{u: u}
		if got := b.get(t); got != "a" {
			t.Fatal(got)
		}
		w.targets[0].fails.Store(true)
		if got := b.get(t); got != "b" || b.set != "" {
			t.Errorf("%s, %q", got, b.set)
		}
		w.targets[0].fails.Store(false)
		if got := b.get(t); got != "a" || b.set != "" {
			t.Errorf("%s, %q", got, b.set)
		}
		w.targets[0].fails.Store(true)
		for range 3 {
			b.get(t)
		}
		if !strings.HasPrefix(b.set, "route=") {
			t.Errorf("ejected: %q", b.set)
		}
	})
}

// Of the cookie no target learns; what is between client and target stays as it is.
func TestStickyCookieIsTheGateways(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"route=x"}, ""},
		{[]string{"a=1; route=x; b=2"}, "a=1; b=2"},
		{[]string{"route=x; a=1;b=2"}, "a=1; b=2"},
		{[]string{"a=1; route=x", "route=y", "b=route"}, "a=1|b=route"},
		{[]string{"a=1;  route=x ; ROUTE=2; routes=3"}, "a=1; ROUTE=2; routes=3"},
		{[]string{"route"}, ""},
		{[]string{`a="route=1"; route="x"`}, `a="route=1"`},
		{[]string{strings.Repeat("a=1; ", 400) + "route=x"}, strings.Repeat("; a=1", 400)[2:]},
	} {
		x := exchange()
		for _, f := range c.fields {
			x.Request.Header.Add("Cookie", f)
		}
		dropCookie(x.Request, &x.Request.Header, "route")
		if got := strings.Join(x.Request.Header.Values("Cookie"), "|"); got != c.want {
			t.Errorf("%q: got %q, want %q", c.fields, got, c.want)
		}
	}
}

// What a client makes up leads nowhere special, and a value says nothing of an address.
func TestStickyValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		w.target("b:80")
		u := w.upstream("targets: [http://a, http://b]\nsticky: {cookie: route}")
		for _, cookie := range []string{"route=", "route=a", "route=http://a", "route=" + strings.Repeat("A", 16), "route=\x00", "route; route=; =route", strings.Repeat("route=x; ", 1000)} {
			b := browser{u: u, cookie: cookie}
			if b.get(t); b.set == "" {
				t.Errorf("%.30q: the client was not told where it sticks", cookie)
			}
		}
		b := browser{u: u}
		home := b.get(t)
		b.cookie = "route=planted; " + b.cookie // as another site of the domain could
		if got := b.get(t); got != home || b.set != "" {
			t.Errorf("with a planted cookie in front %s became %s", home, got)
		}
	})
	plain, secret := &Sticky{}, settings(t, "targets: [http://a]\nsticky: {cookie: r, secret: '0123456789abcdef'}").Sticky
	a := plain.value("shop", "http://a")
	for _, other := range []string{secret.value("shop", "http://a"), plain.value("shop", "http://b"), plain.value("other", "http://a")} {
		if a == other {
			t.Errorf("two things have the value %s", a)
		}
	}
	// The same in every process and version: this was written down.
	if got := plain.value("shop", "http://10.0.0.1:8080"); got != "YfewPWORGPDomb_R" {
		t.Error(got)
	}
}

func TestStickySecure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		u := w.upstream("targets: [http://a]\nsticky: {cookie: route}")
		for _, c := range []struct {
			scheme, proto string
			want          bool
		}{{"http", "", false}, {"https", "", true}, {"http", "https", true}, {"http", "http", false}} {
			x := exchange()
			x.Request.Scheme = c.scheme
			if c.proto != "" {
				x.Request.Header.Add("X-Forwarded-Proto", c.proto)
			}
			resp, err := u.Send(x, &wire.Call{Method: "GET", Target: "/", Header: &x.Request.Header})
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Header.Get("Set-Cookie"); strings.HasSuffix(got, "; Secure") != c.want {
				t.Errorf("%+v: %q", c, got)
			}
			resp.Close()
		}
	})
}

// Many clients at once, with reloads: each stays where it is.
func TestStickyUnderReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name).delay.Store(int64(time.Millisecond))
		}
		var mu sync.Mutex
		u := w.upstream("targets: [http://a, http://b, http://c]\nsticky: {cookie: route}")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				b := browser{u: u}
				home := b.get(t)
				for range 100 {
					mu.Lock()
					b.u = u
					mu.Unlock()
					if got := b.get(t); got != home {
						t.Errorf("a client of %s met %s", home, got)
					}
				}
			})
		}
		for i := range 50 {
			time.Sleep(2 * time.Millisecond)
			now := w.upstream(fmt.Sprintf("targets: [http://c, http://a, http://b]\nsticky: {cookie: route}\nmax_pending: %d", 1000+i%2))
			mu.Lock()
			u = now
			mu.Unlock()
		}
		wg.Wait()
	})
}

package balance

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
)

const hashDoc = "balance: {consistent_hash: {on: 'header:X-Key'}}\ntargets: "

// keyed is a request of that key.
func keyed(key string) *policy.Exchange {
	x := exchange()
	if key != "" {
		x.Request.Header.Add("X-Key", key)
	}
	return x
}

// where is the target that each of so many keys leads to.
func where(u *Upstream, keys int) []string {
	all := make([]string, keys)
	for i := range all {
		var been tried
		been.key, been.keyed = u.balance.hash.On.of(keyed(fmt.Sprint("customer-", i)))
		all[i] = u.pick(u.roster.Load(), 1, &been).name
	}
	return all
}

func many(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("http://10.1.%d.%d:8080", i/200, i%200))
	}
	return list
}

// When one of n targets leaves, its keys move and no others.
func TestHashMoves(t *testing.T) {
	const keys = 20_000
	for _, n := range []int{2, 3, 10, 100} {
		list := many(n)
		before := where(newWorld(t).upstream(hashDoc+"["+strings.Join(list, ", ")+"]"), keys)
		after := where(newWorld(t).upstream(hashDoc+"["+strings.Join(list[1:], ", ")+"]"), keys)
		moved, hers := 0, 0
		for i, name := range before {
			if strings.Contains(list[0], name) {
				hers++
			}
			if after[i] != name {
				moved++
			}
		}
		if moved != hers || math.Abs(float64(moved)/keys-1/float64(n)) > 0.02 {
			t.Errorf("of %d targets one left with %d of %d keys, %d moved", n, hers, keys, moved)
		}
	}
}

// All gateways agree, whatever the order of their lists, today and tomorrow.
func TestHashAgrees(t *testing.T) {
	a := where(newWorld(t).upstream(hashDoc+"[http://a, {url: 'http://b', weight: 2}, http://c]"), 1000)
	b := where(newWorld(t).upstream(hashDoc+"[http://c, http://a, {url: 'http://b', weight: 2}]"), 1000)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("key %d goes to %s and to %s", i, a[i], b[i])
		}
	}
	got := ""
	for _, name := range a[:24] {
		got += name[:1]
	}
	if got != "bcaccbbaabbbbbcabbbbbbac" { // in every process and version: these were written down
		t.Error(got)
	}
}

// The keys of a target that is out go elsewhere, always to the same place, and come back with it; those of others stay.
func TestHashWhenATargetIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80", "d:80"} {
			w.target(name)
		}
		u := w.upstream(hashDoc + "[http://a, http://b, http://c, http://d]")
		ask := func() (all [100]string) {
			for i := range all {
				a := sendAs(u, keyed(fmt.Sprint(i)))
				if a.err != nil {
					t.Fatal(a.err)
				}
				all[i] = a.body
			}
			return all
		}
		before := ask()
		w.targets[2].stop()
		ask()
		during, again := ask(), ask()
		spread := map[string]int{}
		for i := range before {
			switch {
			case during[i] != again[i]:
				t.Errorf("key %d went to %s and to %s", i, during[i], again[i])
			case before[i] != "c:80" && during[i] != before[i]:
				t.Errorf("key %d left %s for %s", i, before[i], during[i])
			case before[i] == "c:80":
				spread[during[i]]++
			}
		}
		if len(spread) != 3 {
			t.Errorf("the keys of the target that is out went to %v", spread)
		}
		w.targets[2].start()
		time.Sleep(time.Minute)
		ask()
		if after := ask(); after != before {
			t.Error("the keys did not come back")
		}
	})
}

// A key that everybody asks for does not bury its target: others take over what is above the bound, and each time the same ones.
func TestHashIsBounded(t *testing.T) {
	for _, c := range []struct {
		load       string
		calls      int
		most, used int // calls that a target may have, targets that get some
	}{
		{"125%", 40, 13, 4},
		{"200%", 40, 20, 2},
		{"125%", 4, 4, 1}, // so few are no load
		{"none", 40, 40, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, name := range []string{"a:80", "b:80", "c:80", "d:80"} {
				w.target(name).delay.Store(int64(time.Second))
			}
			u := w.upstream("balance: {consistent_hash: {on: 'header:X-Key', load: " + c.load + "}}\ntargets: [http://a, http://b, http://c, http://d]")
			var wg sync.WaitGroup
			for range c.calls {
				wg.Go(func() { sendAs(u, keyed("everybody's")) })
				synctest.Wait()
			}
			sum, used, most := 0, 0, 0
			for _, s := range w.targets {
				n := int(s.seen.Load())
				sum, most = sum+n, max(most, n)
				used += min(n, 1)
			}
			if sum != c.calls || used != c.used || most > c.most {
				t.Errorf("%s, %d calls: %d targets got some, one %d", c.load, c.calls, used, most)
			}
			wg.Wait()
		})
	}
}

func TestHashKeys(t *testing.T) {
	client := func(address string) *policy.Exchange {
		x := exchange()
		x.Client = netip.MustParseAddr(address)
		return x
	}
	cookie := exchange()
	cookie.Request.Header.Add("Cookie", "a=1; session=17")
	for _, c := range []struct {
		on   string
		a, b *policy.Exchange
		same bool
	}{
		{"ip", client("192.0.2.1"), client("192.0.2.1"), true},
		{"ip", client("192.0.2.1"), client("192.0.2.2"), false},
		{"ip", client("2001:db8::1"), client("2001:db8::ffff:1"), true},
		{"ip", client("2001:db8::1"), client("2001:db8:0:1::1"), false},
		{"'header:x-key'", keyed("a"), keyed("a"), true},
		{"'header:x-key'", keyed("a"), keyed("b"), false},
		{"'cookie:session'", cookie, cookie, true},
		{"request.method + request.host", exchange(), exchange(), true},
		{"'request.header(\"x-key\")'", keyed("a"), keyed("b"), false},
	} {
		key := settings(t, "targets: [http://a]\nbalance: {consistent_hash: {on: "+c.on+"}}").Balance.hash.On
		a, okA := key.of(c.a)
		b, okB := key.of(c.b)
		if !okA || !okB || (a == b) != c.same {
			t.Errorf("on: %s: %x %v, %x %v", c.on, a, okA, b, okB)
		}
	}
}

// A call without a key goes by chance.
func TestHashWithoutKey(t *testing.T) {
	for _, on := range []string{"ip", "'header:X-None'", "'cookie:none'", "'request.headers[\"x-none\"]'", "'request.header(\"x-none\")'"} {
		u := newWorld(t).upstream("targets: [http://a, http://b]\nbalance: {consistent_hash: {on: " + on + "}}")
		got := map[string]int{}
		for range 1000 {
			var been tried
			been.key, been.keyed = u.balance.hash.On.of(exchange())
			got[u.pick(u.roster.Load(), 1, &been).name]++
		}
		if got["a:80"] < 400 || got["b:80"] < 400 {
			t.Errorf("on: %s: %v", on, got)
		}
	}
}

package identity

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/store"
)

var (
	guesser  = netip.MustParseAddr("192.0.2.1")
	somebody = netip.MustParseAddr("198.51.100.7")
)

func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := GuardOf(store.New())
		guess := func() time.Duration {
			if wait := g.Wait(guesser, "", time.Now()); wait > 0 {
				return wait
			}
			g.Failed(guesser, "", time.Now())
			return 0
		}
		for i := range guardFree + 1 {
			if wait := guess(); wait != 0 {
				t.Fatalf("try %d waits %v", i, wait)
			}
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
			want *= time.Second
			wait := guess()
			if wait != want {
				t.Errorf("waits %v, want %v", wait, want)
			}
			if g.Wait(somebody, "", time.Now()) != 0 {
				t.Error("somebody else has to wait")
			}
			time.Sleep(wait)
			guess()
		}
		time.Sleep(guardLast + guardForget + time.Second)
		for i := range guardFree + 1 {
			if wait := guess(); wait != 0 {
				t.Fatalf("an hour later, try %d waits %v", i, wait)
			}
		}
	})
}

// All addresses of one subscriber count as one, and those next door do not.
func TestGuardOfNetworks(t *testing.T) {
	g, now := GuardOf(store.New()), time.Now()
	for i := range 10_000 {
		a := netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1::%x", i))
		if g.Wait(a, "", now) == 0 {
			g.Failed(a, "", now)
		}
	}
	if g.Wait(netip.MustParseAddr("2001:db8:0:1:ffff::"), "", now) == 0 {
		t.Error("the /64 does not wait")
	}
	if g.Wait(netip.MustParseAddr("2001:db8:0:2::1"), "", now) != 0 {
		t.Error("another /64 waits")
	}
	for range guardFree + 1 {
		g.Failed(netip.MustParseAddr("::ffff:192.0.2.1"), "", now)
	}
	if g.Wait(guesser, "", now) == 0 {
		t.Error("an IPv4 address in IPv6 clothes is another one")
	}
}

// An account that is guessed at from everywhere waits where it is unknown, and its owner comes in where it was good.
func TestGuardOfAccounts(t *testing.T) {
	g, now := GuardOf(store.New()), time.Now()
	g.Passed(somebody, "ann", now) // before anybody guessed
	for i := range 1000 {
		g.Failed(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), "ann", now)
	}
	stranger := netip.MustParseAddr("203.1.0.1")
	if g.Wait(stranger, "ann", now) != guardLast || g.Wait(stranger, "bob", now) != 0 || g.Wait(stranger, "", now) != 0 {
		t.Error("the account does not wait, or another does")
	}
	if wait := g.Wait(somebody, "ann", now); wait != 0 {
		t.Errorf("the owner waits %v", wait)
	}
	if g.Wait(somebody, "ann", now.Add(guardTrust+time.Second)) != 0 || g.Trusts(somebody, "ann", now.Add(guardTrust+time.Second)) {
		t.Error("trust does not end")
	}
}

// Those who are trusted are bounded as well, and a guesser does not push them out.
func TestGuardOfTheTrusted(t *testing.T) {
	g, now := GuardOf(store.New()), time.Now()
	g.Passed(somebody, "ann", now)
	for i := range 300_000 {
		g.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "ann", now)
	}
	if !g.Trusts(somebody, "ann", now) || g.Trusts(guesser, "ann", now) || g.Trusts(somebody, "bob", now) {
		t.Error("the owner is forgotten, or others are trusted")
	}
	for i := range 300_000 {
		g.Passed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "ann", now)
	}
	n := 0
	for i := range g.shards {
		n += len(g.shards[i].good)
	}
	if n > guardShards*guardMost {
		t.Errorf("%d are trusted", n)
	}
}

func TestGuardIsBounded(t *testing.T) {
	s := store.New()
	g, now := GuardOf(s), time.Now()
	for range 1000 {
		g.Failed(guesser, "", now)
	}
	for i := range 300_000 {
		g.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "", now)
	}
	if n := g.n.Load(); n > guardShards*guardMost {
		t.Errorf("%d marks", n)
	}
	if g.Wait(guesser, "", now) != guardLast {
		t.Error("who guessed most is forgotten for those who guessed once")
	}
	if GuardOf(s) != g {
		t.Error("a reload makes another guard")
	}
	runtime.KeepAlive(g)
}

func TestGuardAllocations(t *testing.T) {
	g, now := GuardOf(store.New()), time.Now()
	g.Failed(guesser, "", now)
	if n := testing.AllocsPerRun(100, func() { g.Wait(somebody, "", now); g.Passed(somebody, "k", now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

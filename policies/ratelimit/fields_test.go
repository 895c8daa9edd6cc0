package ratelimit

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

func TestFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorld().made(t, "{rate: 2/min}")
		expect(t, pass(p, exchange(), ok), `200 | RateLimit-Policy: "default";q=2;w=60 | RateLimit: "default";r=1;t=30`)
		time.Sleep(500 * time.Millisecond)
		expect(t, pass(p, exchange(), ok), `200 | RateLimit-Policy: "default";q=2;w=60 | RateLimit: "default";r=0;t=60`)
		expect(t, pass(p, exchange(), ok), `429 | Retry-After: 30 | RateLimit-Policy: "default";q=2;w=60 | RateLimit: "default";r=0;t=60`)
		time.Sleep(29500 * time.Millisecond)
		expect(t, pass(p, exchange(), ok), `200 | RateLimit-Policy: "default";q=2;w=60 | RateLimit: "default";r=0;t=60`)
	})
}

func TestLegacyFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorld().made(t, "{limits: [2/s, 10/hour], algorithm: fixed_window, legacy_headers: true}")
		both := `RateLimit-Policy: "2/s";q=2;w=1, "10/hour";q=10;w=3600 | `
		expect(t, pass(p, exchange(), ok), `200 | `+both+`RateLimit: "2/s";r=1;t=1, "10/hour";r=9;t=3600 | X-RateLimit-Limit: 2 | X-RateLimit-Remaining: 1 | X-RateLimit-Reset: 1`)
		expect(t, pass(p, exchange(), ok), `200 | `+both+`RateLimit: "2/s";r=0;t=1, "10/hour";r=8;t=3600 | X-RateLimit-Limit: 2 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1`)
		expect(t, pass(p, exchange(), ok), `429 | Retry-After: 1 | `+both+`RateLimit: "2/s";r=0;t=1, "10/hour";r=8;t=3600 | X-RateLimit-Limit: 2 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 1`)
		for range 4 {
			time.Sleep(time.Second)
			pass(p, exchange(), ok)
			pass(p, exchange(), ok)
		}
		time.Sleep(time.Second)
		expect(t, pass(p, exchange(), ok), `429 | Retry-After: 3595 | `+both+`RateLimit: "2/s";r=2;t=0, "10/hour";r=0;t=3595 | X-RateLimit-Limit: 10 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 3595`)
	})
}

// What comes from further inside, other limits included, is told as well.
func TestFieldsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		outer := w.made(t, "{rate: 100/min, legacy_headers: true}")
		inner := w.made(t, "{rate: 5/min, per: route, legacy_headers: true}")
		chain := func(next policy.Handler) policy.Handler {
			return func(x *policy.Exchange) (*wire.Response, error) { return inner.Handle(x, next) }
		}
		policies := `RateLimit-Policy: "default";q=5;w=60 | RateLimit: "default";r=4;t=12 | `
		others := `RateLimit-Policy: "100/min per ip";q=100;w=60 | RateLimit: "100/min per ip";r=99;t=1`
		expect(t, pass(outer, exchange(), chain(ok)), `200 | `+policies+`X-RateLimit-Limit: 5 | X-RateLimit-Remaining: 4 | X-RateLimit-Reset: 12 | `+others)
		x := exchange()
		x.Client = netip.MustParseAddr("192.0.2.9")
		policies = strings.NewReplacer("r=4;t=12", "r=3;t=24").Replace(policies)
		expect(t, pass(outer, x, chain(func(*policy.Exchange) (*wire.Response, error) {
			return nil, problem.Overloaded.New("").With("Retry-After", "1")
		})), `503 | Retry-After: 1 | `+policies+`X-RateLimit-Limit: 5 | X-RateLimit-Remaining: 3 | X-RateLimit-Reset: 24 | `+others)
		// The outer limit is the nearer one now.
		tight := w.made(t, "{rate: 1/hour, legacy_headers: true}")
		got := pass(tight, x, chain(ok))
		if want := `X-RateLimit-Limit: 1 | X-RateLimit-Remaining: 0 | X-RateLimit-Reset: 3600`; !strings.Contains(got, want) || strings.Count(got, "X-RateLimit-Limit") != 1 {
			t.Errorf("got %s, want %s", got, want)
		}
		expect(t, pass(outer, x, func(*policy.Exchange) (*wire.Response, error) { return nil, errors.New("a bug") })[:3], "500")
	})
}

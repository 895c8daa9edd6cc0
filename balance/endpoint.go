package balance

import (
	"net"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/h1"
	"sallyport/wire/h2"
)

// An endpoint is one address with the connections to it and what is known about it. Upstreams that name the same
// address with the same bounds share it, and it lives on when the configuration changes.
type endpoint struct {
	key
	pool connections
	load
	health
	returned atomic.Int64 // when it came back into service last, on the registry's clock; 0 for never

	breakers map[CircuitBreaker]*breaker // that watch it, by their settings; guarded by the registry's mu

	users   int  // rosters in use that have it; guarded by the registry's mu
	retired bool // the last of them is gone; guarded by the registry's mu
}

// A key is what tells endpoints apart.
type key struct {
	address string // host:port, as it is dialled
	speech
	conns   int
	pending int
	idle    time.Duration
}

// connections is the engine's side of an endpoint.
type connections interface {
	Do(*wire.Call) (*wire.Response, error)
	Close()
	Stats() wire.PoolStats
}

func (r *Registry) newEndpoint(k key) *endpoint {
	return &endpoint{key: k, pool: r.connect(k)}
}

// connect makes the connections of an endpoint of that key; none yet.
func (r *Registry) connect(k key) connections {
	switch {
	case k.terms != nil && k.protocol == "auto":
		return newEither(r, k)
	case k.protocol == "h2", k.protocol == "h2c":
		return r.h2(k, r.dialer(k, alpnH2))
	}
	return r.h1(k, r.dialer(k, alpnH1))
}

func (r *Registry) h1(k key, dial func(time.Time) (net.Conn, error)) *h1.Pool {
	return h1.NewPool(h1.PoolOptions{Dial: dial, MaxConns: k.conns, MaxPending: k.pending, MaxIdle: k.conns, IdleTimeout: k.idle})
}

func (r *Registry) h2(k key, dial func(time.Time) (net.Conn, error)) *h2.Pool {
	scheme := "http"
	if k.terms != nil {
		scheme = "https"
	}
	return h2.NewPool(h2.PoolOptions{Dial: dial, Scheme: scheme, MaxConns: k.conns, MaxPending: k.pending, IdleTimeout: k.idle})
}

package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Listener counts the connections of one listener.
type Listener struct {
	address      string
	open         atomic.Int64
	total        atomic.Uint64
	handshakes   [handshakeCount]atomic.Uint64
	unintroduced atomic.Uint64
	certificates atomic.Pointer[[]Expiry]
}

// A Handshake is how one of TLS ended.
type Handshake uint8

// The ends of a handshake.
const (
	HandshakeDone    Handshake = iota
	HandshakeResumed           // done, with a session of before
	HandshakeTimeout           // it took too long
	HandshakeGone              // the client went away
	HandshakePlain             // the client speaks HTTP without TLS
	HandshakeFailed            // the two cannot agree, or the client does not like the certificate
	handshakeCount
)

func (h Handshake) String() string {
	return [...]string{"done", "resumed", "timeout", "gone", "plain_http", "failed"}[h]
}

// An Expiry is when a certificate ends.
type Expiry struct {
	Name string
	At   time.Time
}

var (
	connections  = describe("connections", "Open connections of clients.", "listener")
	accepted     = describe("connections_total", "Connections accepted from clients.", "listener")
	handshakes   = describe("tls_handshakes_total", "TLS handshakes with clients, by how they ended.", "listener", "outcome")
	unintroduced = describe("proxy_protocol_errors_total", "Connections of trusted proxies that began with no PROXY header, a wrong one, or none in time.", "listener")
	expires      = describe("certificate_expiry_timestamp_seconds", "When a certificate of a listener ends.", "listener", "name")

	listenerDescriptions = []*prometheus.Desc{connections, accepted, handshakes, unintroduced, expires}
)

// Opened counts a connection that was accepted.
func (l *Listener) Opened() {
	l.open.Add(1)
	l.total.Add(1)
}

// Closed counts its end.
func (l *Listener) Closed() { l.open.Add(-1) }

// Open returns how many connections are open.
func (l *Listener) Open() int64 { return l.open.Load() }

// Handshake counts one.
func (l *Listener) Handshake(h Handshake) { l.handshakes[h].Add(1) }

// Unintroduced counts a connection whose proxy did not say who the client is.
func (l *Listener) Unintroduced() { l.unintroduced.Add(1) }

// Certificates sets which certificates the listener has now.
func (l *Listener) Certificates(list []Expiry) { l.certificates.Store(&list) }

// collect writes the series of the listener; those of TLS and of the PROXY protocol only where they are in use.
func (l *Listener) collect(out chan<- prometheus.Metric) {
	out <- value(connections, prometheus.GaugeValue, float64(l.open.Load()), l.address)
	out <- value(accepted, prometheus.CounterValue, float64(l.total.Load()), l.address)
	for h := range handshakeCount {
		if n := l.handshakes[h].Load(); n > 0 {
			out <- value(handshakes, prometheus.CounterValue, float64(n), l.address, h.String())
		}
	}
	if n := l.unintroduced.Load(); n > 0 {
		out <- value(unintroduced, prometheus.CounterValue, float64(n), l.address)
	}
	list := l.certificates.Load()
	if list == nil {
		return
	}
	taken := map[string]bool{}
	for _, c := range *list {
		name := label(c.Name)
		for n := 2; taken[name]; n++ { // such as one with RSA and one with ECDSA
			name = label(c.Name) + " " + strconv.Itoa(n)
		}
		taken[name] = true
		out <- value(expires, prometheus.GaugeValue, float64(c.At.Unix()), l.address, name)
	}
}

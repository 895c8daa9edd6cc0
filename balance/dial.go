package balance

import (
	"net"
	"time"
)

// A Dial makes a connection to host:port until deadline.
type Dial func(address string, deadline time.Time) (net.Conn, error)

const (
	keepAlive   = 15 * time.Second // between probes of a connection on which nothing happens
	userTimeout = 30 * time.Second // for the target's kernel to acknowledge what was sent
)

// dialTCP is the Dial of the network. A name is looked up each time and its addresses are tried side by side
// (RFC 8305).
func dialTCP(address string, deadline time.Time) (net.Conn, error) {
	d := net.Dialer{
		Deadline:        deadline,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive},
		Control:         setUserTimeout,
	}
	return d.Dial("tcp", address)
}

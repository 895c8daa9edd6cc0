// Package h1 is HTTP/1.1 on connections (RFC 9112): a server loop and a client with a pool, on the types of
// package wire.
//
// One goroutine serves a connection; the client writes and reads on the goroutine of its caller. A connection
// that waits holds no buffer. Reading is strict: whatever two readers could read differently is
// refused, and the framing of what goes out is made anew, never copied.
//
// parse.go and chunk.go are pure functions. stream.go is a connection with a buffer, body.go a body on a
// stream; conn.go, write.go and tunnel.go are the server's side, pool.go, client.go and upload.go the client's.
package h1

import (
	"time"
)

// Limits bound what a client may send and how long it may take. A zero field is the default.
type Limits struct {
	Head      int           // bytes of a request's head: 64 KiB
	Fields    int           // header fields of a request: 100
	URI       int           // bytes of the request target: 16 KiB
	HeadTime  time.Duration // from the first byte of a head to its last: 10 s
	Idle      time.Duration // between two requests: 60 s
	BodyIdle  time.Duration // without a byte of the request's body: 30 s
	WriteIdle time.Duration // without the client taking a byte of the response: 60 s
	Tunnel    time.Duration // without a byte either way after an upgrade: 10 min
	BodyRate  int           // bytes a second that a body of known length has to keep up after BodyIdle: 240
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Head, 64<<10)
	def(&l.Fields, 100)
	def(&l.URI, 16<<10)
	def(&l.BodyRate, 240)
	dur(&l.HeadTime, 10*time.Second)
	dur(&l.Idle, 60*time.Second)
	dur(&l.BodyIdle, 30*time.Second)
	dur(&l.WriteIdle, 60*time.Second)
	dur(&l.Tunnel, 10*time.Minute)
	return l
}

// Bounds on responses and on what no setting governs.
const (
	maxResponseHead   = 64 << 10
	maxResponseFields = 200
	maxTrailer        = 8 << 10
	maxTrailerFields  = 16
	maxChunkLine      = 256      // a chunk size with its extensions (RFC 9112 §7.1.1)
	maxInterim        = 16       // interim responses before the final one
	maxConnTokens     = 32       // names in Connection
	drainMax          = 64 << 10 // of an unread body, to keep its connection
)

// patience is how long a call waits before it costs more than waiting: a watcher for the client.
const patience = 250 * time.Millisecond

// Package h2 is HTTP/2 on connections (RFC 9113), above the frames of net/http: a server and a pool of connections to a
// target, on the types of package wire.
//
// net/http reads and writes the frames and keeps the states of the streams. This package stands on both sides of it.
// Below is a connection that counts what passes, frame by frame, and ends those on which a client makes work without
// asking for anything (conn.go, frames.go, flood.go). Above, a stream's request becomes a wire.Request, by the same rules
// as in HTTP/1.1 (request.go, body.go), and a wire.Response is written as it comes (exchange.go, write.go). pool.go and
// call.go are the side of the targets.
package h2

import (
	"math"
	"time"
)

// Limits bound what a client may send and how long it may take. A zero field is the default.
type Limits struct {
	Head      int           // bytes of a request's head, counted as HTTP/1.1 would spell it: 64 KiB
	Fields    int           // header fields of a request, each crumb of a cookie counted: 100
	URI       int           // bytes of the request target: 16 KiB
	HeadTime  time.Duration // for the preface of a connection, and from the first byte of a head to its last: 10 s
	Idle      time.Duration // without a stream: 60 s
	BodyIdle  time.Duration // without a byte of the request's body: 30 s
	WriteIdle time.Duration // without the client taking 16 KiB of the response, or its end: 60 s
	BodyRate  int           // bytes a second that a body of known length has to keep up after BodyIdle: 240
	Streams   int           // open at once: 100
	Window    int           // bytes of one request's body that nobody has read yet: 64 KiB
	ConnRoom  int           // the same, of all requests of a connection: 1 MiB
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
	def(&l.Streams, 100)
	def(&l.Window, 64<<10)
	def(&l.ConnRoom, 1<<20)
	dur(&l.HeadTime, 10*time.Second)
	dur(&l.Idle, 60*time.Second)
	dur(&l.BodyIdle, 30*time.Second)
	dur(&l.WriteIdle, 60*time.Second)
	return l
}

// headerList is what net/http is told to take of a head. Its own answer to more is no problem of the gateway's and is not
// logged, so this is above what is refused here.
func (l *Limits) headerList() int { return l.Head + 4<<10 + 32*l.Fields }

// Bounds that no setting governs.
const (
	pingAfter   = 15 * time.Second // of silence on a connection with streams
	pingTimeout = 10 * time.Second
	plainTime   = 5 * time.Second        // for a client to take what net/http answers itself
	farewell    = 250 * time.Millisecond // between the two GOAWAY of a drain (RFC 9113 §6.8)
	headsAtOnce = 8                      // heads of the largest size that the streams of a connection may hold together
	lastStream  = math.MaxInt32
	writePiece  = 16 << 10
	smallBlock  = 16 << 10
)

// Package wire is HTTP as the gateway sees it: messages, header fields, paths, and the rules of
// forwarding. It holds no I/O; wire/h1 reads and writes these types on connections.
//
// One request is parsed once, into one Request. Routes, policies, limits, logs and the bytes that
// go upstream are all made from that one value, so no two of them can read a request differently.
package wire

import (
	"crypto/tls"
	"io"
	"net/netip"
	"time"
)

// A Request is one request, read and made canonical. It belongs to its exchange and may not be
// kept beyond it; its strings may.
type Request struct {
	Method string // a token, as sent
	Scheme string // "http" or "https"
	Host   string // lower case, without port and trailing dot, IPv6 in brackets; "" only in HTTP/1.0
	Port   string // as sent in the authority, "" when absent
	Path   Path
	Query  string // without "?", as sent
	Proto  Proto

	// Header holds the end-to-end fields only: Host, framing and hop-by-hop fields are
	// taken out while reading and show in the fields of this struct instead.
	Header Header

	Body    io.ReadCloser // nil when the request has none
	Length  int64         // of Body; 0 without one, -1 when unknown
	Trailer Header        // complete once Body returned io.EOF

	Upgrade  string // protocol that the client asks to switch to, "" for none
	Trailers bool   // the client takes trailers (TE: trailers)
	Close    bool   // the connection ends with this exchange
	Expect   bool   // the client waits for 100 before it sends the body

	// BodyLimit bounds what Body will deliver, in bytes; 0 is no bound. Read fails with
	// ErrBodyTooLarge beyond it. The handler sets it, before it reads.
	BodyLimit int64

	Time  time.Time // when the head had been read
	Conn  *Conn
	State any // the handler's own, from Handle to Done

	room []byte // what is left of the block that holds the head; see Keep
}

// A Proto is a version of HTTP.
type Proto uint8

// The versions of HTTP.
const (
	HTTP10 Proto = 10
	HTTP11 Proto = 11
	HTTP2  Proto = 20
	HTTP3  Proto = 30
)

// String returns the version as it is written in a request line.
func (p Proto) String() string {
	switch p {
	case HTTP10:
		return "HTTP/1.0"
	case HTTP2:
		return "HTTP/2.0"
	case HTTP3:
		return "HTTP/3.0"
	}
	return "HTTP/1.1"
}

// A Conn is a client's connection, as far as a handler may know it.
type Conn struct {
	Remote   netip.AddrPort
	Local    netip.AddrPort
	TLS      *tls.ConnectionState // nil on a plain connection
	Listener any                  // what the owner of the listener wants to find again
	State    any                  // the handler's own, for as long as the connection lives

	// Inform writes an interim response (1xx, not 101) to the client, if it takes any. Nil on a
	// connection that cannot.
	Inform func(*Response) error
	// Watch calls gone, once, when the client goes away before stop is called. It is for
	// calls that have to wait; a quick one does not need it. Nil when there is nobody to watch.
	Watch func(gone func()) (stop func())
}

// A Response is an answer to a request. Whoever gets one closes its Body, also when throwing it away.
// One that came from upstream belongs to the connection it came on and is gone once Body is closed; its
// strings stay.
type Response struct {
	Status  int
	Reason  string        // reason phrase as it came, "" for the usual one
	Header  Header        // end-to-end fields only, without framing
	Body    io.ReadCloser // nil when there is none
	Length  int64         // of Body; -1 when unknown. For HEAD, what GET would have had, -1 when untold
	Trailer Header        // complete once Body returned io.EOF

	// Break says that instead of an answer the client's connection is broken, or its stream where it has several. Status is for the
	// log then.
	Break bool

	// Switch is set with status 101: the upstream's side of the tunnel. Body is nil then.
	Switch io.ReadWriteCloser

	turn uint64 // see Claim
}

// Close closes the body, if there is one, and the tunnel, if there is one. Close a response once: afterwards the connection
// that it came on, and with it the Response, may be another call's already.
func (r *Response) Close() {
	body, tunnel := r.Body, r.Switch
	r.Body, r.Switch = nil, nil
	if body != nil {
		_ = body.Close()
	}
	if tunnel != nil {
		_ = tunnel.Close()
	}
}

// A Call is one request to one target: what a backend asks the engine to send.
type Call struct {
	Method  string
	Target  string  // path and query, as in the request line
	Host    string  // value of the Host field
	Header  *Header // end-to-end fields; framing and hop-by-hop fields in it are not sent
	Body    io.Reader
	Length  int64  // of Body; 0 without one, -1 when unknown
	Upgrade string // protocol to switch to, "" for none
	Expect  bool   // ask upstream before sending the body

	// Request is the client's request that this call serves, nil for a call of the gateway's own. Interim
	// responses and the news that the client is gone travel through its Conn.
	Request *Request

	// Cancel lets another goroutine end the call; nil when nobody wants to. Such a call fails with OpRequest.
	Cancel *Cancel

	Start    time.Time     // when the call was made, for its times to count from; zero for when the engine gets it
	Deadline time.Time     // of the whole call up to the end of the response; zero for none
	HeadBy   time.Time     // when the response's head must be there, however long the request takes; zero for none
	BodyBy   time.Time     // when the response's body must be there, unless that is Lifted; zero for none
	Connect  time.Duration // for a new connection; 0 for none
	Wait     time.Duration // from the end of the request to the response's head; 0 for none
	Idle     time.Duration // without any progress of the body either way; 0 for none
}

// A Lifter is the body of a response to a Call. From Lift on BodyBy of the call does not bound it, for a reader who waits for others himself.
type Lifter interface{ Lift() }

// A Handler answers the requests of a server.
type Handler interface {
	// Handle returns the response to r, never nil.
	Handle(r *Request) *Response
	// Refuse returns the response to a request that could not be read. Only Conn is sure to be set in r.
	Refuse(r *Request, fault *Fault) *Response
	// Done is called once after each Handle or Refuse, when the response was written or could not be, and is closed. What
	// Handle made for this request is free for the next one from here on.
	Done(r *Request, out Outcome)
}

// An Outcome is how the writing of a response ended.
type Outcome struct {
	Status   int   // of the response
	Sent     int64 // bytes of the body that went to the client
	Received int64 // bytes of the request's body that were read
	Err      error // what cut the response short, nil when it was written whole
}

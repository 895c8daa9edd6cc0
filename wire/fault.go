package wire

import "errors"

// A Fault says why a message is refused. Status is what the client is told when the message is a
// request; Reason is safe to show to it.
type Fault struct {
	Status int
	Reason string
}

func (f *Fault) Error() string { return f.Reason }

// Bad makes the fault of a malformed message.
func Bad(reason string) *Fault { return &Fault{400, reason} }

// Errors of bodies.
var (
	// ErrBodyTooLarge is what Body.Read returns beyond Request.BodyLimit.
	ErrBodyTooLarge = errors.New("the body is larger than allowed")
	// ErrClientGone is the end of a call whose client went away.
	ErrClientGone = errors.New("the client went away")
)

// A CallError is a Call that failed.
type CallError struct {
	Op    Op
	Sent  bool // bytes of the request may have reached the target
	Began bool // bytes of the response came back
	Err   error
}

// An Op is the phase in which a call failed.
type Op uint8

// The phases of a call.
const (
	OpConnect  Op = iota // no connection could be made
	OpQueue              // no connection became free in time, or too many wait already
	OpWrite              // the connection broke while sending
	OpRead               // the connection broke while the response was awaited or read
	OpProtocol           // the response breaks the rules of HTTP
	OpTimeout            // a deadline passed
	OpRequest            // the client's side failed: it went away, or its body is malformed
)

func (o Op) String() string {
	return [...]string{"connect", "queue", "write", "read", "protocol", "timeout", "request"}[o]
}

func (e *CallError) Error() string { return e.Op.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

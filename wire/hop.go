package wire

import "slices"

// What belongs to one connection and not to the message that is passed on, whichever version of HTTP it came by.

// hopByHop are the fields of the hop and of the framing (RFC 9110 §7.6.1). They are made anew on each side.
var hopByHop = func() (t [nameCount]bool) {
	for _, n := range []Name{Host, Connection, ContentLength, TransferEncoding, KeepAlive, ProxyConnection, TE, Trailer,
		Upgrade, Expect, ProxyAuthorization, ProxyAuthenticate, HTTP2Settings} {
		t[n] = true
	}
	return t
}()

// EndToEnd tells the fields that are passed on from those that belong to the hop or the framing.
func (n Name) EndToEnd() bool { return !hopByHop[n] }

// ParseLength reads a Content-Length: digits only, no leading zero, within int64 (RFC 9110 §8.6).
func ParseLength(v string) (int64, bool) {
	if v == "" || len(v) > 18 || v[0] == '0' && len(v) > 1 {
		return 0, false
	}
	var n int64
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(v[i]-'0')
	}
	return n, true
}

// MaxMethod is the longest method that is looked at.
const MaxMethod = 32

// Faults of requests, the same in every version of HTTP. Their reasons are shown to clients. They are never changed.
var (
	FaultField      = Bad("A header field is malformed.")
	FaultFieldValue = Bad("A header field holds a control character.")
	FaultHost       = Bad("The Host header is missing or given twice.")
	FaultLength     = Bad("Content-Length is malformed or given twice.")
	FaultExpect     = Bad("The expectation is not \"100-continue\".")
	FaultMethod     = &Fault{405, "The gateway does not serve this method."}
	FaultURI        = &Fault{414, "The request target is longer than allowed."}
	FaultHead       = &Fault{431, "The header is larger than allowed."}
	FaultFields     = &Fault{431, "The header has more fields than allowed."}
)

// A Shared body can be read by another goroutine than the one that answers its request.
type Shared interface {
	// Share says that another goroutine begins, or has ended, to read the body. The goroutine of the request calls it.
	Share(on bool)
	// Abort ends the reading: the read under way and those to come fail at once. Any goroutine may call it.
	Abort()
}

// PoolStats are the numbers of the connections to a target at one moment.
type PoolStats struct{ Open, Idle, Waiting int }

// Copyable says whether a field of that name may be copied from one message to another: framing and what is of a connection may not
// (CVE-2024-32638).
func Copyable(name string) bool {
	id := NameOf(name)
	return name != "*" && ValidToken(name) && id.EndToEnd() && id != Date && !slices.ContainsFunc(framing[:], func(f string) bool { return Alike(f, name) })
}

var framing = [...]string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect"}

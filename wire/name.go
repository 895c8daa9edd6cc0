package wire

// A Name is a header name that the gateway itself has to do with, as a number. Comparing two is
// comparing bytes, which is why the parser looks each name up once.
type Name uint8

// The known names. Other stands for all the rest.
const (
	Other Name = iota
	Host
	Connection
	ContentLength
	TransferEncoding
	KeepAlive
	ProxyConnection
	TE
	Trailer
	Upgrade
	Expect
	Date
	Server
	Via
	ContentType
	ContentEncoding
	Accept
	AcceptEncoding
	Authorization
	ProxyAuthorization
	ProxyAuthenticate
	WWWAuthenticate
	Cookie
	SetCookie
	Origin
	Location
	Allow
	RetryAfter
	UserAgent
	Referer
	CacheControl
	Vary
	ETag
	IfNoneMatch
	Forwarded
	XForwardedFor
	XForwardedProto
	XForwardedHost
	XRealIP
	XRequestID
	Traceparent
	Tracestate
	Priority
	HTTP2Settings
	SecWebSocketKey
	nameCount
)

var names = [nameCount]string{
	Host: "Host", Connection: "Connection", ContentLength: "Content-Length", TransferEncoding: "Transfer-Encoding",
	KeepAlive: "Keep-Alive", ProxyConnection: "Proxy-Connection", TE: "TE", Trailer: "Trailer", Upgrade: "Upgrade",
	Expect: "Expect", Date: "Date", Server: "Server", Via: "Via", ContentType: "Content-Type",
	ContentEncoding: "Content-Encoding", Accept: "Accept", AcceptEncoding: "Accept-Encoding",
	Authorization: "Authorization", ProxyAuthorization: "Proxy-Authorization", ProxyAuthenticate: "Proxy-Authenticate",
	WWWAuthenticate: "WWW-Authenticate", Cookie: "Cookie", SetCookie: "Set-Cookie", Origin: "Origin",
	Location: "Location", Allow: "Allow", RetryAfter: "Retry-After", UserAgent: "User-Agent", Referer: "Referer",
	CacheControl: "Cache-Control", Vary: "Vary", ETag: "ETag", IfNoneMatch: "If-None-Match", Forwarded: "Forwarded",
	XForwardedFor: "X-Forwarded-For", XForwardedProto: "X-Forwarded-Proto", XForwardedHost: "X-Forwarded-Host",
	XRealIP: "X-Real-IP", XRequestID: "X-Request-Id", Traceparent: "traceparent", Tracestate: "tracestate",
	Priority: "Priority", HTTP2Settings: "HTTP2-Settings", SecWebSocketKey: "Sec-WebSocket-Key",
}

// String returns the name in its usual spelling.
func (n Name) String() string { return names[n] }

// byStart holds each known name at its length and its first letter, of which no two share both, so that a look-up compares with one.
var byStart = func() (t [32][32]Name) {
	for n := Other + 1; n < nameCount; n++ {
		at := &t[len(names[n])][names[n][0]&31]
		if *at != Other {
			panic("the names " + names[*at] + " and " + names[n] + " have the same place")
		}
		*at = n
	}
	return t
}()

// NameOf returns the known name that s spells, or Other.
func NameOf[T string | []byte](s T) Name {
	if len(s) == 0 || len(s) >= len(byStart) {
		return Other
	}
	n := byStart[len(s)&31][s[0]&31]
	if name := names[n]; n != Other && (string(s) == name || equalFold(s, name)) { // mostly in the usual spelling
		return n
	}
	return Other
}

// equalFold compares ASCII without case. Names are tokens, so clearing bit 5 of a letter is
// enough only between letters; the table keeps "^" and "~" apart.
func equalFold[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		if lower[a[i]] != lower[b[i]] {
			return false
		}
	}
	return true
}

// EqualFold compares ASCII without case.
func EqualFold(a, b string) bool { return equalFold(a, b) }

var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] = byte(i) | 0x20
		}
	}
	return t
}()

// Lower returns c in lower case if it is an ASCII letter.
func Lower(c byte) byte { return lower[c] }

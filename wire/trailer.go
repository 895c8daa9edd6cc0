package wire

import "strings"

// notInTrailer are the known fields that may not stand in a trailer: they frame, route, authenticate or say what the
// content is (RFC 9110 §6.5.1).
var notInTrailer = func() (t [nameCount]bool) {
	for _, n := range []Name{Host, Connection, ContentLength, TransferEncoding, KeepAlive, ProxyConnection, TE, Trailer,
		Upgrade, Expect, Date, ContentType, ContentEncoding, Accept, AcceptEncoding, Authorization, ProxyAuthorization,
		ProxyAuthenticate, WWWAuthenticate, Cookie, SetCookie, Origin, Location, RetryAfter, CacheControl, Vary,
		IfNoneMatch, Forwarded, XForwardedFor, XForwardedProto, XForwardedHost, XRealIP, XRequestID, Traceparent,
		Tracestate, HTTP2Settings, SecWebSocketKey} {
		t[n] = true
	}
	return t
}()

// TrailerAllowed says whether f may be passed on in a trailer: what a client may not say in the header it may
// not say there either, in any spelling.
func TrailerAllowed(f *Field) bool {
	if f.id != Other {
		return !notInTrailer[f.id]
	}
	return strings.IndexByte(f.Name, '_') < 0 && !Managed(f.Name)
}

package problem

// What a client of gRPC is told: a status in the header and nothing else, which it takes for trailers without a body.

// Codes of gRPC that the gateway says.
const (
	grpcUnknown           = "2"
	grpcDeadlineExceeded  = "4"
	grpcPermissionDenied  = "7"
	grpcResourceExhausted = "8"
	grpcUnimplemented     = "12"
	grpcInternal          = "13"
	grpcUnavailable       = "14"
	grpcUnauthenticated   = "16"
)

// GRPC returns p as a status of gRPC: the code that gRPC makes of the HTTP status, and title and detail as the message, encoded
// as a header field needs it.
func (p *Problem) GRPC() (code, message string) {
	message = p.Title
	if p.Detail != "" {
		message += ": " + p.Detail
	}
	return grpcCode(p.Type), percentEncode(message)
}

// grpcCode is the code that clients of gRPC make of an HTTP status themselves (grpc/doc/http-grpc-status-mapping.md), but where gRPC
// has a better word: for time that is over, and for what is too large.
func grpcCode(t *Type) string {
	switch t.Status {
	case 400:
		return grpcInternal
	case 401:
		return grpcUnauthenticated
	case 403:
		return grpcPermissionDenied
	case 404:
		return grpcUnimplemented
	case 408, 504:
		return grpcDeadlineExceeded
	case 413, 431:
		return grpcResourceExhausted
	case 429, 502, 503:
		return grpcUnavailable
	}
	return grpcUnknown
}

// percentEncode leaves printable ASCII but "%" as it is.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

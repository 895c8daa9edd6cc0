package wire

import "time"

// What the gateway has to know of gRPC: that a request is one, and how long it may take. All else is HTTP/2 with trailers.

// IsGRPC says whether a Content-Type is one of gRPC, or of its relative for browsers.
func IsGRPC(contentType string) bool {
	const kind = "application/grpc"
	if len(contentType) < len(kind) || !EqualFold(contentType[:len(kind)], kind) {
		return false
	}
	return len(contentType) == len(kind) || contentType[len(kind)] == '+' || contentType[len(kind)] == '-' || contentType[len(kind)] == ';'
}

// GRPCDeadline is when a call of gRPC that came at start has to be over, zero for one that says nothing of it. Client and target
// know of the deadline as well and end the call in better words, so the gateway gives them a moment before it does.
func GRPCDeadline(h *Header, start time.Time) time.Time {
	if !IsGRPC(h.Known(ContentType)) {
		return time.Time{}
	}
	d := GRPCTimeout(h.Get("grpc-timeout"))
	if d == 0 {
		return time.Time{}
	}
	return start.Add(min(d, 1<<61) + grpcGrace)
}

const grpcGrace = time.Second

// GRPCTimeout reads grpc-timeout: up to eight digits and a unit. It returns 0 for what is none.
func GRPCTimeout(v string) time.Duration {
	if len(v) < 2 || len(v) > 9 {
		return 0
	}
	n := time.Duration(0)
	for i := range len(v) - 1 {
		if v[i] < '0' || v[i] > '9' {
			return 0
		}
		n = n*10 + time.Duration(v[i]-'0')
	}
	switch v[len(v)-1] {
	case 'H':
		return n * min(time.Hour, (1<<62)/max(n, 1))
	case 'M':
		return n * time.Minute
	case 'S':
		return n * time.Second
	case 'm':
		return n * time.Millisecond
	case 'u':
		return n * time.Microsecond
	case 'n':
		return n
	}
	return 0
}

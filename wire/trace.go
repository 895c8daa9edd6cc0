package wire

// A Trace is a position in a distributed trace (W3C Trace Context).
type Trace struct {
	Parent  string // traceparent as it goes upstream: "00-<trace>-<span>-<flags>"
	State   string // tracestate, "" for none
	Sampled bool
}

// TraceID returns the 32 hex digits of the trace, "" when there is none.
func (t Trace) TraceID() string {
	if len(t.Parent) < 55 {
		return ""
	}
	return t.Parent[3:35]
}

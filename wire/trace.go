package wire

import "math/rand/v2"

// W3C Trace Context, Level 2. The gateway takes part in every trace: it continues the one that a request
// belongs to, with a span of its own, or starts one.

// A Trace is a position in a distributed trace (W3C Trace Context).
type Trace struct {
	Parent  string // traceparent as it goes upstream: "00-<trace>-<span>-<flags>"
	State   string // tracestate, "" for none
	Sampled bool
}

// TraceID returns the 32 hex digits of the trace, "" when there is none.
func (t Trace) TraceID() string {
	if len(t.Parent) < traceparentLen {
		return ""
	}
	return t.Parent[3:35]
}

// The parts of traceparent in version 00 (§3.2.2).
const (
	traceparentLen = 55
	traceEnd       = 35 // of "00-<trace>"
	spanEnd        = 52 // of "00-<trace>-<span>"

	flagSampled = 1 // the caller may have recorded the trace
	flagRandom  = 2 // the trace id is random enough to sample by (§3.2.2.5.2)
)

// ContinueTrace sets traceparent and tracestate in r.Header for the target. A request without exactly one valid traceparent starts
// a trace, which is not sampled; its tracestate means nothing then and goes (§4.2).
func ContinueTrace(r *Request) Trace {
	parent, parents, states := findTrace(&r.Header)
	var b [traceparentLen]byte
	if parents != 1 || !validParent(parent) {
		if states > 0 {
			r.Header.DelKnown(Tracestate)
		}
		putTrace(b[:], rand.Uint64()|1, rand.Uint64()) // not zero; the right-most 7 bytes are the random ones
		putSpan(b[:], flagRandom)
		t := Trace{Parent: r.Keep(b[:])}
		r.Header.setTrace(t.Parent, parents)
		return t
	}
	flags := hexDigit[parent[53]]<<4 | hexDigit[parent[54]]
	copy(b[:], "00")
	copy(b[2:], parent[2:traceEnd])
	putSpan(b[:], flags&(flagSampled|flagRandom)) // §3.2.2.5.3: flags that nobody knows are not passed on
	t := Trace{Parent: r.Keep(b[:]), Sampled: flags&flagSampled != 0}
	r.Header.setTrace(t.Parent, parents)
	if states > 0 {
		t.State = continueState(r, states)
	}
	return t
}

// findTrace returns the last traceparent, and the number of traceparent and of tracestate fields.
func findTrace(h *Header) (parent string, parents, states int) {
	for i := range h.fields {
		switch f := &h.fields[i]; f.id {
		case Traceparent:
			parents++
			parent = f.Value
		case Tracestate:
			states++
		}
	}
	return parent, parents, states
}

// setTrace makes value the only traceparent; there are so many now.
func (h *Header) setTrace(value string, parents int) {
	if parents == 0 {
		h.own(Traceparent, value)
		return
	}
	i := h.find(Traceparent, "", 0)
	h.fields[i] = Field{Name: names[Traceparent], Value: value, id: Traceparent, read: true}
	if parents > 1 {
		h.del(Traceparent, "", i+1)
	}
}

// validParent says whether s can be read as a traceparent. A version after 00 may say more behind what 00
// says, but must begin alike (§4.3).
func validParent(s string) bool {
	if len(s) < traceparentLen || s[2] != '-' || s[traceEnd] != '-' || s[spanEnd] != '-' {
		return false
	}
	if !isHex(s[:2]) || s[:2] == "ff" || s[:2] == "00" && len(s) > traceparentLen {
		return false
	}
	if len(s) > traceparentLen && s[traceparentLen] != '-' {
		return false
	}
	return isID(s[3:traceEnd]) && isID(s[traceEnd+1:spanEnd]) && isHex(s[spanEnd+1:traceparentLen])
}

func putTrace(b []byte, high, low uint64) {
	copy(b, "00-")
	putHex(b[3:19], high)
	putHex(b[19:traceEnd], low)
}

func putSpan(b []byte, flags byte) {
	b[traceEnd] = '-'
	putHex(b[traceEnd+1:spanEnd], rand.Uint64()|1) // never zero, which is invalid
	b[spanEnd] = '-'
	putHex(b[spanEnd+1:traceparentLen], uint64(flags))
}

// hexDigit holds the value of each lower-case hex digit, and notHex for the rest.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range 16 {
		t["0123456789abcdef"[i]] = byte(i)
	}
	return t
}()

const notHex = 0xff

func isHex(s string) bool {
	for i := range len(s) {
		if hexDigit[s[i]] == notHex {
			return false
		}
	}
	return true
}

// isID says whether s is lower-case hex and not all zeros.
func isID(s string) bool {
	var or byte
	for i := range len(s) {
		or |= hexDigit[s[i]]
	}
	return or != 0 && or != notHex
}

package h1

import (
	"bytes"
	"errors"
	"time"

	"sallyport/wire"
)

// What is malformed is refused before the handler sees the request, as far as it has come: nothing of it shall reach a
// target. Only what comes later has to end a call that is under way.

// firstChunk is how long a request waits for the first line of its chunked body. It is short, as a client may
// want to see an answer before it sends anything; most send both at once.
const firstChunk = 100 * time.Millisecond

// vet looks through what has come of a chunked body, without reading it.
func (b *body) vet() *wire.Fault {
	if b.mode != chunked {
		return nil
	}
	begun, fault := b.scan(b.s.buffered())
	if fault != nil || begun || b.before != nil {
		return fault // a client that waits for 100 Continue sends nothing before that
	}
	for by := time.Now().Add(firstChunk); !begun && fault == nil; {
		b.by = by
		err := b.more()
		if b.by = (time.Time{}); err != nil {
			return asFault(err)
		}
		begun, fault = b.scan(b.s.buffered())
	}
	return fault
}

// asFault returns the fault in err; other errors will come again when the body is read.
func asFault(err error) *wire.Fault {
	var fault *wire.Fault
	errors.As(err, &fault)
	return fault
}

// scan checks the framing of chunks in p, and says whether the first line is there.
func (b *body) scan(p []byte) (begun bool, fault *wire.Fault) {
	var trailer wire.Header
	v := body{mode: chunked, state: b.state, left: b.left, trailer: &trailer}
	for v.err == nil {
		if v.state == inData {
			if int64(len(p)) < v.left {
				return true, nil
			}
			p = p[v.left:]
			v.state = atDataEnd
			continue
		}
		n, fault := v.frame(p)
		if n == 0 || fault != nil {
			return begun, fault
		}
		p, begun = p[n:], true
	}
	return begun, nil
}

// hopeless looks at the beginning of a head that is not whole yet, and says why no rest can make a request of it; so
// that who speaks another protocol does not wait for an answer until the time for the head is over.
func hopeless(b []byte, l *Limits) *wire.Fault {
	if len(b) > 0 && b[0] != '\r' && !wire.IsTokenChar(b[0]) {
		return faultLine
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 && i+1 < len(b) && b[i+1] != '\n' {
		return faultLine
	}
	if line, _, whole := bytes.Cut(b, []byte("\r\n")); whole && len(line) > 0 {
		var r wire.Request
		_, fault := parseRequestLine(string(line), &r, l)
		return fault
	}
	return nil
}

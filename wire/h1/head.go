package h1

import (
	"time"

	"sallyport/wire"
)

// ReadHead reads the head of a request that is text, up to and with its empty line, the way a server with limits reads it from a
// connection. It is for looking at requests that nobody sent; what comes back has no Conn and no Body.
func ReadHead(head string, limits Limits) (*wire.Request, *wire.Fault) {
	l := limits.withDefaults()
	end, _, fault := headEnd([]byte(head), 0)
	switch {
	case fault != nil:
		return nil, fault
	case end == 0:
		return nil, faultLine
	case len(head) > l.Head:
		return nil, wire.FaultHead
	}
	r := &wire.Request{Time: time.Now()}
	var f framing
	if fault := parseRequest(head[:end], r, &f, &l); fault != nil {
		return nil, fault
	}
	return r, nil
}

package h2

import (
	"net/http"
	"strings"

	"sallyport/wire"
)

// This file makes a wire.Request of what net/http has read. It is a pure function: what is refused here is refused for the
// same reasons, and in the same words, as in HTTP/1.1.
//
// net/http has seen to what is of HTTP/2 alone: pseudo-fields, lower case, no fields of the connection, no end of line in a
// value. What breaks these rules never comes here; its stream was reset.

// spare is the room for what the gateway adds to a request's strings: its id, its trace context, its canonical path where that
// differs, what goes upstream.
const spare = 256

// parse fills r with what from asks. It returns the bytes of the head as well, counted as HTTP/1.1 would write it.
func parse(from *http.Request, r *wire.Request, l *Limits) (size int, fault *wire.Fault) {
	r.Proto = wire.HTTP2
	r.Trailers = true // every client of HTTP/2 can read them
	r.Scheme = "http"
	if r.Conn.TLS != nil {
		r.Scheme = "https" // what ":scheme" says is the client's word only
	}
	r.Method = from.Method
	size = len(from.Method) + len(from.RequestURI) + len(from.Host) + len(" HTTP/1.1\r\nHost: \r\n")
	var f framing
	count, bytes, fault := fields(from.Header, &r.Header, &f)
	size += bytes
	switch {
	case len(r.Method) > wire.MaxMethod || !wire.ValidToken(r.Method):
		return size, faultRequest
	case len(from.RequestURI) > l.URI:
		return size, wire.FaultURI
	case size > l.Head:
		return size, wire.FaultHead
	case count > l.Fields:
		return size, wire.FaultFields
	case fault != nil:
		return size, fault
	case r.Method == "CONNECT" || r.Method == "TRACE" || r.Method == "TRACK":
		return size, wire.FaultMethod
	case len(f.hosts) > 1 || from.Host == "":
		return size, wire.FaultHost
	}
	if fault := wire.ParseTarget(r, from.RequestURI); fault != nil {
		return size, fault
	}
	if fault := wire.ParseAuthority(from.Host, r); fault != nil {
		return size, fault
	}
	for _, host := range f.hosts { // beside ":authority", of which it must not differ (RFC 9113 §8.3.1)
		if fault := wire.ParseAuthority(host, r); fault != nil {
			return size, fault
		}
	}
	return size, length(from, r, &f)
}

// faultRequest is for what HTTP/1.1 would have in a malformed request line.
var faultRequest = wire.Bad("The request line is malformed.")

// A framing is what the fields say about the message and the hop.
type framing struct {
	hosts   []string
	lengths []string
}

// fields puts the end-to-end fields into h. Crumbs of a cookie count one by one (RFC 9113 §8.2.3); net/http has joined them.
func fields(from http.Header, h *wire.Header, f *framing) (count, size int, fault *wire.Fault) {
	for name, values := range from {
		id := wire.NameOf(name)
		if id == wire.Other && !wire.ValidToken(name) {
			fault = wire.FaultField
		}
		for _, v := range values {
			count++
			size += len(name) + len(v) + len(": \r\n")
			if !wire.ValidValue(v) {
				fault = wire.FaultFieldValue
				continue
			}
			v = strings.Trim(v, " \t")
			switch id {
			case wire.Host:
				f.hosts = append(f.hosts, v)
			case wire.ContentLength:
				f.lengths = append(f.lengths, v)
			case wire.Expect: // net/http has taken "100-continue" out, and will say it when the body is read
				fault = wire.FaultExpect
			case wire.Cookie:
				count += strings.Count(v, "; ")
			}
			if id.EndToEnd() {
				h.AddRead(id, name, v)
			}
		}
	}
	return count, size, fault
}

// length sets r.Length. net/http has made sure that no more or less than that will come, but not in front of a stream that
// has ended with its head (RFC 9113 §8.1.1).
func length(from *http.Request, r *wire.Request, f *framing) *wire.Fault {
	r.Length = from.ContentLength
	if len(f.lengths) == 0 {
		return nil
	}
	n, ok := wire.ParseLength(f.lengths[0])
	if !ok || len(f.lengths) > 1 || n != from.ContentLength {
		return wire.FaultLength
	}
	return nil
}

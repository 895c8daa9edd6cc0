package h1

import (
	"bytes"
	"strings"

	"sallyport/wire"
)

// Faults of requests. Their reasons are shown to clients.
var (
	faultLine       = wire.Bad("The request line is malformed.")
	faultVersion    = wire.Bad("The HTTP version is not 1.0 or 1.1.")
	faultLF         = wire.Bad("A line of the head does not end in CRLF.")
	faultCoding     = wire.Bad("Transfer-Encoding is not exactly \"chunked\".")
	faultBoth       = wire.Bad("Content-Length and Transfer-Encoding exclude each other.")
	faultConnection = wire.Bad("The Connection header is malformed.")
	faultSlow       = &wire.Fault{Status: 408, Reason: "The request did not arrive in time."}
)

// headEnd looks for the end of a head in b, whose first from bytes were looked at before. It returns the
// index behind the empty line, 0 when that is still to come, with next to go on from. Lines that end in a bare LF make a fault at
// once, so that nobody waits for more of them.
func headEnd(b []byte, from int) (end, next int, fault *wire.Fault) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return 0, from, nil
		}
		at := from + i
		if at == 0 || b[at-1] != '\r' {
			return 0, 0, faultLF
		}
		if i == 1 { // an empty line
			return at + 1, 0, nil
		}
		from = at + 1
	}
}

// A framing is what a head says about the body that follows and the connection.
type framing struct {
	length    int64 // -1 when Content-Length is absent
	chunked   bool
	close     bool
	keepAlive bool
	upgrade   bool   // Connection names Upgrade
	proto     string // value of Upgrade
	trailers  bool   // TE names trailers
	expect    bool
	hosts     int
	host      string
	names     []string // other fields that Connection names
}

// parseRequest reads the head s, which ends with its empty line, into r and f.
func parseRequest(s string, r *wire.Request, f *framing, l *Limits) *wire.Fault {
	*f = framing{}
	f.length = -1
	line, rest := firstLine(s)
	target, fault := parseRequestLine(line, r, l)
	if fault != nil {
		return fault
	}
	if fault := parseFields(rest, &r.Header, f, l.Fields, true); fault != nil {
		return fault
	}
	if f.hosts > 1 || f.hosts == 0 && r.Proto == wire.HTTP11 {
		return wire.FaultHost // RFC 9112 §3.2
	}
	if f.chunked && (f.length >= 0 || r.Proto == wire.HTTP10) {
		return faultBoth // RFC 9112 §6.1: smuggling, or a reader that knows no chunks
	}
	if r.Method == "CONNECT" || r.Method == "TRACE" || r.Method == "TRACK" {
		return wire.FaultMethod
	}
	r.Scheme = "http"
	if r.Conn != nil && r.Conn.TLS != nil {
		r.Scheme = "https"
	}
	if fault := wire.ParseTarget(r, target); fault != nil {
		return fault
	}
	if f.hosts > 0 {
		if fault := wire.ParseAuthority(f.host, r); fault != nil {
			return fault
		}
	}
	finishRequest(r, f)
	return nil
}

// firstLine cuts s behind its first line. What is in front of a CR that ends no line is left to fail in the line.
func firstLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 1 {
		return "", ""
	}
	return s[:i-1], s[i+1:]
}

func parseRequestLine(line string, r *wire.Request, l *Limits) (target string, fault *wire.Fault) {
	i := 0
	for i < len(line) && wire.IsTokenChar(line[i]) {
		i++
	}
	if i == 0 || i > wire.MaxMethod || i >= len(line) || line[i] != ' ' {
		return "", faultLine
	}
	r.Method = line[:i]
	j := i + 1
	for j < len(line) && line[j] > 0x20 && line[j] < 0x7f {
		j++
	}
	if j-i-1 > l.URI {
		return "", wire.FaultURI
	}
	if j == i+1 || j >= len(line) || line[j] != ' ' {
		return "", faultLine
	}
	switch line[j+1:] {
	case "HTTP/1.1":
		r.Proto = wire.HTTP11
	case "HTTP/1.0":
		r.Proto = wire.HTTP10
	default:
		return "", faultVersion
	}
	return line[i+1 : j], nil
}

// finishRequest turns what the head said about hop and framing into the fields of r.
func finishRequest(r *wire.Request, f *framing) {
	switch {
	case f.chunked:
		r.Length = -1
	case f.length > 0:
		r.Length = f.length
	}
	if r.Proto == wire.HTTP10 {
		r.Close = !f.keepAlive || f.close
		return // RFC 9110 §7.8, §10.1.1: neither Upgrade nor Expect from 1.0
	}
	r.Close = f.close
	r.Trailers = f.trailers
	r.Expect = f.expect && r.Length != 0
	// An upgrade to h2c would take the bytes that follow out of the gateway's sight; a body before the
	// switch is read by some servers as the first bytes of the new protocol. Both are served without the upgrade.
	if f.upgrade && r.Length == 0 && !wire.ListHas(f.proto, "h2c") {
		r.Upgrade = f.proto
	}
}

// parseFields reads the field lines of s up to the empty one. End-to-end fields go to h, the others to f.
func parseFields(s string, h *wire.Header, f *framing, most int, request bool) *wire.Fault {
	for n := 0; ; n++ {
		end := strings.IndexByte(s, '\r')
		if end < 0 || end+1 >= len(s) || s[end+1] != '\n' {
			return wire.FaultFieldValue // a CR within a line
		}
		if end == 0 {
			break
		}
		line := s[:end]
		s = s[end+2:]
		if n == most {
			return wire.FaultFields
		}
		i := strings.IndexByte(line, ':')
		if i < 0 {
			return wire.FaultField
		}
		name, value := line[:i], trim(line[i+1:])
		id := wire.NameOf(name)
		if id == wire.Other && !wire.ValidToken(name) {
			return wire.FaultField // RFC 9112 §5: also white space before the colon and obs-fold
		}
		if !wire.ValidValue(value) {
			return wire.FaultFieldValue
		}
		if id.EndToEnd() {
			h.AddRead(id, name, value)
			continue
		}
		if fault := f.field(id, value, request); fault != nil {
			return fault
		}
	}
	for _, name := range f.names {
		h.Del(name) // RFC 9110 §7.6.1
	}
	return nil
}

// field takes in one field of the hop or the framing.
func (f *framing) field(id wire.Name, v string, request bool) *wire.Fault {
	switch id {
	case wire.Host:
		f.hosts++
		f.host = v
	case wire.ContentLength:
		n, ok := wire.ParseLength(v)
		if !ok || f.length >= 0 {
			return wire.FaultLength
		}
		f.length = n
	case wire.TransferEncoding:
		if f.chunked || !wire.EqualFold(v, "chunked") {
			return faultCoding
		}
		f.chunked = true
	case wire.Connection:
		return f.connection(v)
	case wire.Upgrade:
		if f.proto != "" {
			v = f.proto + ", " + v
		}
		f.proto = v
	case wire.TE:
		f.trailers = f.trailers || wire.ListHas(v, "trailers")
	case wire.Expect:
		if !request {
			return nil
		}
		if !wire.EqualFold(v, "100-continue") {
			return wire.FaultExpect
		}
		f.expect = true
	}
	return nil
}

// connection reads a Connection field. The usual ones cost a comparison.
func (f *framing) connection(v string) *wire.Fault {
	if wire.EqualFold(v, "keep-alive") {
		f.keepAlive = true
		return nil
	}
	for n := 0; v != ""; n++ {
		var t string
		t, v, _ = strings.Cut(v, ",")
		t = trim(t)
		switch {
		case n == maxConnTokens:
			return faultConnection
		case t == "":
		case wire.EqualFold(t, "close"):
			f.close = true
		case wire.EqualFold(t, "keep-alive"):
			f.keepAlive = true
		case wire.EqualFold(t, "upgrade"):
			f.upgrade = true
		case !wire.ValidToken(t):
			return faultConnection
		case wire.EqualFold(t, "te"), wire.EqualFold(t, "trailer"):
		default:
			f.names = append(f.names, t)
		}
	}
	return nil
}

func trim(s string) string {
	if len(s) > 1 && s[0] == ' ' {
		s = s[1:] // which is all there is, mostly
	}
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// Faults of responses stay inside: the client reads upstream_failed.
var (
	faultStatusLine   = wire.Bad("the status line is malformed")
	faultStatus       = wire.Bad("the status is not 100 to 599")
	faultResponseBoth = wire.Bad("content-length and transfer-encoding exclude each other")
)

// parseResponse reads the head s, which ends with its empty line, into resp and f.
func parseResponse(s string, resp *wire.Response, f *framing) *wire.Fault {
	line, rest := firstLine(s)
	if len(line) < 12 || line[:7] != "HTTP/1." || line[8] != ' ' || line[7] != '0' && line[7] != '1' {
		return faultStatusLine
	}
	a, b, c := line[9]-'0', line[10]-'0', line[11]-'0'
	if a > 9 || b > 9 || c > 9 {
		return faultStatusLine
	}
	resp.Status = int(a)*100 + int(b)*10 + int(c)
	if resp.Status < 100 || resp.Status > 599 {
		return faultStatus
	}
	resp.Reason = ""
	if len(line) > 12 {
		if line[12] != ' ' || !wire.ValidValue(line[13:]) {
			return faultStatusLine
		}
		resp.Reason = line[13:]
	}
	old := line[7] == '0'
	*f = framing{}
	f.length = -1
	if fault := parseFields(rest, &resp.Header, f, maxResponseFields, false); fault != nil {
		return fault
	}
	if f.chunked && (f.length >= 0 || old) {
		return faultResponseBoth
	}
	f.close = f.close || old && !f.keepAlive
	return nil
}

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"sallyport/config"
	"sallyport/wire"
	"sallyport/wire/h1"
)

// This file reads the request that somebody wants explained, the way a listener would read it from a connection.

// A Question is a request that nobody sent.
type Question struct {
	Method  string       `json:"method"`  // GET when empty
	URL     string       `json:"url"`     // http://shop.example.com/users/42, or the path alone
	Headers HeaderFields `json:"headers"` // beside those that every client sends
	Body    string       `json:"body"`
	Client  string       `json:"client"` // address of whoever connects; 127.0.0.1 when empty
}

// HeaderFields are header fields, in order. In JSON they are an object of texts, or of lists of texts.
type HeaderFields [][2]string

// UnmarshalJSON reads an object.
func (h *HeaderFields) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return errors.New("headers are an object of texts, or of lists of texts")
	}
	*h = nil
	for _, name := range slices.Sorted(maps.Keys(m)) {
		var one string
		var several []string
		if json.Unmarshal(m[name], &one) == nil {
			several = []string{one}
		} else if json.Unmarshal(m[name], &several) != nil {
			return fmt.Errorf("header %s is neither a text nor a list of texts", name)
		}
		for _, value := range several {
			*h = append(*h, [2]string{name, value})
		}
	}
	return nil
}

// MarshalJSON writes an object of lists.
func (h HeaderFields) MarshalJSON() ([]byte, error) {
	m := map[string][]string{}
	for _, f := range h {
		m[f[0]] = append(m[f[0]], f[1])
	}
	return json.Marshal(m)
}

// A QuestionError says what is wrong with a question.
type QuestionError struct{ What, Why string }

func (e *QuestionError) Error() string { return e.What + ": " + e.Why }

// An asked is a question made ready.
type asked struct {
	text     string // the head as a client would send it
	head     HeaderFields
	method   string
	path     string // as asked for, with the query
	scheme   string // of the listener
	host     string
	port     string
	client   netip.Addr
	listener int // index in the document
	body     string
}

// made makes q ready.
func (q *Question) made(doc *config.Document) (*asked, error) {
	a := &asked{body: q.Body, client: netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	if a.method = q.Method; a.method == "" {
		a.method = "GET"
	}
	if !wire.ValidToken(a.method) {
		return nil, &QuestionError{"method", fmt.Sprintf("%q is none", q.Method)}
	}
	if q.Client != "" {
		var err error
		if a.client, err = netip.ParseAddr(q.Client); err != nil {
			return nil, &QuestionError{"client", fmt.Sprintf("%q is no IP address", q.Client)}
		}
	}
	var err error
	if a.path, err = a.target(q.URL); err != nil {
		return nil, err
	}
	if err := a.fields(q); err != nil {
		return nil, err
	}
	if len(doc.Listeners) == 0 {
		return nil, &QuestionError{"listener", "the document has none"}
	}
	a.listener = listenerFor(doc, a.port, a.scheme)
	if a.scheme = "http"; doc.Listeners[a.listener].TLS != nil {
		a.scheme = "https"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", a.method, a.path)
	for _, f := range a.head {
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	b.WriteString("\r\n")
	a.text = b.String()
	return a, nil
}

// target takes the URL apart and returns what stands in the request line.
func (a *asked) target(url string) (string, error) {
	wrong := func(why string) error {
		return &QuestionError{"URL", fmt.Sprintf("%q %s; write such as http://shop.example.com/users/42, or the path alone", url, why)}
	}
	switch {
	case url == "":
		return "", wrong("is none")
	case strings.ContainsAny(url, "\r\n\x00"):
		return "", wrong("holds a line end")
	}
	url, _, _ = strings.Cut(url, "#") // no client sends it
	if url == "*" || strings.HasPrefix(url, "/") {
		return url, nil
	}
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "http", url
	}
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		return "", wrong("is neither http nor https")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, target := rest[:end], rest[end:]
	if authority == "" || strings.Contains(authority, "@") {
		return "", wrong("has no host, or a user in front of it")
	}
	a.scheme, a.host = scheme, authority
	if _, port, err := net.SplitHostPort(authority); err == nil {
		a.port = port
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return target, nil
}

// fields collects the header: Host first, as clients do.
func (a *asked) fields(q *Question) error {
	var more HeaderFields
	framed, hosts := false, 0
	for _, f := range q.Headers {
		switch {
		case strings.ContainsAny(f[0]+f[1], "\r\n\x00"):
			return &QuestionError{"header", fmt.Sprintf("%q holds a line end", f[0])}
		case wire.EqualFold(f[0], "Host"):
			if hosts++; hosts == 1 {
				a.host = f[1]
				continue
			}
		}
		framed = framed || wire.EqualFold(f[0], "Content-Length") || wire.EqualFold(f[0], "Transfer-Encoding")
		more = append(more, f)
	}
	if a.host == "" {
		a.host = "localhost"
	}
	a.head = append(HeaderFields{{"Host", a.host}}, more...)
	if q.Body != "" && !framed {
		a.head = append(a.head, [2]string{"Content-Length", fmt.Sprint(len(q.Body))})
	}
	return nil
}

// listenerFor returns the listener that a client would have come in by: the one with the port of the URL, otherwise the first
// with TLS or without, as the URL says, otherwise the first.
func listenerFor(doc *config.Document, port, scheme string) int {
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	for i, l := range doc.Listeners {
		if _, p, err := net.SplitHostPort(l.Address); err == nil && p == port {
			return i
		}
	}
	return max(0, slices.IndexFunc(doc.Listeners, func(l config.Listener) bool {
		return scheme == "" || (l.TLS != nil) == (scheme == "https")
	}))
}

// read reads the request as the listener would.
func (a *asked) read(limits *config.Limits) (*wire.Request, *wire.Fault) {
	r, fault := h1.ReadHead(a.text, limitsOf(limits).h1)
	if fault != nil {
		return nil, fault
	}
	r.Scheme = a.scheme
	if a.body != "" {
		r.Body = wire.BytesBody([]byte(a.body))
	}
	r.Conn = &wire.Conn{Remote: netip.AddrPortFrom(a.client, 50000)}
	return r, nil
}

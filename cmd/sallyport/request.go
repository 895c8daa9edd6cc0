package main

// Requests that are written down in a file, for expressions to look at.

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"strings"
	"time"

	"sallyport/policy"
	"sallyport/route"
	"sallyport/wire"
)

// exchange makes an exchange of a request's text. With a match it must be one that a route with it takes.
func exchange(text, match string, client netip.Addr) (*policy.Exchange, error) {
	r, err := readRequest(text)
	if err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	x := &policy.Exchange{Request: r, Client: client, Start: r.Time, API: "default", ID: wire.NewID(r, r.Time)}
	if match == "" {
		return x, nil
	}
	m, err := route.ParseMatch(match)
	if err != nil {
		return nil, fmt.Errorf("--match: %w", err)
	}
	x.Route = m.String()
	table, errs := route.Build([]*route.Rule[bool]{{Name: x.Route, Match: m}}, func(_, _ bool) bool { return false })
	if len(errs) > 0 {
		return nil, errs
	}
	if _, err := table.Find(x); err != nil {
		return nil, fmt.Errorf("--match %q does not take %s %s", match, r.Method, r.Path.Text)
	}
	return x, nil
}

// readRequest reads a request line, and optionally fields and a body, with line ends of any sort.
func readRequest(text string) (*wire.Request, error) {
	head, body, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	first, fields, _ := strings.Cut(head, "\n")
	line := strings.Fields(first)
	if len(line) < 2 || len(line) > 3 {
		return nil, errors.New(`its first line is no request line such as "GET /users/42 HTTP/1.1"`)
	}
	r := &wire.Request{Method: line[0], Scheme: "http", Proto: wire.HTTP11, Time: time.Now(), Length: int64(len(body))}
	if fault := wire.ParseTarget(r, line[1]); fault != nil {
		return nil, errors.New(fault.Reason)
	}
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.TrimRight(fields, "\n") + "\n\n"))).ReadMIMEHeader()
	if err != nil && strings.TrimSpace(fields) != "" {
		return nil, err
	}
	host := cmp.Or(r.Host, "localhost")
	for name, values := range h {
		for _, v := range values {
			if name == "Host" {
				host = v
				continue
			}
			r.Header.Add(name, v)
		}
	}
	if fault := wire.ParseAuthority(host, r); fault != nil {
		return nil, errors.New(fault.Reason)
	}
	if body != "" {
		r.Body = wire.BytesBody([]byte(body))
	}
	return r, nil
}

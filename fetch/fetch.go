// Package fetch gets documents that others publish, such as key sets and lists of networks: bounded, within a time, without
// following redirects, and not again when nothing has changed.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Dial makes a connection to host:port until deadline.
type Dial func(network, address string, deadline time.Time) (net.Conn, error)

// A Client fetches documents. It keeps no connections and starts nothing that lives on.
type Client struct{ dial Dial }

// New returns a client that dials by dial; nil is the network, but for addresses of the link, where clouds keep the secrets of
// their machines.
func New(dial Dial) *Client {
	if dial == nil {
		dial = dialNetwork
	}
	return &Client{dial}
}

// A Request says what to fetch, and how long and how large it may be.
type Request struct {
	URL     string // http or https
	Accept  string // media types, "" for any
	Most    int64  // bytes of the document, decompressed
	Timeout time.Duration
	Roots   *x509.CertPool // whom to trust for https; nil is the machine's
	Before  *Document      // what is there already, nil for nothing: only something else is sent then, if it came from URL
}

// A Document is what was fetched.
type Document struct {
	Body   []byte
	Type   string        // its media type as it was sent
	MaxAge time.Duration // how long it may be kept as its publisher says; 0 when that says nothing
	At     time.Time     // when it was fetched, or was found to be the same

	url, etag, modified string
}

// Check says what is wrong with a URL to fetch from.
func Check(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "":
		return errors.New("write a URL such as https://example.com/list.txt")
	case u.User != nil:
		return errors.New("no user and password may stand in the URL")
	case u.Fragment != "":
		return errors.New("a URL to fetch from has no fragment")
	}
	return nil
}

// Get fetches a document. It returns r.Before, with a later At, when that is still what there is. Errors name no URL, which may
// hold a secret.
func (c *Client) Get(ctx context.Context, r Request) (*Document, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, bare(err)
	}
	q.Header.Set("User-Agent", "sallyport")
	if r.Accept != "" {
		q.Header.Set("Accept", r.Accept)
	}
	if r.Before != nil && r.Before.url != r.URL {
		r.Before = nil
	}
	if b := r.Before; b != nil {
		conditional(q.Header, b)
	}
	resp, err := c.client(&r).Do(q)
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return read(resp, &r)
}

func conditional(h http.Header, b *Document) {
	if b.etag != "" {
		h.Set("If-None-Match", b.etag)
	}
	if b.modified != "" {
		h.Set("If-Modified-Since", b.modified)
	}
}

// client is made for one request, so that there is nothing to close: documents are fetched minutes apart.
func (c *Client) client(r *Request) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				deadline, bounded := ctx.Deadline()
				if !bounded { // the library dials for whoever needs a connection next, not for one request
					deadline = time.Now().Add(r.Timeout)
				}
				return c.dial(network, address, deadline)
			},
			TLSClientConfig:        &tls.Config{RootCAs: r.Roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

func read(resp *http.Response, r *Request) (*Document, error) {
	switch {
	case resp.StatusCode == http.StatusNotModified && r.Before != nil:
		same := *r.Before
		same.At, same.MaxAge = time.Now(), maxAge(resp.Header)
		return &same, nil
	case resp.StatusCode/100 == 3:
		return nil, fmt.Errorf("it answers %d, and redirects are not followed", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.Most+1))
	switch {
	case err != nil:
		return nil, bare(err)
	case int64(len(body)) > r.Most:
		return nil, fmt.Errorf("it is larger than %d bytes", r.Most)
	}
	return &Document{
		Body: body, Type: resp.Header.Get("Content-Type"), MaxAge: maxAge(resp.Header), At: time.Now(),
		url: r.URL, etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"),
	}, nil
}

// maxAge reads how long a document may be kept (RFC 9111 §5.2.2.1), no longer than a day.
func maxAge(h http.Header) time.Duration {
	for item := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil && strings.EqualFold(name, "max-age") {
			return min(time.Duration(n)*time.Second, 24*time.Hour)
		}
	}
	return 0
}

// bare is an error without the URL.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// errLink is why an address of the link is not dialled.
var errLink = errors.New("it is at an address of the link")

func dialNetwork(network, address string, deadline time.Time) (net.Conn, error) {
	d := net.Dialer{Deadline: deadline, Control: func(_, address string, _ syscall.RawConn) error {
		if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Unmap().IsLinkLocalUnicast() {
			return errLink
		}
		return nil
	}}
	return d.Dial(network, address)
}

// Again returns how long to wait before another try after some that failed in a row: a second, then twice as long each time up to most, and
// up to a fifth more, so that many gateways do not ask at once.
func Again(failures int, most time.Duration) time.Duration {
	wait := min(time.Second<<min(max(failures-1, 0), 20), most)
	return wait + rand.N(wait/5+1)
}

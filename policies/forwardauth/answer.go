package forwardauth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is what the service says: a decision, kept apart from the connection that it came on.

type outcome uint8

const (
	unclear    outcome = iota // no decision
	allowed                   // 2xx
	denied                    // 401, 403
	redirected                // to where the client can show who it is
)

// An answer is a decision. Requests share one that is kept.
type answer struct {
	how     outcome
	err     error // why it is unclear
	open    bool  // unclear in a way that fail_open is for
	until   time.Time
	keep    bool // until then
	size    int  // of what it holds, roughly
	subject string

	consumer string
	onward   [][2]string // fields that the request goes on with
	back     [][2]string // fields that the client gets

	// For denials.
	status int
	header wire.Header
	body   []byte
}

const (
	maxBody  = 64 << 10 // of a denial; one that is larger is sent without
	keepBody = 4 << 10  // of a denial that is kept
	maxHeld  = 16 << 10 // of an answer that is kept
)

func failed(err error) *answer { return &answer{err: err, open: true} }

// read makes an answer of the response and closes that.
func (g *gate) read(resp *wire.Response) *answer {
	defer resp.Close()
	a := &answer{status: resp.Status, keep: keepable(&resp.Header)}
	switch s := resp.Status; {
	case s >= 200 && s < 300:
		a.how = allowed
		a.onward, a.back = copyOf(&resp.Header, g.ResponseHeaders), copyOf(&resp.Header, g.ClientHeaders)
		if g.Subject != "" {
			a.subject = resp.Header.Get(g.Subject)
		}
		if g.Consumer != "" {
			a.consumer = resp.Header.Get(g.Consumer)
		}
	case s == 401 || s == 403:
		a.how = denied
	case s == 301 || s == 302 || s == 303 || s == 307 || s == 308:
		a.how, a.keep = redirected, false
	default:
		return &answer{err: fmt.Errorf("the service answers %d, which is no decision", s), open: s >= 500}
	}
	if a.how != allowed {
		a.header = resp.Header.Clone()
		a.header.DelKnown(wire.Date)
		a.header.DelKnown(wire.Server)
		a.body = bodyOf(resp)
	}
	a.size = a.weigh()
	return a
}

// bodyOf reads the body of a denial.
func bodyOf(resp *wire.Response) []byte {
	if resp.Body == nil {
		return nil
	}
	b, err := policy.ReadAll(resp.Body, resp.Length, maxBody)
	if err != nil {
		return nil
	}
	return b
}

// copyOf lists the fields of those names, each as often as it is there.
func copyOf(h *wire.Header, names []string) (out [][2]string) {
	for _, n := range names {
		for _, v := range h.Values(n) {
			out = append(out, [2]string{n, v})
		}
	}
	return out
}

// keepable says whether the service allows an answer to be kept (RFC 9111 §5.2.2), and whether that makes sense: a cookie is for one.
func keepable(h *wire.Header) bool {
	if h.HasKnown(wire.SetCookie) {
		return false
	}
	for _, v := range h.Values("Cache-Control") {
		for item := range strings.SplitSeq(v, ",") {
			item, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(item)), "=")
			if item == "no-store" || item == "no-cache" || item == "private" {
				return false
			}
		}
	}
	return true
}

func (a *answer) weigh() int {
	n := 256 + len(a.body) + len(a.subject) + len(a.consumer)
	for _, list := range [][][2]string{a.onward, a.back} {
		for _, f := range list {
			n += 32 + len(f[0]) + len(f[1])
		}
	}
	for name, value := range a.header.All() {
		n += 40 + len(name) + len(value)
	}
	return n
}

// response is a denial as the client gets it.
func (a *answer) response() *wire.Response {
	resp := &wire.Response{Status: a.status, Header: a.header.Clone(), Length: int64(len(a.body))}
	if len(a.body) > 0 {
		resp.Body = wire.BytesBody(a.body)
	}
	return resp
}

// ends says whether an error of the call is the request's own: its client went away.
func ends(err error) bool {
	return errors.Is(err, wire.ErrClientGone) || problem.From(err).Status < 500
}

package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sallyport/config"
	"sallyport/problem"
	"sallyport/wire"
)

// This file writes errors the way other gateways do, for clients that were made for these and read their bodies. What an error is called
// in logs and metrics stays; the words stand in dialectwords.go.

// A dialect is how another gateway words its errors.
type dialect struct {
	name string
	// words are what it says, by problem, by problem and policy, and by problem, policy and reason, such as
	// "invalid_token/jwt/expired"; the closest entry counts. What has none is told by its status.
	words map[string]wording
	write func(w wording, p *problem.Problem, id string) (kind string, body []byte)
	// header are the fields of its errors.
	header func(h *wire.Header, w wording, id string)
}

// A wording is one error in a dialect.
type wording struct {
	status int // 0 for that of the problem
	text   string
	kind   string // of the error, where a dialect has kinds
}

// dialectOf returns the dialect that an error of f is told in, nil for the gateway's own. Before the routes were asked it is always that.
func (f *flow) dialectOf() *dialect {
	switch {
	case f.rule != nil:
		return f.rule.Value.dialect
	case f.of != nil:
		return f.of.dialect
	case f.sought:
		return f.snapshot.dialectAt(f.x.Request)
	}
	return nil
}

// wording is what d says of p, with its status and text filled in.
func (d *dialect) wording(f *flow, p *problem.Problem) wording {
	who, name := f.x.Denied, p.Name
	if p.Status == problem.UpstreamOut.Status { // a call of a composition, too
		name = problem.UpstreamOut.Name
	}
	w, found := d.words[name+"/"+who.Policy+"/"+who.Reason]
	if !found {
		w, found = d.words[name+"/"+who.Policy]
	}
	if !found {
		w, found = d.words[name]
	}
	if !found {
		w = d.words[strconv.Itoa(p.Status/100)+"xx"]
	}
	if w.status == 0 {
		w.status = p.Status
	}
	switch { // no text comes from outside
	case w.text == "":
		w.text = http.StatusText(w.status)
	case strings.Contains(w.text, "%s"):
		w.text = fmt.Sprintf(w.text, waitOf(p))
	}
	return w
}

// waitOf is the value of Retry-After in an answer of p.
func waitOf(p *problem.Problem) string {
	for _, h := range p.Header {
		if wire.EqualFold(h[0], "Retry-After") {
			return h[1]
		}
	}
	return "1"
}

// answer makes the response that tells the client of p.
func (d *dialect) answer(f *flow, p *problem.Problem) *wire.Response {
	w := d.wording(f, p)
	kind, body := d.write(w, p, f.x.ID)
	resp := &wire.Response{Status: w.status, Body: wire.BytesBody(body), Length: int64(len(body)), Break: p.Break}
	resp.Header.SetKnown(wire.ContentType, kind)
	for _, h := range p.Header {
		if said(h[0], w.status) {
			resp.Header.Add(h[0], h[1])
		}
	}
	d.header(&resp.Header, w, f.x.ID)
	return resp
}

// said says whether a field of a problem belongs to an answer of that status: some are about one status only.
func said(name string, status int) bool {
	switch wire.NameOf(name) {
	case wire.Allow:
		return status == 405
	case wire.WWWAuthenticate:
		return status == 401
	}
	return true
}

// A dialectPlace is where a dialect is spoken: all of an api.
type dialectPlace struct {
	place
	*dialect // nil for the gateway's own
}

// dialectAt is the dialect of the api that r is for by host and base path.
func (s *snapshot) dialectAt(r *wire.Request) *dialect {
	var best *dialectPlace
	for i := range s.dialects {
		if p := &s.dialects[i]; p.holds(r) && (best == nil || p.before(&best.place)) {
			best = p
		}
	}
	if best == nil {
		return nil
	}
	return best.dialect
}

// dialects keeps where which dialect is spoken, if any is: an api without one that is more specific keeps its own.
func (b *builder) dialects() {
	if !slices.ContainsFunc(b.doc.APIs, func(a config.API) bool { return dialects[a.Dialect] != nil }) {
		return
	}
	for _, a := range b.doc.All() {
		b.snapshot.dialects = append(b.snapshot.dialects, dialectPlace{placeOfAPI(a), dialects[a.Dialect]})
	}
}

func plainJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // texts and numbers cannot fail
	}
	return out
}

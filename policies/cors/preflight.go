package cors

import (
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// Preflight answers a browser that asks whether a page may send a request. It tells what is allowed, and the browser compares: so it
// can say in its console what is missing. A page that is not allowed anything gets an answer that says nothing, which browsers take for a
// no.
func (c *cors) Preflight(x *policy.Exchange, methods func() string) (*wire.Response, error) {
	r := x.Request
	if c.forward {
		return nil, nil //nolint:nilnil // as Preflighter has it
	}
	from, _ := c.page(r)
	resp := &wire.Response{Status: 204}
	h := &resp.Header
	h.AddKnown(wire.Vary, c.vary)
	if from == "" {
		return resp, nil
	}
	h.Add(allowOrigin, from)
	if c.credentials {
		h.Add(allowCredentials, "true")
	}
	if list := c.methods; list != "" {
		h.Add(allowMethods, list)
	} else if list = methods(); list != "" {
		h.Add(allowMethods, list)
	}
	if list := c.headers; list != "" {
		h.Add(allowHeaders, list)
	} else if list = asked(&r.Header); list != "" {
		h.Add(allowHeaders, list)
	}
	h.Add(maxAge, c.maxAge)
	if c.private && r.Header.Get(requestPrivateNetwork) == "true" {
		h.Add(allowPrivateNetwork, "true")
	}
	return resp, nil
}

// asked returns the names that a preflight asks for, if it is a list of names and nothing else.
func asked(h *wire.Header) string {
	list, found, once := h.Single(requestHeaders)
	if !found || !once || len(list) > maxAsked {
		return ""
	}
	for rest := list; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		if !wire.ValidToken(strings.Trim(item, " \t")) {
			return ""
		}
	}
	return list
}

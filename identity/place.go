package identity

// Where a request shows its credential. Everything that asks for one reads it in here, so that all agree on what there is.

import (
	"strings"

	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// A Place is where a credential stands: header:NAME, query:NAME or cookie:NAME. It is a setting that reads itself.
type Place struct {
	in   string // "header", "query" or "cookie"; "" in the zero value, which is nowhere
	name string
	id   wire.Name
}

// ParsePlace reads a place as it is written in the document.
func ParsePlace(text string) (Place, string) {
	in, name, _ := strings.Cut(text, ":")
	name = strings.TrimSpace(name)
	switch in {
	case "header":
		if !wire.ValidToken(name) {
			return Place{}, "no header is called that; write a place such as header:X-API-Key"
		}
		return Place{in, name, wire.NameOf(name)}, ""
	case "cookie":
		if !wire.ValidToken(name) {
			return Place{}, "no cookie is called that; write a place such as cookie:api_key"
		}
		return Place{in: in, name: name}, ""
	case "query":
		if name == "" {
			return Place{}, "the name of the parameter is missing; write a place such as query:api_key"
		}
		return Place{in: in, name: name}, ""
	}
	return Place{}, "it is no place; write header:NAME, query:NAME or cookie:NAME"
}

// UnmarshalNode reads the setting out of the document.
func (p *Place) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	place, wrong := ParsePlace(n.Text)
	if n.Kind == schema.Map || n.Kind == schema.List {
		wrong = n.Kind.String() + " is given where a place is wanted, such as header:X-API-Key"
	} else if wrong != "" {
		wrong = "\"" + n.Text + "\": " + wrong
	}
	if wrong != "" {
		errs.Add(n, path, "%s", wrong)
		return errs
	}
	*p = place
	return nil
}

// JSONSchema describes the setting for editors.
func (p *Place) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": "^(header|query|cookie):.+$", "examples": []any{"header:X-API-Key", "query:api_key", "cookie:api_key"}}
}

// SchemaKind says what the setting is, for the reference.
func (*Place) SchemaKind() string { return "header:NAME, query:NAME or cookie:NAME" }

// String is the place as it is written in the document.
func (p Place) String() string { return p.in + ":" + p.name }

// In is header, query or cookie.
func (p Place) In() string { return p.in }

// Name is that of the field, parameter or cookie.
func (p Place) Name() string { return p.name }

// Twice is the problem of a request that shows two credentials where one belongs: whichever is taken, somebody else may take the other.
func twice(where string) error {
	return problem.BadRequest.New("The request has more than one credential in %s.", where)
}

// Twice is the problem of a request that shows credentials in two places that differ.
func Twice() error { return twice("all") }

// Take returns what stands there. More than one value is a bad request, whatever they are; several in one header value, such as
// "a,b", are one value, which will match nobody's. White space around a value of a header or cookie is no part of it (RFC 9110 §5.5); an empty value is found
// and is nobody's.
func (p Place) Take(r *wire.Request) (value string, found bool, err error) {
	n, valid := 0, true
	switch p.in {
	case "header":
		for i := range r.Header.Len() {
			if f := r.Header.At(i); p.is(f) {
				value = f.Value
				n++
			}
		}
		value = strings.Trim(value, " \t")
	case "cookie":
		r.Header.Cookies(func(name, v string) bool {
			if name == p.name {
				value = v
				n++
			}
			return true
		})
	case "query":
		value, n, valid = p.parameter(r.Query)
	}
	switch {
	case n > 1:
		return "", true, twice("its " + p.word())
	case !valid:
		return "", true, problem.BadRequest.New("The credential in the query has an escape that is none.")
	}
	return value, n == 1, nil
}

// parameter looks for p in a query. Names that differ in how they are escaped are one name.
func (p Place) parameter(query string) (value string, n int, valid bool) {
	valid = true
	for query != "" {
		rest := query
		v, found, ok := wire.Param(query, p.name)
		if !found {
			break
		}
		value, valid = v, valid && ok
		n++
		if query = after(rest, p.name); n > 1 {
			break
		}
	}
	return value, n, valid
}

// after is what follows the first parameter of that name in query.
func after(query, name string) string {
	for query != "" {
		pair, rest, _ := strings.Cut(query, "&")
		if _, found, _ := wire.Param(pair, name); found {
			return rest
		}
		query = rest
	}
	return ""
}

func (p Place) word() string {
	if p.in == "cookie" {
		return "cookies"
	}
	return p.in
}

func (p Place) is(f *wire.Field) bool {
	return f.ID() == p.id && (p.id != wire.Other || wire.EqualFold(f.Name, p.name))
}

// Remove takes the credential out of r, so that it does not reach the upstream: also from fields whose names servers behind a gateway
// read as the same one, such as X_API_Key.
func (p Place) Remove(r *wire.Request) {
	switch p.in {
	case "header":
		r.Header.DelAlike(p.name)
	case "cookie":
		p.removeCookie(&r.Header)
	case "query":
		p.removeParameter(r)
	}
}

func (p Place) removeParameter(r *wire.Request) {
	if _, found, _ := wire.Param(r.Query, p.name); !found {
		return
	}
	var kept []byte
	for query := r.Query; query != ""; {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if _, found, _ := wire.Param(pair, p.name); found {
			continue
		}
		if len(kept) > 0 {
			kept = append(kept, '&')
		}
		kept = append(kept, pair...)
	}
	r.Query = string(kept)
}

func (p Place) removeCookie(h *wire.Header) {
	if _, found := h.Cookie(p.name); !found {
		return
	}
	var kept []string
	for _, line := range h.Values("Cookie") {
		for one := range strings.SplitSeq(line, ";") {
			one = strings.Trim(one, " \t")
			if name, _, _ := strings.Cut(one, "="); one != "" && strings.Trim(name, " \t") != p.name {
				kept = append(kept, one)
			}
		}
	}
	if h.DelKnown(wire.Cookie); len(kept) > 0 {
		h.SetKnown(wire.Cookie, strings.Join(kept, "; "))
	}
}

// Authorization returns the credentials of the Authorization field if they are of that scheme, such as Bearer (RFC 9110 §11.6.2). More than one
// such field is a bad request.
func Authorization(r *wire.Request, scheme string) (value string, found bool, err error) {
	n := 0
	for i := range r.Header.Len() {
		if f := r.Header.At(i); f.Is(wire.Authorization) {
			value = f.Value
			n++
		}
	}
	switch {
	case n == 0:
		return "", false, nil
	case n > 1:
		return "", true, twice("Authorization")
	}
	value = strings.Trim(value, " \t")
	if len(value) < len(scheme) || !wire.EqualFold(value[:len(scheme)], scheme) {
		return "", false, nil
	}
	rest := value[len(scheme):]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false, nil
	}
	return strings.Trim(rest, " \t"), true, nil
}

// RemoveAuthorization takes the Authorization field out of r.
func RemoveAuthorization(r *wire.Request) { r.Header.DelKnown(wire.Authorization) }

// Realm is what a challenge calls the place that credentials are for (RFC 9110 §11.5): the api of what is built at a place of the document, see plug.Env.Where.
func Realm(where string) string {
	api, _, _ := strings.Cut(where, "/")
	if api == "" || api == "policies" {
		return "default"
	}
	return api
}

package policy

// The variables of expressions, as an exchange gives them: package expr says which there are and asks by these
// methods, without knowing of exchanges.

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"sallyport/problem"
	"sallyport/wire"
)

// maxParams bounds how many query parameters or cookies a map of all of them takes.
const maxParams = 1000

// LookupText returns a variable that is text: a field of a root (key is ""), or an entry of a map. Of a list it tells whether key is
// in it. found is false when the request has no such thing; an error is a problem of the request.
func (x *Exchange) LookupText(root, field, key string) (value string, found bool, err error) {
	switch root {
	case "request":
		return x.requestText(field, key)
	case "client":
		return x.clientIP(), field == "ip" && x.Client.IsValid(), nil
	case "auth":
		return x.authText(field, key)
	case "consumer":
		return x.consumerText(field, key)
	case "route":
		return x.Route, field == "name", nil
	case "api":
		if field == "version" {
			return x.Version, true, nil
		}
		return x.API, field == "name", nil
	}
	return "", false, nil
}

func (x *Exchange) requestText(field, key string) (string, bool, error) {
	r := x.Request
	switch field {
	case "method":
		return r.Method, true, nil
	case "path":
		return r.Path.Text, true, nil
	case "raw_path":
		return readable(r.Path.Raw), true, nil
	case "host":
		return r.Host, true, nil
	case "scheme":
		return r.Scheme, true, nil
	case "protocol":
		return r.Proto.String(), true, nil
	case "id":
		return x.ID, true, nil
	case "headers":
		v, found := requestHeader(r, key)
		return readable(v), found, nil
	case "query":
		v, found, valid := wire.Param(r.Query, key)
		if !valid {
			return "", false, badQuery()
		}
		return readable(v), found, nil
	case "cookies":
		v, found := r.Header.Cookie(key)
		return readable(v), found, nil
	case "params":
		v, found := x.Param(key)
		return readable(v), found, nil
	case "raw_params":
		return x.rawParam(key)
	case "raw_query":
		return r.Query, r.Query != "", nil
	}
	return "", false, nil
}

// badQuery is the client's fault: nobody can tell what it meant.
func badQuery() error {
	return problem.BadRequest.New("The query holds a percent sign that begins no escape.")
}

// rawParam is a parameter as it stands in the path.
func (x *Exchange) rawParam(name string) (string, bool, error) {
	for i := range x.Params {
		if x.Params[i].Name == name {
			return x.Params[i].Raw, x.Params[i].Raw != "" || x.Params[i].Value == "", nil
		}
	}
	return "", false, nil
}

// madeAnew names the fields that the engine takes out while reading, and makes anew when it forwards.
var madeAnew = [...]string{"host", "content-length", "upgrade"}

// requestHeader returns a field of the request, those made anew included.
func requestHeader(r *wire.Request, name string) (string, bool) {
	switch {
	case wire.EqualFold(name, "host"):
		if r.Port == "" || r.Host == "" {
			return r.Host, r.Host != ""
		}
		return r.Host + ":" + r.Port, true
	case wire.EqualFold(name, "content-length"):
		if r.Body == nil || r.Length < 0 {
			return "", false
		}
		return strconv.FormatInt(r.Length, 10), true
	case wire.EqualFold(name, "upgrade"):
		return r.Upgrade, r.Upgrade != ""
	}
	return r.Header.Lookup(name)
}

// readable makes text of bytes that are no UTF-8: each byte is the character of that number (ISO 8859-1, which is what a field value was
// before UTF-8). A rule that looks for text must not fail on one odd byte beside it.
func readable(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func (x *Exchange) clientIP() string {
	if x.client == "" && x.Client.IsValid() {
		var room [64]byte
		x.client = x.Request.Keep(x.Client.AppendTo(room[:0]))
	}
	return x.client
}

func (x *Exchange) authText(field, key string) (string, bool, error) {
	known := x.Auth.Type != ""
	switch field {
	case "type":
		return x.Auth.Type, true, nil
	case "subject":
		return x.Auth.Subject, known, nil
	case "issuer":
		return x.Auth.Issuer, known, nil
	case "scopes":
		return has(x.Auth.Scopes, key)
	}
	return "", false, nil
}

func (x *Exchange) consumerText(field, key string) (string, bool, error) {
	if x.Consumer == nil {
		return "", false, nil
	}
	switch field {
	case "name":
		return x.Consumer.Name, true, nil
	case "plan":
		return x.Consumer.Plan, true, nil
	case "tags":
		return has(x.Consumer.Tags, key)
	}
	return "", false, nil
}

func has(list []string, item string) (string, bool, error) {
	for _, s := range list {
		if s == item {
			return s, true, nil
		}
	}
	return "", false, nil
}

// LookupInt returns a variable that is an integer.
func (x *Exchange) LookupInt(root, field string) (value int64, found bool, err error) {
	switch {
	case root == "client" && field == "port":
		return int64(x.Port), x.Port != 0, nil
	case root == "request" && field == "size":
		return x.Request.Length, x.Request.Length >= 0, nil
	}
	return 0, false, nil
}

// Lookup returns any variable; whole maps and lists for an empty key.
func (x *Exchange) Lookup(root, field, key string) (value any, found bool, err error) {
	switch {
	case root == "auth" && field == "claims":
		return x.claim(key)
	case root == "auth" && field == "scopes":
		return list(x.Auth.Scopes), true, nil
	case root == "consumer" && field == "tags":
		if x.Consumer == nil {
			return []string{}, true, nil
		}
		return list(x.Consumer.Tags), true, nil
	case root == "request" && field == "body":
		return x.JSON()
	case root == "request" && field == "time":
		return x.Start, true, nil
	case root == "request" && field == "header_values":
		v, found := requestHeader(x.Request, key)
		return headerValues(&x.Request.Header, key, v, found), true, nil
	case root == "request" && key == "" && isMap(field):
		return x.whole(field)
	case root == "request" && field == "size" || root == "client" && field == "port":
		n, found, err := x.LookupInt(root, field)
		return n, found, err
	}
	s, found, err := x.LookupText(root, field, key)
	if err != nil || !found {
		return nil, false, err
	}
	return s, true, nil
}

// list is never nil, which would be null.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func (x *Exchange) claim(name string) (any, bool, error) {
	if name != "" {
		v, found := x.Auth.Claims[name]
		return v, found, nil
	}
	if x.Auth.Claims == nil {
		return map[string]any{}, true, nil
	}
	return x.Auth.Claims, true, nil
}

func isMap(field string) bool {
	return field == "headers" || field == "query" || field == "cookies" || field == "params"
}

// whole makes a map of all headers, query parameters, cookies or path parameters, of each name the first.
func (x *Exchange) whole(field string) (any, bool, error) {
	r := x.Request
	out := map[string]string{}
	var err error
	put := func(name, value string) bool {
		if _, twice := out[name]; !twice {
			out[name] = readable(value)
		}
		if len(out) > maxParams {
			err = problem.BadRequest.New("The request has more than %d parameters.", maxParams)
		}
		return err == nil
	}
	switch field {
	case "headers":
		allHeaders(&r.Header, put)
		for _, name := range madeAnew {
			if v, found := requestHeader(r, name); found {
				put(name, v)
			}
		}
	case "cookies":
		r.Header.Cookies(put)
	case "params":
		for _, p := range x.Params {
			put(p.Name, p.Value)
		}
	case "query":
		wire.Params(r.Query, func(name, value string, valid bool) bool {
			if !valid {
				err = badQuery()
				return false
			}
			return put(readable(name), value)
		})
	}
	return out, err == nil, err
}

func allHeaders(h *wire.Header, put func(name, value string) bool) {
	for name, value := range h.All() {
		if !put(strings.ToLower(name), value) {
			return
		}
	}
}

// headerValues lists the values of a field; first is the only one of a field that is made anew.
func headerValues(h *wire.Header, name, first string, found bool) []string {
	values := list(h.Values(name))
	if len(values) == 0 && found {
		values = []string{first}
	}
	for i := range values {
		values[i] = readable(values[i])
	}
	return values
}

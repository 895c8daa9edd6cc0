package expr

// The requests that the tests ask of, written as HTTP or JSON.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/wire"
)

// readVars makes variables of a file: an HTTP/1.1 request as it is on the wire (line ends may be LF), or JSON such as
// {"request": {"method": "GET", "headers": {"x-a": "1"}}, "auth": {"subject": "alice"}, "response": {"status": 200}}
// with any of the variables.
func readVars(data []byte) (Vars, error) {
	if bytes.TrimSpace(data)[0] == '{' {
		return jsonVars(data)
	}
	return httpVars(data)
}

// given is variables by root and field.
type given map[string]map[string]any

func newGiven() given {
	return given{
		"request": {
			"method": "GET", "path": "/", "raw_path": "/", "host": "localhost", "scheme": "http", "protocol": "HTTP/1.1", "size": int64(0),
			"id": "01900000-0000-7000-8000-000000000000", "time": time.Now(),
			"headers": map[string]any{}, "query": map[string]any{}, "cookies": map[string]any{}, "params": map[string]any{},
		},
		"client":   {"ip": "127.0.0.1", "port": int64(50000)},
		"auth":     {"type": "", "scopes": []any{}, "claims": map[string]any{}},
		"consumer": {"tags": []any{}},
		"route":    {"name": "GET /"},
		"api":      {"name": "default", "version": ""},
	}
}

func jsonVars(data []byte) (Vars, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var file map[string]map[string]any
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("the variables are no JSON of the form {\"request\": {…}}: %w", err)
	}
	out := newGiven()
	for name, fields := range file {
		root := rootNamed(name)
		if root == nil {
			return nil, fmt.Errorf("there is no variable %q%s", name, didYouMean(name, []string{"request", "client", "auth", "consumer", "route", "api", "response"}, ""))
		}
		if out[name] == nil {
			out[name] = map[string]any{}
		}
		for field, value := range fields {
			f, ok := root.field(field)
			if !ok {
				return nil, fmt.Errorf("%s has no field %q%s", name, field, didYouMean(field, root.names(), ""))
			}
			v, err := f.shape.read(value)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", name, field, err)
			}
			out[name][field] = v
		}
	}
	return out, nil
}

// read checks a value of a file.
func (s shape) read(v any) (any, error) {
	ok := true
	switch s {
	case text:
		_, ok = v.(string)
	case whole:
		n, isNumber := v.(json.Number)
		i, err := n.Int64()
		if ok = isNumber && err == nil; ok {
			return i, nil
		}
	case texts, facts:
		_, ok = v.(map[string]any)
	case names:
		_, ok = v.([]any)
	case when:
		t, err := time.Parse(time.RFC3339, fmt.Sprint(v))
		return t, err
	}
	if !ok {
		return nil, fmt.Errorf("%s stands there", kindOf(v))
	}
	return v, nil
}

func httpVars(data []byte) (Vars, error) {
	head, body, _ := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	r := &wire.Request{Scheme: "http"}
	parts := strings.Split(lines[0], " ")
	if len(parts) != 3 || !wire.ValidToken(parts[0]) || !strings.HasPrefix(parts[2], "HTTP/") {
		return nil, errors.New(`the request does not begin with a line such as "GET /path HTTP/1.1"`)
	}
	r.Method = parts[0]
	if fault := wire.ParseTarget(r, parts[1]); fault != nil {
		return nil, fault
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if value = strings.Trim(value, " \t"); !ok || !wire.ValidToken(name) || !wire.ValidValue(value) {
			return nil, fmt.Errorf("the line %q is no header field", clip(line))
		}
		if wire.EqualFold(name, "Host") {
			if fault := wire.ParseAuthority(value, r); fault != nil {
				return nil, fault
			}
		}
		r.Header.Add(name, value)
	}
	return requestGiven(r, parts[2], body)
}

func requestGiven(r *wire.Request, protocol, body string) (Vars, error) {
	out := newGiven()
	v := out["request"]
	v["method"], v["path"], v["raw_path"], v["host"], v["protocol"] = r.Method, r.Path.Text, r.Path.Raw, r.Host, protocol
	headers, query, cookies := v["headers"].(map[string]any), v["query"].(map[string]any), v["cookies"].(map[string]any)
	for name, value := range r.Header.All() {
		name = strings.ToLower(name)
		list, _ := headers[name].([]any)
		headers[name] = append(list, value)
	}
	wire.Params(r.Query, func(name, value string, _ bool) bool {
		if query[name] == nil {
			query[name] = value
		}
		return true
	})
	r.Header.Cookies(func(name, value string) bool {
		if cookies[name] == nil {
			cookies[name] = value
		}
		return true
	})
	if body == "" {
		return out, nil
	}
	v["size"] = int64(len(body))
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err == nil {
		v["body"] = decoded
	}
	return out, nil
}

// entry returns an entry of a map; of a list its first item.
func (g given) entry(root, field, key string) (any, bool) {
	m, _ := g[root][field].(map[string]any)
	v, found := m[key]
	if field == "headers" && !found {
		v, found = m[strings.ToLower(key)]
	}
	if list, ok := v.([]any); ok && field != "claims" {
		if len(list) == 0 {
			return nil, false
		}
		v = list[0]
	}
	return v, found
}

// Lookup returns any variable.
func (g given) Lookup(root, field, key string) (any, bool, error) {
	switch {
	case field == "header_values":
		m, _ := g[root]["headers"].(map[string]any)
		out := []string{}
		for _, v := range asItems(m[strings.ToLower(key)]) {
			s, err := textOf(v)
			if err != nil {
				return nil, false, err
			}
			out = append(out, s)
		}
		return out, true, nil
	case key != "":
		v, found := g.entry(root, field, key)
		return v, found, nil
	}
	v, found := g[root][field]
	m, isMap := v.(map[string]any)
	if r := rootNamed(root); !isMap || r == nil {
		return v, found, nil
	} else if f, _ := r.field(field); f.shape != texts {
		return v, found, nil
	}
	out := make(map[string]string, len(m))
	for name := range m {
		e, _ := g.entry(root, field, name)
		out[name], _ = textOf(e)
	}
	return out, true, nil
}

func asItems(v any) []any {
	switch l := v.(type) {
	case nil:
		return nil
	case []any:
		return l
	}
	return []any{v}
}

// LookupText returns a variable that is text.
func (g given) LookupText(root, field, key string) (string, bool, error) {
	v, found := g[root][field]
	if list, ok := v.([]any); ok {
		for _, item := range list {
			if item == any(key) {
				return key, true, nil
			}
		}
		return "", false, nil
	}
	if _, isMap := v.(map[string]any); isMap {
		v, found = g.entry(root, field, key)
	}
	if !found {
		return "", false, nil
	}
	s, err := textOf(v)
	return s, err == nil, err
}

// LookupInt returns a variable that is an integer.
func (g given) LookupInt(root, field string) (int64, bool, error) {
	n, ok := g[root][field].(int64)
	return n, ok, nil
}

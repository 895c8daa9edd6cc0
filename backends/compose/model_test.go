package compose

// The slow model that random compositions are compared with: it makes one call after the other, and knows no spans.

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A result is what the model knows of a call.
type result struct {
	ok, absent, partial bool
	body                string   // "" for none
	list                []string // of a repeated call
}

// model makes the calls one by one.
func (p *plan) model(answer func(string) (int, string)) string {
	all := make([]result, len(p.calls))
	for i, c := range p.calls {
		r := &all[i]
		wrong := p.call(c, all, answer, r)
		if wrong != "" {
			return "502 compose_failed The call " + c.name + " " + wrong + "."
		}
	}
	return p.answer(all)
}

// call makes one call, and returns why it failed if it must not.
func (p *plan) call(c planned, all []result, answer func(string) (int, string), r *result) (wrong string) {
	if c.when >= 0 {
		w := all[c.when]
		if holds := w.ok || p.calls[c.when].each >= 0 && len(w.list) > 0; !holds {
			r.absent = true
			return ""
		}
	}
	path := "/" + c.name
	lacks := false
	if c.from >= 0 {
		id, found := member(all[c.from].body, "id")
		if path += "/" + id; !found {
			lacks = true
		}
	}
	if c.each < 0 {
		if lacks {
			return c.fails(r, "cannot be made of what the others answered")
		}
		return c.send(path, answer, r)
	}
	items, found := list(all[c.each].body)
	if !found {
		r.partial = c.onError != fail
		return []string{"cannot be made of what the others answered", "", ""}[c.onError]
	}
	for _, item := range items {
		one := result{}
		if lacks {
			wrong = c.fails(&one, "cannot be made of what the others answered")
		} else {
			wrong = c.send(path+"/"+item, answer, &one)
		}
		if wrong != "" {
			return wrong
		}
		r.partial = r.partial || one.partial
		if !one.absent {
			r.list = append(r.list, one.body)
		}
	}
	return ""
}

func (c planned) send(path string, answer func(string) (int, string), r *result) string {
	status, body := answer(path)
	switch {
	case status == 0:
		return c.fails(r, "got no answer")
	case status == 404 && c.accepts:
	case status >= 300:
		return c.fails(r, "was answered with "+strconv.Itoa(status))
	case strings.HasPrefix(body, `{"id":1,"id"`):
		return c.fails(r, "was answered with what is no good JSON")
	}
	r.ok, r.body = status < 300, body
	return ""
}

func (c planned) fails(r *result, why string) string {
	switch c.onError {
	case fail:
		return why
	case omit:
		r.partial, r.absent = true, true
	default:
		r.partial, r.body = true, `{"id":"d","items":["x"]}`
	}
	return ""
}

func (p *plan) answer(all []result) string {
	var members, partial []string
	for i, c := range p.calls {
		r := all[i]
		if r.partial {
			partial = append(partial, c.name)
		}
		switch {
		case c.each >= 0:
			members = append(members, `"`+c.name+`":[`+strings.Join(r.list, ",")+"]")
		case !r.absent:
			members = append(members, `"`+c.name+`":`+r.body)
		}
	}
	body := "{" + strings.Join(members, ",") + "}"
	if p.merge {
		var clash string
		if body, clash = merged(p, all); clash != "" {
			return "502 compose_failed The call " + clash + " brought a name that another one has as well."
		}
	}
	return "200 [" + strings.Join(partial, ", ") + "] " + body
}

// merged joins all bodies, whose members count as they came last, but that lists may be put behind each other; or it names the call whose answer must not be joined.
func merged(p *plan, all []result) (body, clash string) {
	var names []string
	values := map[string]string{}
	found := false
	for i := range p.calls {
		bodies := all[i].list
		if p.calls[i].each < 0 && !all[i].absent {
			bodies = []string{all[i].body}
		}
		for _, b := range bodies {
			if len(bodies) == 1 && !found && single(p, all) {
				return b, ""
			}
			found = true
			for _, name := range []string{"z", "id", "items", "n"} {
				v, has := raw(b, name)
				old, had := values[name]
				switch {
				case !has:
					continue
				case had && p.objects == "error":
					return "", p.calls[i].name
				case had && name == "items" && p.objects == "deep" && p.arrays == "concat":
					v = joined(old, v)
				}
				values[name] = v
			}
			names = inOrder(names, b)
		}
	}
	if !found {
		return "null", ""
	}
	for i, n := range names {
		names[i] = `"` + n + `":` + values[n]
	}
	return "{" + strings.Join(names, ",") + "}", ""
}

// single says whether there is one body in all, which stays as it is.
func single(p *plan, all []result) bool {
	n := 0
	for i := range p.calls {
		if n += len(all[i].list); p.calls[i].each < 0 && !all[i].absent {
			n++
		}
	}
	return n == 1
}

func inOrder(names []string, b string) []string {
	d := json.NewDecoder(strings.NewReader(b))
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return names
		}
		switch v := t.(type) {
		case json.Delim:
			if depth++; v == '}' || v == ']' {
				depth -= 2
			}
		case string:
			if depth == 1 && (v == "z" || v == "id" || v == "items" || v == "n") && !contains(names, v) {
				names = append(names, v)
			}
		}
	}
}

func contains(list []string, s string) bool {
	return strings.Contains(","+strings.Join(list, ",")+",", ","+s+",")
}

func joined(a, b string) string {
	x, y := strings.TrimSpace(a[1:len(a)-1]), strings.TrimSpace(b[1:len(b)-1])
	if x == "" || y == "" {
		return "[" + x + y + "]"
	}
	return "[" + x + "," + y + "]"
}

func raw(b, name string) (string, bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(b), &m) != nil || m[name] == nil {
		return "", false
	}
	return string(m[name]), true
}

func member(b, name string) (string, bool) {
	v, found := raw(b, name)
	return strings.ReplaceAll(strings.Trim(v, `"`), "/", "%2F"), found
}

func list(b string) (out []string, found bool) {
	var items []any
	v, found := raw(b, "items")
	_ = json.Unmarshal([]byte(v), &items)
	for _, i := range items {
		out = append(out, strings.ReplaceAll(fmt.Sprint(i), "/", "%2F"))
	}
	return out, found
}

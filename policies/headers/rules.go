package headers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// rules are what is done to one header.
type rules struct {
	remove   []string
	set, add []field
}

func (r *rules) none() bool { return len(r.remove)+len(r.set)+len(r.add) == 0 }

// uses says whether some value depends on a field of that root, on any for "".
func (r *rules) uses(root, of string) bool {
	for _, f := range slices.Concat(r.set, r.add) {
		if f.uses(root, of) {
			return true
		}
	}
	return false
}

// A field is one to set or add.
type field struct {
	name  string
	value expr.Template
	text  string // of a value that is always the same
	fixed bool
	body  bool // it is made of the response's body
}

func (f *field) uses(root, of string) bool {
	return slices.ContainsFunc(f.value.Uses(), func(ref expr.Ref) bool { return ref.Root == root && (of == "" || ref.Field == of) })
}

// errValue is a value that would end its line and begin another.
var errValue = errors.New("the value holds a control character")

// of returns the value. White space around it would be dropped by the reader (RFC 9110 §5.5).
func (f *field) of(v expr.Vars) (string, error) {
	if f.fixed {
		return f.text, nil
	}
	text, err := f.value.Text(v)
	if err != nil {
		return "", fmt.Errorf("making header %s: %w", f.name, err)
	}
	text = strings.Trim(text, " \t")
	if !wire.ValidValue(text) {
		return "", f.bad(errValue)
	}
	return text, nil
}

func (f *field) bad(err error) error {
	return fmt.Errorf("making header %s: %w", f.name, f.value.Blame(err))
}

// all returns the values: one, or as many as a list has that the expression makes. Those that are empty are left out.
func (f *field) all(v expr.Vars) (one string, more []string, err error) {
	if one, err = f.of(v); err == nil || errors.Is(err, errValue) {
		return one, nil, err
	}
	switch x, _ := f.value.Value(v); x.(type) {
	case []any, []string, expr.Raw:
	default:
		return "", nil, err
	}
	var h wire.Header
	switch err := (expr.Values{f.value}).Add(&h, f.name, v); {
	case errors.Is(err, expr.ErrControl):
		return "", nil, f.bad(errValue)
	case err != nil:
		return "", nil, fmt.Errorf("making header %s: %w", f.name, err)
	}
	for _, s := range h.Values(f.name) {
		if s = strings.Trim(s, " \t"); s != "" {
			more = append(more, s)
		}
	}
	if len(more) == 0 {
		return "", nil, nil
	}
	return more[0], more[1:], nil
}

// apply changes h. On an error it may have been changed in part, and nothing of it may go out. bare says that h is of a response that has no body
// by its nature: what would be made of that is left alone.
func (r *rules) apply(h *wire.Header, v expr.Vars, bare bool) error {
	for _, name := range r.remove {
		h.Del(name)
	}
	for i := range r.set {
		f := &r.set[i]
		if bare && f.body {
			continue
		}
		text, more, err := f.all(v)
		switch {
		case err != nil:
			return err
		case text == "":
			h.Del(f.name)
		default:
			h.Set(f.name, text)
		}
		for _, text := range more {
			h.Add(f.name, text)
		}
	}
	for i := range r.add {
		f := &r.add[i]
		if bare && f.body {
			continue
		}
		text, more, err := f.all(v)
		if err != nil {
			return err
		}
		if text != "" {
			h.Add(f.name, text)
		}
		for _, text := range more {
			h.Add(f.name, text)
		}
	}
	return nil
}

// ours are fields that describe the body: on the gateway's own errors they are the gateway's.
func ours(name string) bool {
	id := wire.NameOf(name)
	return id == wire.ContentType || id == wire.ContentEncoding
}

// onProblem does to an error of the gateway what is done to responses. What cannot be made for it is left out: the client is
// to learn of the error, not of that.
func (r *rules) onProblem(x *policy.Exchange, err error) error {
	if r.none() {
		return err
	}
	return plug.Headed(err, func(h *wire.Header) {
		resp := &wire.Response{Status: problem.From(plug.Failed(err)).Status, Header: *h}
		v := &policy.ResponseVars{Exchange: x, Response: resp}
		for _, one := range r.each() {
			_ = one.apply(&resp.Header, v, false)
		}
		*h = resp.Header
	})
}

// each returns the rules for a problem one by one.
func (r *rules) each() []rules {
	out := []rules{{remove: r.remove}}
	for _, f := range r.set {
		if !ours(f.name) {
			out = append(out, rules{set: []field{f}})
		}
	}
	for _, f := range r.add {
		if !ours(f.name) {
			out = append(out, rules{add: []field{f}})
		}
	}
	return out
}

// A reader checks the rules of one side of the document.
type reader struct {
	side string // "request" or "response"
	errs []error
}

func (r *reader) wrong(setting, format string, args ...any) {
	r.errs = append(r.errs, schema.At(r.side+"."+setting, fmt.Errorf(format, args...)))
}

func (r *reader) names(names []string) []string {
	for i, name := range names {
		r.name(fmt.Sprintf("remove[%d]", i), name)
	}
	return names
}

// name checks that a field of that name may be changed at all.
func (r *reader) name(setting, name string) {
	if !wire.ValidToken(name) {
		r.wrong(setting, "%q is no header name: letters, digits and hyphens are", name)
		return
	}
	switch id := wire.NameOf(name); id {
	case wire.Host:
		if r.side == "request" {
			r.wrong(setting, "Host decides where the request goes; use the policy rewrite, with host, or the upstream's host")
			return
		}
		r.wrong(setting, "Host is a field of requests")
	case wire.ContentLength, wire.TransferEncoding, wire.Trailer, wire.Expect:
		r.wrong(setting, "%s frames the message, which the gateway does anew for each connection", id)
	case wire.Connection, wire.KeepAlive, wire.ProxyConnection, wire.TE, wire.Upgrade, wire.ProxyAuthorization, wire.ProxyAuthenticate, wire.HTTP2Settings:
		r.wrong(setting, "%s is between two neighbours only (RFC 9110 §7.6.1) and is not passed on", id)
	case wire.XRequestID:
		if r.side == "response" {
			r.wrong(setting, "%s is on every response, so that it can be found in the log", id)
		}
	}
}

// fields checks the values that are always the same, and orders the fields by name.
func (r *reader) fields(setting string, values map[string]expr.Template) (out []field) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		at := setting + "." + name
		r.name(at, name)
		if i := slices.IndexFunc(out, func(f field) bool { return wire.EqualFold(f.name, name) }); i >= 0 {
			r.wrong(at, "%s is the same header", out[i].name)
		}
		f := field{name: name, value: values[name]}
		f.body = f.uses("response", "body")
		if f.text, f.fixed = f.value.Constant(); f.fixed {
			f.text = strings.Trim(f.text, " \t")
			if !wire.ValidValue(f.text) {
				r.wrong(at, "%v", errValue)
			}
		}
		out = append(out, f)
	}
	return out
}

// plain takes the templates out of their type, which only said that they may use response.
func plain(values map[string]expr.ResponseTemplate) map[string]expr.Template {
	out := make(map[string]expr.Template, len(values))
	for name, v := range values {
		out[name] = v.Template
	}
	return out
}

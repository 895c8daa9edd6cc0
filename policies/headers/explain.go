package headers

import (
	"strings"

	"sallyport/policy"
)

// Explain changes the request like Handle, and says what would be done to the response.
func (h *headers) Explain(x *policy.Exchange) (v policy.Verdict) {
	for _, one := range h.request.single() {
		change, err := one.change("request", func(f *field) (string, error) {
			text, more, err := f.all(x)
			return strings.Join(append([]string{text}, more...), ", "), err
		})
		if err != nil {
			return policy.Verdict{Why: "a value cannot be made of this request", Changes: v.Changes, Err: refused(err)}
		}
		_ = one.apply(&x.Request.Header, x, false) // it was made a moment ago
		v.Changes = append(v.Changes, change...)
	}
	if h.sent {
		if _, _, err := x.JSON(); err != nil {
			return policy.Verdict{Why: "the body cannot be read, which the response is to be made of", Changes: v.Changes, Err: err}
		}
	}
	if h.back {
		policy.AskWhole(x.Request)
	}
	for _, one := range h.response.single() {
		change, _ := one.change("response", func(f *field) (string, error) {
			if f.fixed {
				return f.text, nil
			}
			return f.value.String(), nil // the response is not known
		})
		v.Changes = append(v.Changes, change...)
	}
	return v
}

// single returns rules that do one thing each, in the order in which they are done.
func (r *rules) single() (out []rules) {
	for _, name := range r.remove {
		out = append(out, rules{remove: []string{name}})
	}
	for _, f := range r.set {
		out = append(out, rules{set: []field{f}})
	}
	for _, f := range r.add {
		out = append(out, rules{add: []field{f}})
	}
	return out
}

// change says what r, which is single, does.
func (r *rules) change(side string, value func(*field) (string, error)) ([]policy.Change, error) {
	if len(r.remove) > 0 {
		return []policy.Change{{Side: side, Op: "remove", Name: r.remove[0]}}, nil
	}
	op, fields := "set", r.set
	if len(r.add) > 0 {
		op, fields = "add", r.add
	}
	text, err := value(&fields[0])
	switch {
	case err != nil:
		return nil, err
	case text == "" && op == "add":
		return nil, nil
	case text == "":
		op = "remove"
	}
	return []policy.Change{{Side: side, Op: op, Name: fields[0].name, Value: text}}, nil
}

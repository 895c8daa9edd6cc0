package gateway

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file keeps what a client proves itself by out of explanations. Whoever asks for one has the request, but an explanation is passed on: in
// tickets, in logs, on screens. Fields, parameters and cookies that a policy of the document takes credentials from are masked, whatever
// they are called, and so are those whose names say that they are secret; then what stood in them is masked wherever it turns up.

// shortest is the shortest value that is masked wherever it turns up: a shorter one is part of too many words.
const shortest = 4

// A disguise is what is masked in one explanation.
type disguise struct {
	places map[string]bool // such as header:x-api-key
	values []string        // the longest first
}

// disguise collects the places of all routes: what one asks for is secret on the others, too.
func (s *snapshot) disguise() *disguise {
	d := &disguise{places: map[string]bool{}}
	var see func(list []step)
	see = func(list []step) {
		for _, t := range list {
			p := bare(t.policy)
			if takes, ok := p.(policy.Taker); ok {
				for _, place := range takes.Takes() {
					d.places[strings.ToLower(place)] = true
				}
			}
			if tells, ok := p.(policy.Teller); ok {
				for _, name := range tells.Tells() {
					d.places["told:"+strings.ToLower(name)] = true
				}
			}
			for _, inner := range t.inner {
				see(inner)
			}
		}
	}
	for _, r := range s.table.Rules() {
		see(r.Value.steps)
	}
	return d
}

// learn takes note of what r shows.
func (d *disguise) learn(r *wire.Request) {
	for name, value := range r.Header.All() {
		if telemetry.MaskField(name, value) != value || d.places["header:"+strings.ToLower(name)] {
			d.add(value)
			scheme, rest, _ := strings.Cut(value, " ")
			d.add(strings.TrimSpace(rest))
			if pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil && strings.EqualFold(scheme, "basic") {
				_, password, _ := strings.Cut(string(pair), ":")
				d.add(password)
			}
		}
	}
	r.Header.Cookies(func(_, value string) bool {
		d.add(value)
		return true
	})
	for pair := range strings.SplitSeq(r.Query, "&") {
		if name, value, _ := strings.Cut(pair, "="); d.secretParam(name, value) {
			d.add(value)
			if decoded, err := url.QueryUnescape(value); err == nil {
				d.add(decoded)
			}
		}
	}
	slices.SortFunc(d.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

func (d *disguise) secretParam(name, value string) bool {
	if decoded, err := url.QueryUnescape(name); err == nil {
		name = decoded
	}
	return telemetry.MaskField(name, value) != value || d.places["query:"+strings.ToLower(name)]
}

func (d *disguise) add(value string) {
	for _, v := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
		if len(v) >= shortest && !slices.Contains(d.values, v) {
			d.values = append(d.values, v)
		}
	}
}

// text masks what is secret in a text.
func (d *disguise) text(s string) string {
	for _, v := range d.values {
		s = strings.ReplaceAll(s, v, masked)
	}
	return s
}

// field masks the value of a header field.
func (d *disguise) field(name, value string) string {
	lower := strings.ToLower(name)
	if d.places["header:"+lower] || d.places["told:"+lower] {
		return masked
	}
	return d.text(telemetry.MaskField(name, value))
}

// query masks the values of parameters.
func (d *disguise) query(query string) string {
	pairs := strings.Split(telemetry.MaskQuery(query), "&")
	for i, pair := range pairs {
		if name, value, found := strings.Cut(pair, "="); found && value != "" && d.secretParam(name, value) {
			pairs[i] = name + "=" + masked
		}
	}
	return d.text(strings.Join(pairs, "&"))
}

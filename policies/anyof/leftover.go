package anyof

import (
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// This file is what must not go on beside the alternative that wins: credentials for another one, which nobody has checked, and fields by which
// another one tells the upstream who the client is.

// A share is what the steps of an alternative do with credentials.
type share struct {
	takers  []policy.Taker
	asserts []string // fields that they set
	reads   []string // places that they look at, such as header:authorization
	stays   []string // places that hold what they want there when they have let a request in

	others  []policy.Taker // whose credentials go when this alternative wins
	foreign []string       // fields that go then
}

// learn takes up what a policy says of itself.
func (s *share) learn(p policy.Policy) {
	if t, ok := p.(policy.Asserter); ok {
		s.asserts = append(s.asserts, t.Asserts()...)
		s.stays = append(s.stays, places(t.Asserts())...)
	}
	if t, ok := p.(policy.Teller); ok {
		s.reads = append(s.reads, places(t.Tells())...)
		s.stays = append(s.stays, places(t.Tells())...)
	}
	if t, ok := p.(policy.Taker); ok {
		s.takers = append(s.takers, t)
		s.reads = append(s.reads, lower(t.Takes())...)
		if t.Keeps() {
			s.stays = append(s.stays, lower(t.Takes())...)
		}
	}
}

// places are those of header fields.
func places(fields []string) (list []string) {
	for _, name := range fields {
		list = append(list, "header:"+strings.ToLower(name))
	}
	return list
}

func lower(places []string) (list []string) {
	for _, place := range places {
		list = append(list, strings.ToLower(place))
	}
	return list
}

// has says whether a place is on a list, which may have all fields on it.
func has(list []string, place string) bool {
	in, _, _ := strings.Cut(place, ":")
	return slices.Contains(list, place) || in != "query" && slices.Contains(list, "header:*") || in == "cookie" && slices.Contains(list, "header:cookie")
}

// sort finds out what goes when: fields that none of the alternatives looks at before any is asked, the others, and credentials, when one has won.
func (p *anyOf) sort() {
	var late []string
	for _, field := range p.asserts {
		place := places([]string{field})[0]
		if slices.ContainsFunc(p.all, func(a alternative) bool { return has(a.reads, place) }) {
			late = append(late, field)
		} else {
			p.early = append(p.early, field)
		}
	}
	for i := range p.all {
		s := &p.all[i].share
		for _, field := range late {
			if !has(s.stays, places([]string{field})[0]) {
				s.foreign = append(s.foreign, field)
			}
		}
		for j := range p.all {
			for _, t := range p.all[j].takers {
				if i != j && !slices.ContainsFunc(lower(t.Takes()), func(place string) bool { return has(s.stays, place) }) {
					s.others = append(s.others, t)
				}
			}
		}
	}
}

// clean takes out of a request that the alternative lets in what is not for it.
func (s *share) clean(r *wire.Request) {
	for _, t := range s.others {
		t.Clear(r)
	}
	for _, field := range s.foreign {
		r.Header.DelAlike(field)
	}
}

// begin takes out what only an alternative may say of a client, before any is asked.
func (p *anyOf) begin(r *wire.Request) {
	for _, field := range p.early {
		r.Header.DelAlike(field)
	}
}

// Takes lists where any of the alternatives looks for credentials.
func (p *anyOf) Takes() (list []string) {
	p.each(func(t policy.Taker) { list = append(list, t.Takes()...) })
	return list
}

// Clear takes out what is for any of the alternatives.
func (p *anyOf) Clear(r *wire.Request) { p.each(func(t policy.Taker) { t.Clear(r) }) }

// Keeps says whether any of the alternatives leaves good credentials in the request.
func (p *anyOf) Keeps() (keeps bool) {
	p.each(func(t policy.Taker) { keeps = keeps || t.Keeps() })
	return keeps
}

func (p *anyOf) each(f func(policy.Taker)) {
	for i := range p.all {
		for _, t := range p.all[i].takers {
			f(t)
		}
	}
}

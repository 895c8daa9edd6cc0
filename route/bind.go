package route

import (
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// This file gives path parameters their values.

// plans tells for each rule where its parameters are. It is a copy of what the patterns know, side by side in memory.
type plans struct {
	rules    []plan
	captures []capture
}

type plan struct {
	start   uint32
	count   uint16
	pattern bool // too much for a plan: Pattern.bind knows
}

// A capture is one parameter: a segment without so many bytes before and after it, or the rest.
type capture struct {
	name          string
	skip          uint16 // segments between the one before and this one
	before, after uint16
	spans         bool
}

func newPlans[T any](rules []*Rule[T]) (p plans) {
	for _, r := range rules {
		start := uint32(len(p.captures))
		pattern := r.Match.Path.regex != nil
		skip := uint16(0)
		for _, s := range r.Match.Path.segments {
			switch {
			case len(s.names) > 1:
				pattern = true
			case len(s.names) == 0:
				skip++
			case s.kind == rest:
				p.captures = append(p.captures, capture{name: s.names[0], skip: skip, spans: true})
			default:
				p.captures = append(p.captures, capture{s.names[0], skip, uint16(len(s.lits[0])), uint16(len(s.lits[1])), false})
				skip = 0
			}
		}
		p.rules = append(p.rules, plan{start, uint16(uint32(len(p.captures)) - start), pattern})
	}
	return p
}

func (p *plans) of(rule int) plan { return p.rules[rule] }

// bind sets x.Params for a rule that path matches.
func (p *plans) bind(plan plan, x *policy.Exchange, path string) {
	left := path[1:]
	for _, c := range p.captures[plan.start:][:plan.count] {
		for range c.skip {
			_, left, _ = cut(left)
		}
		value := left
		if !c.spans {
			value, left, _ = cut(left)
			value = value[c.before : len(value)-int(c.after)]
		}
		bindOne(x, c.name, value, c.spans)
	}
}

// bind sets x.Params to what the parameters of p stand for in path, which matches p.
func (p *Pattern) bind(x *policy.Exchange, path string) {
	x.Params = x.Params[:0]
	if len(p.names) == 0 {
		return
	}
	if p.regex != nil {
		p.bindRegex(x, path)
		return
	}
	left := path[1:]
	for i := range p.segments {
		s := &p.segments[i]
		if s.kind == rest {
			bindOne(x, s.names[0], left, true)
			return
		}
		var seg string
		seg, left, _ = cut(left)
		switch s.kind {
		case param:
			bindOne(x, s.names[0], seg, false)
		case mixed:
			var room [8]string
			values, _ := s.split(seg, room[:0])
			for j, v := range values {
				bindOne(x, s.names[j], v, false)
			}
		}
	}
}

func (p *Pattern) bindRegex(x *policy.Exchange, path string) {
	values := p.regex.FindStringSubmatch(path[len(p.base):])
	for i, name := range p.regex.SubexpNames() {
		if name != "" && len(values) > i {
			bindOne(x, name, values[i], true)
		}
	}
}

func bindOne(x *policy.Exchange, name, raw string, spans bool) {
	x.Params = append(x.Params, policy.Param{Name: name, Value: decode(x.Request, raw, spans), Raw: raw})
}

// decode undoes the escapes of a parameter. In one that may span segments an encoded slash stays encoded, or it
// would look like one that separates.
func decode(r *wire.Request, s string, spans bool) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var room [256]byte
	b := room[:0]
	for i := 0; i < len(s); i++ {
		c, ok := wire.Unescape(s[i:])
		if !ok || spans && c == '/' {
			b = append(b, s[i])
			continue
		}
		b = append(b, c)
		i += 2
	}
	return r.Keep(b)
}

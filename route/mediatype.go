package route

import (
	"strings"

	"sallyport/wire"
)

// This file reads versions that stand in media types: application/vnd.shop.v2+json, or application/json;version=v2.

// inMediaType looks at what the client wants (Accept) and at what it sends (Content-Type). Both together are for one version.
func (v *Versions) inMediaType(r *wire.Request) (s saying, err error) {
	if s, err = v.accepted(&r.Header); err != nil {
		return s, err
	}
	for i := range r.Header.Len() {
		f := r.Header.At(i)
		if f.ID() != wire.ContentType {
			continue
		}
		if one, _ := v.ofMediaType(f.Value); one.named {
			if err := s.add(one.known); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// accepted is the version that the client likes best (RFC 9110 §12.5.1): of those that there are the one with the highest weight, and
// none of them only when it names no other.
func (v *Versions) accepted(h *wire.Header) (s saying, err error) {
	best := 0
	for i := range h.Len() {
		f := h.At(i)
		if f.ID() != wire.Accept {
			continue
		}
		left := f.Value
		for left != "" {
			var item string
			item, left = cutQuoted(left, ',')
			one, weight := v.ofMediaType(item)
			switch {
			case !one.named || weight == 0:
			case one.known == "":
				s.named = true
			case weight > best:
				s, best, err = one, weight, nil
			case weight == best && one.known != s.known:
				err = errSeveral() // unless one that is liked better follows
			}
		}
	}
	return s, err
}

// ofMediaType is what one media type says, and its weight in thousandths.
func (v *Versions) ofMediaType(text string) (s saying, weight int) {
	essence, left := cutQuoted(text, ';')
	if v.Name == "" {
		s = v.between(strings.Trim(essence, " \t"))
		if s.named && v.After == "" {
			s = v.untilSuffix(strings.Trim(essence, " \t"))
		}
	}
	weight = 1000
	for left != "" {
		var param string
		param, left = cutQuoted(left, ';')
		name, value, _ := strings.Cut(param, "=")
		name, value = strings.Trim(name, " \t"), unquoted(strings.Trim(value, " \t"))
		switch {
		case v.Name != "" && wire.EqualFold(name, v.Name):
			if s.add(v.known(value, false)) != nil {
				s.known = "" // two in one media type are none
			}
		case len(name) == 1 && name[0]|0x20 == 'q':
			weight = weightOf(value)
		}
	}
	return s, weight
}

// untilSuffix is for a pattern that ends in {version}: a structured syntax suffix such as +json may follow (RFC 6839).
func (v *Versions) untilSuffix(essence string) saying {
	name, _, _ := strings.Cut(essence[len(v.Before):], "+")
	return saying{true, v.known(name, true)}
}

// cutQuoted is strings.Cut by a byte that does not stand in quotes (RFC 9110 §5.6.4).
func cutQuoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoted takes the quotes off. Escapes stay, so that such a value is the name of no version.
func unquoted(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// weightOf reads a weight such as 0.8 (RFC 9110 §12.4.2); what is none weighs nothing.
func weightOf(s string) int {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0
	}
	weight, unit := int(s[0]-'0')*1000, 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0
		}
		weight += int(s[i]-'0') * unit
		unit /= 10
	}
	return min(weight, 1000)
}

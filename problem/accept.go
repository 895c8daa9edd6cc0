package problem

import "strings"

// What a problem can be written as, in the order of preference when the client has none.
const (
	typeJSON = "application/problem+json"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

var offers = [...]string{typeJSON, typeText, typeHTML}

// Bounds of what is read of an Accept field. A browser sends about 150 bytes and 8 ranges; what is
// beyond the bounds is not looked at.
const (
	maxAccept = 1024
	maxRanges = 32
)

// negotiate picks the one of offers that an Accept field asks for (RFC 9110 §12.5.1). The highest
// weight wins, then what the field names first, then the order of offers. A field that leaves nothing is disregarded, as
// the RFC allows: an error in a form nobody asked for beats no explanation.
func negotiate(accept string) string {
	if accept == "" || accept == "*/*" {
		return typeJSON
	}
	var best [len(offers)]match
	accept = accept[:min(len(accept), maxAccept)]
	for at := 1; accept != "" && at <= maxRanges; at++ {
		var item string
		item, accept = cutUnquoted(accept, ',')
		media, params := cutUnquoted(item, ';')
		media = strings.ToLower(strings.Trim(media, " \t"))
		weight, ok := weight(params)
		if !ok {
			continue
		}
		for i := range offers {
			if how := specificity(media, i); how > best[i].how {
				best[i] = match{how, weight, at}
			}
		}
	}
	pick := -1
	for i, m := range best {
		if m.weight > 0 && (pick < 0 || m.better(best[pick])) {
			pick = i
		}
	}
	if pick < 0 {
		return typeJSON
	}
	return offers[pick]
}

// A match is the most specific media range that covers an offer.
type match struct {
	how    int // see specificity
	weight int // thousandths
	at     int // position in the field
}

func (m match) better(than match) bool {
	if m.weight != than.weight {
		return m.weight > than.weight
	}
	return m.at < than.at
}

// specificity says how closely a media range covers offers[i]: 0 not at all, 3 by its very name.
func specificity(media string, i int) int {
	if media == "*/*" || media == "*" { // the latter is what some Java clients send
		return 1
	}
	main, sub, _ := strings.Cut(media, "/")
	offer := offers[i]
	switch {
	case main != offer[:strings.IndexByte(offer, '/')]:
		return 0
	case sub == "*":
		return 2
	case i == 0 && (sub == "json" || strings.HasSuffix(sub, "+json")),
		i == 1 && sub == "plain",
		i == 2 && sub == "html":
		return 3
	}
	return 0
}

// weight finds q among the parameters of a media range, in thousandths. It is false for a
// malformed weight: then the range does not count.
func weight(params string) (thousandths int, ok bool) {
	for params != "" {
		var p string
		p, params = cutUnquoted(params, ';')
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.Trim(name, " \t"), "q") {
			return parseWeight(strings.Trim(value, " \t"))
		}
	}
	return 1000, true
}

// parseWeight reads a qvalue (RFC 9110 §12.4.2): 0 to 1 with at most three decimals.
func parseWeight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000
	for i, unit := 2, 100; i < len(s); i, unit = i+1, unit/10 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		thousandths += int(s[i]-'0') * unit
	}
	return thousandths, thousandths <= 1000
}

// cutUnquoted is strings.Cut at the first sep outside a quoted string.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case quoted && s[i] == '\\':
			i++
		case !quoted && s[i] == sep:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

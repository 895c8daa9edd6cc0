package jwt

// What is required of the claims of a token.

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// latest is the end of the year 9999: no time in a token is beyond it.
const latest = 253402300799

// maxScopes bounds the scopes of a token.
const maxScopes = 1000

// moment reads a time of a token, in nanoseconds of Unix time. there says that the claim is there, ok that it is none or a time: a number of seconds
// that are not before 1970 and not after 9999 (RFC 7519 §2).
func moment(claims map[string]any, name string) (at int64, there, ok bool) {
	v, there := claims[name]
	switch n := v.(type) {
	case nil:
		return 0, false, !there
	case int64:
		return min(n, maxSeconds) * int64(time.Second), true, n >= 0 && n <= latest
	case json.Number:
		f, err := strconv.ParseFloat(n.String(), 64)
		return int64(min(f, float64(maxSeconds-1)) * float64(time.Second)), true, err == nil && f >= 0 && f <= latest
	}
	return 0, true, false
}

// maxSeconds is what nanoseconds in 64 bits reach to, in the year 2262. What lasts longer ends there.
const maxSeconds = (1<<63 - 1) / int64(time.Second)

// texts reads a claim that is a text or a list of texts, not an empty one.
func texts(v any) (list []string, ok bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		for _, item := range v {
			s, is := item.(string)
			if !is {
				return nil, false
			}
			list = append(list, s)
		}
		return list, len(list) > 0
	}
	return nil, false
}

// scopes reads the claim scope, text with spaces between (RFC 8693 §4.2), or scp, which is that or a list. ok is false when one is neither.
func scopes(claims map[string]any) (list []string, ok bool) {
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case nil:
		case string:
			list = append(list, strings.Fields(v)...)
		case []any:
			for _, item := range v {
				s, is := item.(string)
				if !is {
					return nil, false
				}
				list = append(list, s)
			}
		default:
			return nil, false
		}
		if list != nil {
			break
		}
	}
	return list, len(list) <= maxScopes
}

// find returns a claim by its name, or one within another by their names with dots between. A claim that has dots in its name goes first.
func find(claims map[string]any, name string) (any, bool) {
	if v, there := claims[name]; there {
		return v, true
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if inner, is := claims[name[:i]].(map[string]any); is {
			if v, there := find(inner, name[i+1:]); there {
				return v, true
			}
		}
	}
	return nil, false
}

// demands are what a policy wants of every token.
type demands struct {
	types   []string
	require []string
	leeway  time.Duration
	maxAge  time.Duration // 0 for none
}

// times are how long a token is good, in nanoseconds of Unix time, the leeway included.
type times struct {
	from, until int64
	issued      time.Time // zero when it does not say
}

// when reads the times.
func (d *demands) when(claims map[string]any) (t times, why reason) {
	exp, hasExp, ok1 := moment(claims, "exp")
	nbf, _, ok2 := moment(claims, "nbf")
	iat, hasIat, ok3 := moment(claims, "iat")
	if !ok1 || !ok2 || !ok3 {
		return t, malformed
	}
	leeway := int64(d.leeway)
	t.from, t.until = max(nbf, iat)-leeway, endless
	if hasExp {
		t.until = plus(exp, leeway)
	}
	if hasIat {
		t.issued = time.Unix(0, iat)
	}
	if d.maxAge > 0 {
		if !hasIat {
			return t, lacking
		}
		t.until = min(t.until, plus(plus(iat, int64(d.maxAge)), leeway))
	}
	return t, good
}

const endless = 1<<63 - 1

// plus adds without going beyond the end of time.
func plus(a, b int64) int64 {
	if a > endless-b {
		return endless
	}
	return a + b
}

// at judges the times at one moment.
func (t *times) at(now int64, claims map[string]any) reason {
	switch {
	case now < t.from:
		return early
	case now < t.until:
		return good
	}
	if exp, has, _ := moment(claims, "exp"); has && now >= exp {
		return expired
	}
	return old
}

// judge looks at what a token says.
func (d *demands) judge(claims map[string]any, trust *trusted, now int64) (t times, why reason) {
	iss, is := claims["iss"].(string)
	if !is && claims["iss"] != nil {
		return t, malformed
	}
	if trust.issuer != "" && iss != trust.issuer {
		return t, issuerNo
	}
	if t, why = d.when(claims); why != good {
		return t, why
	}
	if why := t.at(now, claims); why != good {
		return t, why
	}
	if why := trust.isFor(claims); why != good {
		return t, why
	}
	for _, name := range d.require {
		if v, there := find(claims, name); !there || v == nil {
			return t, lacking
		}
	}
	return t, good
}

// isFor judges whom a token is for (RFC 7519 §4.1.3).
func (t *trusted) isFor(claims map[string]any) reason {
	aud, there := claims["aud"]
	list, ok := texts(aud)
	switch {
	case there && !ok:
		return malformed
	case len(t.audience) == 0:
		return good
	case slices.ContainsFunc(list, func(a string) bool { return slices.Contains(t.audience, a) }):
		return good
	}
	return audienceNo
}

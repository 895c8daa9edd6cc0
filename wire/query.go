package wire

import "strings"

// This file reads the query and cookies of a request, for everything that asks: one reading of each.

// Param returns the first parameter of that name in a query (as in application/x-www-form-urlencoded: pairs are separated
// by "&", "+" is a space). valid is false when its value holds a percent sign that begins no escape, on which readers
// do not agree. It allocates only for a value that needs decoding.
func Param(query, name string) (value string, found, valid bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		key, raw, _ := strings.Cut(pair, "=")
		if decodesTo(key, name) {
			value, valid = decodeForm(raw)
			return value, true, valid
		}
	}
	return "", false, true
}

// Params calls yield for every parameter of a query, in order.
func Params(query string, yield func(name, value string, valid bool) bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		key, raw, _ := strings.Cut(pair, "=")
		name, ok := decodeForm(key)
		value, valid := decodeForm(raw)
		if !yield(name, value, ok && valid) {
			return
		}
	}
}

// decodesTo compares what s stands for with want, without making it.
func decodesTo(s, want string) bool {
	n := 0
	for i := 0; i < len(s); n++ {
		c, used, _ := decodeFormByte(s[i:])
		if n == len(want) || want[n] != c {
			return false
		}
		i += used
	}
	return n == len(want)
}

func decodeForm(s string) (decoded string, valid bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	b, valid := make([]byte, 0, len(s)), true
	for i := 0; i < len(s); {
		c, used, ok := decodeFormByte(s[i:])
		b, valid = append(b, c), valid && ok
		i += used
	}
	return text(b), valid
}

// decodeFormByte decodes one character. An invalid escape stands for itself.
func decodeFormByte(s string) (c byte, used int, valid bool) {
	switch s[0] {
	case '+':
		return ' ', 1, true
	case '%':
		if c, ok := Unescape(s); ok {
			return c, 3, true
		}
		return '%', 1, false
	}
	return s[0], 1, true
}

// Cookie returns the first cookie of that name (RFC 6265 §4.2.1), without quotes around it.
func (h *Header) Cookie(name string) (value string, found bool) {
	h.Cookies(func(n, v string) bool {
		if n == name {
			value, found = v, true
		}
		return !found
	})
	return value, found
}

// Cookies calls yield for every cookie, in order.
func (h *Header) Cookies(yield func(name, value string) bool) {
	for i := range h.fields {
		if h.fields[i].id != Cookie {
			continue
		}
		for left := h.fields[i].Value; left != ""; {
			var one string
			one, left, _ = strings.Cut(left, ";")
			name, value, ok := strings.Cut(strings.Trim(one, " \t"), "=")
			if !ok || name == "" {
				continue
			}
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

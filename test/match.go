package test

import (
	"fmt"
	"strings"
)

// A received is a message that came over the wire.
type received struct {
	first  string
	fields []string // "Name: value"
	body   string
}

func (r *received) String() string {
	return r.first + "\n" + strings.Join(r.fields, "\n") + "\n\n" + r.body
}

// differs tells what of want is not so in got. The first line must be the same, up to the end of what want says of it; a field must
// be there with that value, or, written "!Name", not be there; the body must be the same, if want has
// one. "*" is any value, and "..." stands for any text within one.
func differs(got *received, want *message) error {
	if !firstLine(got.first, want.first) {
		return fmt.Errorf("the first line is %q, want %q", got.first, want.first)
	}
	left := append([]string(nil), got.fields...)
	for _, f := range want.fields {
		if name, absent := strings.CutPrefix(f, "!"); absent {
			if i := find(got.fields, name, "*"); i >= 0 {
				return fmt.Errorf("there is %q, want none", got.fields[i])
			}
			continue
		}
		name, value, ok := strings.Cut(f, ":")
		if !ok {
			return fmt.Errorf("%q is neither \"Name: value\" nor \"!Name\"", f)
		}
		i := find(left, name, strings.TrimSpace(value))
		if i < 0 {
			return fmt.Errorf("there is no %q", f)
		}
		left = append(left[:i], left[i+1:]...)
	}
	if want.hasBody && !alike(got.body, want.body) && !alike(strings.TrimSuffix(got.body, "\n"), want.body) {
		return fmt.Errorf("the body is\n%s\nwant\n%s", got.body, want.body)
	}
	return nil
}

// firstLine compares by words, so that a script may leave out "HTTP/1.1" before a status and the reason behind it.
func firstLine(got, want string) bool {
	if want != "" && want[0] >= '0' && want[0] <= '9' {
		_, got, _ = strings.Cut(got, " ")
	}
	return alike(got, want) || strings.HasPrefix(got, want+" ")
}

func find(fields []string, name, value string) int {
	for i, f := range fields {
		n, v, _ := strings.Cut(f, ":")
		if strings.EqualFold(n, name) && alike(strings.TrimSpace(v), value) {
			return i
		}
	}
	return -1
}

// alike compares s with a pattern in which "..." stands for any text, "*" alone too, and "\"*\"" for any text in quotes.
func alike(s, pattern string) bool {
	if pattern == "*" {
		return true
	}
	pattern = strings.ReplaceAll(pattern, `"*"`, `"..."`)
	parts := strings.Split(pattern, "...")
	if len(parts) == 1 {
		return s == pattern
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// missing returns the line of want that no line of got holds, "" if all are there.
func missing(got, want string) string {
	lines := strings.Split(got, "\n")
next:
	for _, w := range strings.Split(strings.TrimSpace(want), "\n") {
		for _, l := range lines {
			if alike(l, "..."+w+"...") {
				continue next
			}
		}
		return w
	}
	return ""
}

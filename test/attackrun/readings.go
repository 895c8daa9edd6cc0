package attackrun

import (
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

var (
	unreserved = regexp.MustCompile(`%(2[dDeE]|5[fF]|7[eE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])`)
	parameters = regexp.MustCompile(`;[^/]*`)
	overlong   = regexp.MustCompile(`(?i)%c0%af|%ef%bc%8f`)
)

// readings returns the paths that servers of all kinds could take target for, by the way of reading.
func readings(target string) map[string]string {
	p, _, _ := strings.Cut(target, "?")
	d := decode(p)
	bare := parameters.ReplaceAllString(p, "")
	out := map[string]string{
		"literal":     p,
		"dots":        clean(unreserved.ReplaceAllStringFunc(p, decode)),
		"slashes":     clean(p),
		"decoded":     clean(d),
		"parameters":  clean(decode(bare)),
		"backslashes": clean(strings.ReplaceAll(decode(strings.ReplaceAll(p, "\\", "/")), "\\", "/")),
		"twice":       clean(decode(d)),
		"overlong":    clean(decode(overlong.ReplaceAllString(p, "/"))),
	}
	fragment, _, _ := strings.Cut(p, "#")
	out["fragment"] = clean(decode(fragment))
	for _, c := range []string{"#", "?", "\x00", ";"} {
		cut, _, _ := strings.Cut(d, c)
		out["cut at "+strconv.Quote(c)] = clean(cut)
	}
	return out
}

func clean(s string) string {
	if !strings.HasPrefix(s, "/") {
		s = "/" + s
	}
	return path.Clean(s)
}

func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// readsAsAdmin names the ways of reading that lead to the protected part, /admin.
func readsAsAdmin(target string) (ways []string) {
	for way, p := range readings(target) {
		if p == "/admin" || strings.HasPrefix(p, "/admin/") || strings.HasPrefix(p, "/admin;") {
			ways = append(ways, way)
		}
	}
	sort.Strings(ways)
	return ways
}

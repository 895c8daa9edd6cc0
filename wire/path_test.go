package wire

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func keepBytes(b []byte) string { return string(b) }

func TestCanonical(t *testing.T) {
	long := strings.Repeat("/a", 4000)
	for _, c := range []struct{ name, raw, want string }{
		{"root", "/", "/"},
		{"plain", "/users/42", "/users/42"},
		{"all that is plain", "/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@"},
		{"trailing slash stays", "/users/", "/users/"},
		{"double slash", "//admin/x", "/admin/x"},
		{"slashes at the end", "/a///", "/a/"},
		{"strip then double slash", "/strip//admin/x", "/strip/admin/x"},
		{"dot", "/a/./b", "/a/b"},
		{"dot at the end", "/a/.", "/a/"},
		{"dots", "/public/../admin/x", "/admin/x"},
		{"dots at the end", "/a/b/..", "/a/"},
		{"dots to the root", "/a/..", "/"},
		{"dots after a double slash", "/a//../b", "/b"},
		{"encoded dots", "/public/%2e%2e/admin/x", "/admin/x"},
		{"half encoded dots", "/public/.%2E/admin/x", "/admin/x"},
		{"many dots", long + strings.Repeat("/..", 3999) + "/admin", "/a/admin"},
		{"names with dots", "/.well-known/..x/x../...", "/.well-known/..x/x../..."},
		{"no dot segment after a prefix", "/strip../admin/x", "/strip../admin/x"},
		{"unreserved decoded", "/%61dmin/%7Ex%2d%5F", "/admin/~x-_"},
		{"case is kept", "/%41dmin", "/Admin"},
		{"escapes in upper case", "/%c3%a9%20%2f", "/%C3%A9%20%2F"},
		{"encoded slash stays", "/a%2Fb", "/a%2Fb"},
		{"reserved stays encoded", "/a%40b%3A%3b", "/a%40b%3A%3B"},
		{"browsers send these", `/a"<>[]^{|}` + "`", "/a%22%3C%3E%5B%5D%5E%7B%7C%7D%60"},
		{"param", "/a;v=1/b", "/a;v=1/b"},
		{"latin-1", "/caf%E9/%F8", "/caf%E9/%F8"},
		{"dots leave what is behind a separator that is none", "/a%2Fb/../c", "/c"},
		{"question mark goes with its segment", "/admin%3f/../public", "/public"},
		{"semicolon before dots", "/public;/../admin/x", "/admin/x"},
		{"percent", "/100%25", "/100%25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, fault := Canonical(c.raw, keepBytes)
			if fault != nil || got != c.want {
				t.Errorf("Canonical(%.80q) = %.80q, %v; want %.80q", c.raw, got, fault, c.want)
			}
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "x", "admin/x", "*", "?", // no slash
		"/..", "/../admin", "/../../admin/x", "/a/../../b", "/%2e%2e/admin", "/a/..//..", "/.%2e", // above the root
		`/public\..\admin`, `/\admin`, "/a#b", "/a?b", "/a b", "/a\x00", "/a\x7f", "/a\xc3\xa9", "/a\r\nb", "/a\tb", // bytes
		"/%", "/a%2", "/public/%", "/%zz", "/public/%zz/..%2/admin", "/%%32%65", "/%u002e%u002e/admin", "/%c0%9v", "/%bg%qf", // escapes
		"/admin%00.png", "/%0d%0aX-User-Id:%20admin", "/%7F", "/%09", "/%1f", // controls
		// Dot segments for a reader that decodes "%2F" or takes "\" for a slash.
		"/public%2f..%2fadmin/x", "/public/..%2fadmin", "/public%2F%2e%2e/admin", "/a%2F.%2Fb", "/..%2f", "/public%5c..%5cadmin/x",
		"/public/..%5cadmin", "/%5C..", "/a%2f%2e",
		// Dot segments for a reader that cuts.
		"/public/..;/admin/x", "/public/..;foo=bar/admin/x", "/public/.;/admin", "/public/%2e%2e;x/admin", "/public/..%3bx/admin/x",
		"/public/..%23/admin", "/public/..%3fx/admin", "/a/..;", "/public/..%3B%2Fadmin", "/a/..%2500/admin", "/a;%2F../b",
		// Dot segments for a reader that decodes twice or more often.
		"/public/%252e%252e/admin/x", "/public/%252E%2e/admin", "/public%252f..%252fadmin", "/public/%25252e%25252e/admin",
		"/public/..%255cadmin", "/public/..%253bx/admin", "/%2525252e", "/public/%25u002e%25u002e/admin",
		// Dot segments for a reader that folds.
		"/public/..%ef%bc%8fadmin/x", "/public/%ef%bc%8e%ef%bc%8e/admin", "/public/%e2%80%a4%e2%80%a4/admin", "/public/%e2%80%a5/admin",
		"/public/..%e2%88%95admin", "/public/..%ef%bc%bcadmin", "/public/%ef%b9%92./admin", "/public/..%ef%b9%a8admin",
		"/public/.%e2%80%8b./admin", "/public/%ef%bc%852e%ef%bc%852e/admin", "/public/..%ef%bc%9bx/admin",
		"/public/..%25ef%25bc%258fadmin", "/public/..%c2%a5admin",
		// Dot segments for a reader that trims.
		"/public/..%20/admin", "/public/%20../admin", "/public/..%c2%a0/admin", "/public/..%2509/admin",
		// Overlong forms, whatever of.
		"/public/..%c0%afadmin", "/%c0%ae%c0%ae/admin", "/a%c0%afb", "/%c1%9c", "/%c1%1c", "/%c0%2f", "/%e0%80%af", "/%f0%80%80%af",
		"/%f8%80%80%80%af", "/%fc%80%80%80%80%af", "/%c0", "/%e0%80%ae", "/..%25c0%25af", "/%2525252f",
	} {
		if got, _, fault := Canonical(raw, keepBytes); fault == nil {
			t.Errorf("Canonical(%q) = %q, want a fault", raw, got)
		} else if fault.Status != 400 {
			t.Errorf("Canonical(%q): status %d, want 400", raw, fault.Status)
		}
	}
}

func TestDoubtful(t *testing.T) {
	for raw, want := range map[string][]string{
		"/users/42":                nil,
		"/caf%C3%A9/a%20b":         nil,
		"/%E6%97%A5%E6%9C%AC":      nil,
		"/%5B1%5D%7B%7D":           nil,
		"/caf%E9":                  nil,
		"/%2fadmin/x":              {"/admin/x"},
		"/admin%2Fx":               {"/admin/x"},
		"/admin%5Cx":               {"/admin/x"},
		"/admin%5cx%2fy":           {"/admin/x/y"},
		"/admin%3bx/x":             {"/admin/x", "/admin", "/admin;x/x"},
		"/admin;x/y":               {"/admin/y", "/admin"},
		"/a;b/c%2fd;e/f":           {"/a/c/d/f", "/a/c%2Fd/f", "/a"},
		"/%2561dmin":               {"/admin"},
		"/%25%36%31dmin":           {"/admin"},
		"/%252561dmin":             {"/admin", "/%2561dmin"},
		"/admin%23/x":              {"/admin"},
		"/admin%3F/x":              {"/admin"},
		"/admin%253Fx":             {"/admin", "/admin%3Fx"},
		"/admin%2500.png":          {"/admin", "/admin%00.png"},
		"/adm%40in/a%2Fb":          {"/adm@in/a%2Fb", "/adm@in/a/b"},
		"/%EF%BD%81dmin":           {"/admin"},
		"/%F0%9D%90%9Admin":        {"/admin"},
		"/%E2%93%90dmin/x":         {"/admin/x"},
		"/ad%C2%ADmin":             {"/admin"},
		"/%EF%BC%8Fadmin":          {"/admin"},
		"/%E2%88%95admin":          {"/admin"},
		"/%C2%A5admin":             {"/admin"},
		"/%25c0%25afadmin":         {"/admin", "/%C0%AFadmin"},
		"/admin%20/x":              {"/admin/x"},
		"/%20admin":                {"/admin"},
		"/%25u0061dmin":            {"/admin"},
		"/%E2%84%80":               {"/a/c"},
		"/admin%2F":                {"/admin/"},
		"/a:b":                     nil,
		"/a%3Ab":                   {"/a:b"},
		"/%ef%bc%85%36%31dmin":     {"/%2561dmin", "/admin"},
		"/admin%E2%80%8B%EF%BC%9B": {"/admin"},
	} {
		text, doubtful, fault := Canonical(raw, keepBytes)
		if fault != nil || doubtful != (want != nil) {
			t.Errorf("Canonical(%q): doubtful = %v, %v; want %v", raw, doubtful, fault, want != nil)
			continue
		}
		got, all := readingsOf(text)
		if !all {
			t.Errorf("Readings(%q) gave up", text)
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("Readings(%q) = %q, want among them %q", text, got, w)
			}
		}
		if want == nil && len(got) > 0 {
			t.Errorf("Readings(%q) = %q, want none", text, got)
		}
	}
}

func readingsOf(text string) (got []string, all bool) {
	all = Readings(text, func(s string) bool {
		got = append(got, s)
		return true
	})
	return got, all
}

func TestReadingsAreBounded(t *testing.T) {
	text := strings.Repeat("/a", 3000) + strings.Repeat("/%252F;%255C%23%3F%2500%EF%BC%8Fx", 4)
	if got, all := readingsOf(text); all || len(got) > maxReadings {
		t.Errorf("%d readings, all: %v; want at most %d and not all", len(got), all, maxReadings)
	}
	n := 0
	if !Readings("/a%2Fb;c", func(string) bool { n++; return false }) || n != 1 {
		t.Errorf("Readings went on after it was told to stop: %d", n)
	}
}

func TestFoldNeverGrows(t *testing.T) {
	if len(asciiText) != 128 {
		t.Fatalf("asciiText has %d characters", len(asciiText))
	}
	for r := rune(0); r <= 0x10ffff; r++ {
		ascii, ok := fold(r)
		if !ok {
			continue
		}
		if len(ascii) > len(string(r)) {
			t.Errorf("fold(%U) = %q is longer than its character", r, ascii)
		}
		for i := range len(ascii) {
			if ascii[i] >= 0x80 {
				t.Errorf("fold(%U) = %q is not ASCII", r, ascii)
			}
		}
	}
	for r, want := range map[rune]string{'Ａ': "A", '／': "/", '．': ".", '𝐚': "a", '𝟗': "9", 'ⓩ': "z", 'Ⓐ': "A", '²': "2", '³': "3", '¹': "1", '₅': "5"} {
		if got, _ := fold(r); got != want {
			t.Errorf("fold(%q) = %q, want %q", r, got, want)
		}
	}
}

func TestCanonicalAllocates(t *testing.T) {
	r := &Request{Method: "GET"}
	room := make([]byte, 4096)
	for _, c := range []string{"/users/42/orders?page=2", "/caf%C3%A9/x;v=1", "/a/%2e%2e/b%2fc//d/%c3%a9"} {
		if n := testing.AllocsPerRun(100, func() {
			r.SetRoom(room)
			if fault := ParseTarget(r, c); fault != nil {
				t.Fatal(fault)
			}
		}); n != 0 {
			t.Errorf("ParseTarget(%q) allocates %v times", c, n)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	for _, p := range []string{"/users/42", "/api/v1/customers/7f3b2c/orders/2026-08-01/items", "/caf%C3%A9/menu%20du%20jour", "/files/a%2Fb"} {
		b.Run(p, func(b *testing.B) {
			r := &Request{Method: "GET"}
			room := make([]byte, 256)
			for b.Loop() {
				r.SetRoom(room)
				if fault := ParseTarget(r, p); fault != nil {
					b.Fatal(fault)
				}
			}
		})
	}
}

// serverReadings are the paths that common servers see, written down here a second time and naively: what
// the gateway makes of a path is judged by them.
func serverReadings(p string) map[string]string {
	dec := func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			if i+2 < len(s) && s[i] == '%' {
				if v, err := url.PathUnescape(s[i : i+3]); err == nil {
					b.WriteString(v)
					i += 2
					continue
				}
			}
			b.WriteByte(s[i])
		}
		return b.String()
	}
	params := regexp.MustCompile(`;[^/]*`)
	cut := func(s, at string) string { before, _, _ := strings.Cut(s, at); return before }
	segments := func(s string) string { // decode each segment by itself
		parts := strings.Split(s, "/")
		for i := range parts {
			parts[i] = strings.ReplaceAll(dec(parts[i]), "/", "\x01")
		}
		return strings.Join(parts, "/")
	}
	once := dec(p)
	return map[string]string{
		"decode":                    once,
		"decode segments":           segments(p),
		"params then decode":        dec(params.ReplaceAllString(p, "")),
		"decode then params":        params.ReplaceAllString(once, ""),
		"backslash":                 strings.ReplaceAll(once, `\`, "/"),
		"twice":                     dec(once),
		"thrice":                    dec(dec(once)),
		"cut at #":                  cut(once, "#"),
		"cut at ?":                  cut(once, "?"),
		"cut at NUL":                cut(once, "\x00"),
		"cut at ;":                  cut(once, ";"),
		"cut at raw ;":              dec(cut(p, ";")),
		"full width":                dec(regexp.MustCompile(`(?i)%ef%bc%8f`).ReplaceAllString(p, "/")),
		"backslash, twice":          strings.ReplaceAll(dec(once), `\`, "/"),
		"params, backslash, decode": strings.ReplaceAll(dec(params.ReplaceAllString(p, "")), `\`, "/"),
	}
}

// encodeDecoded writes a decoded path the way a canonical one is written.
func encodeDecoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\x01':
			b.WriteString("%2F")
		case strings.IndexByte("/-._~!$&'()*+,;=:@", c) >= 0, '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		"/", "/public/../admin/x", "/%2fadmin/x", "/admin%3bx/x", "/%2561dmin", "/public/..;/admin", "/a%5Cb;c%23d%3Fe/f", "/%EF%BC%8F..",
		"/a%2Fb;c/%252F;d%2Fe", "/%C3%A9/%20x%20/..%20", "/%25c0%25ae", "/a;b;c/../d", "/%25u002e/x", "/\"<>[]", "/a//./b/..", "/%2500%25u0000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 4096 {
			return
		}
		text, doubtful, fault := Canonical(raw, keepBytes)
		if fault != nil {
			return
		}
		for i := range len(text) {
			if pathClass[text[i]] > pathPercent {
				t.Fatalf("Canonical(%q) = %q holds %q", raw, text, text[i])
			}
		}
		if again, d, fault := Canonical(text, keepBytes); fault != nil || again != text || d != doubtful {
			t.Fatalf("Canonical(%q) = %q, %v; and again %q, %v, %v", raw, text, doubtful, again, d, fault)
		}
		got, all := readingsOf(text)
		if !doubtful && (len(got) > 0 || !all) {
			t.Fatalf("%q is not doubtful, but reads %q", text, got)
		}
		for how, s := range serverReadings(text) {
			for seg := range strings.SplitSeq(s, "/") {
				if seg == "." || seg == ".." {
					t.Fatalf("%q holds dots when read with %s: %q", text, how, s)
				}
			}
			want := path.Clean("/" + encodeDecoded(s))
			if all && want != path.Clean(text) && !slices.ContainsFunc(got, func(g string) bool { return path.Clean(g) == want }) {
				t.Fatalf("%q reads %q with %s, which is not among %q", text, want, how, got)
			}
		}
		for _, g := range got {
			if g != path.Clean(g) && g != path.Clean(g)+"/" {
				t.Fatalf("reading %q of %q is not clean", g, text)
			}
		}
	})
}

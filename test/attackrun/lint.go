package attackrun

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A field is a header field, its name in lower case.
type field struct{ name, value string }

// A forwarded is a request as a strict reader sees it, and what such a reader would object to.
type forwarded struct {
	line     string
	target   string
	fields   []field
	problems []string
}

var (
	token      = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$")
	lengthRule = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)
	chunkRule  = regexp.MustCompile(`^[0-9A-Fa-f]+$`)
)

// lint reads what was forwarded as strictly as HTTP allows: whatever a gateway sends must be beyond doubt.
func lint(r *record) *forwarded {
	f := &forwarded{}
	f.readHead(string(r.head))
	f.checkLine()
	if chunked := f.checkFraming(); chunked {
		f.checkChunks(string(r.body))
	}
	if r.note != "" {
		f.problem("%s", r.note)
	}
	return f
}

func (f *forwarded) problem(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

func (f *forwarded) readHead(head string) {
	if !strings.HasSuffix(head, "\r\n\r\n") {
		f.problem("the head does not end in CRLF")
	}
	lines := strings.Split(strings.TrimSuffix(strings.TrimSuffix(head, "\n"), "\r"), "\n")
	for i, l := range lines {
		if l != "" && !strings.HasSuffix(l, "\r") {
			f.problem("bare LF")
		}
		l = strings.TrimSuffix(l, "\r")
		if strings.ContainsAny(l, "\r\x00") {
			f.problem("bare CR or NUL")
		}
		switch {
		case i == 0:
			f.line = l
		case l != "":
			f.readField(l)
		}
	}
}

func (f *forwarded) readField(l string) {
	if l[0] == ' ' || l[0] == '\t' {
		f.problem("obs-fold")
		return
	}
	name, value, ok := strings.Cut(l, ":")
	if !ok {
		f.problem("no colon in %q", l)
		return
	}
	if !token.MatchString(name) {
		f.problem("bad name %q", name)
	}
	if bytes.ContainsFunc([]byte(value), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		f.problem("control character in %s", name)
	}
	f.fields = append(f.fields, field{strings.ToLower(name), strings.TrimSpace(value)})
}

func (f *forwarded) checkLine() {
	parts := strings.Split(f.line, " ")
	if len(parts) != 3 {
		f.problem("the request line has %d parts", len(parts))
	}
	if len(parts) > 1 {
		f.target = parts[1]
	}
	if !strings.HasPrefix(f.target, "/") && f.target != "*" {
		f.problem("the target is not in origin form: %q", f.target)
	}
	for _, c := range []byte(f.target) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			f.problem("byte %#x in the target", c)
		}
	}
}

func (f *forwarded) values(name string) (out []string) {
	for _, x := range f.fields {
		if x.name == name {
			out = append(out, x.value)
		}
	}
	return out
}

func (f *forwarded) checkFraming() (chunked bool) {
	lengths, codings, hosts := f.values("content-length"), f.values("transfer-encoding"), f.values("host")
	for _, v := range lengths {
		if !lengthRule.MatchString(v) {
			f.problem("Content-Length %q", v)
		}
	}
	for _, v := range codings {
		if strings.ToLower(v) != "chunked" {
			f.problem("Transfer-Encoding %q", v)
		}
	}
	if len(lengths)+len(codings) > 1 {
		f.problem("framed %d times", len(lengths)+len(codings))
	}
	if len(hosts) != 1 {
		f.problem("%d Host fields", len(hosts))
	}
	return len(codings) == 1
}

func (f *forwarded) checkChunks(b string) {
	for b != "" {
		line, rest, ok := strings.Cut(b, "\r\n")
		if !ok || !chunkRule.MatchString(line) {
			f.problem("chunk line %.40q", line)
			return
		}
		n, err := strconv.ParseInt(line, 16, 32)
		if n == 0 || err != nil {
			if rest != "\r\n" {
				f.problem("trailer forwarded: %.100q", rest)
			}
			return
		}
		if int(n)+2 > len(rest) || rest[n:n+2] != "\r\n" {
			f.problem("chunk of %d bytes is short", n)
			return
		}
		b = rest[n+2:]
	}
}

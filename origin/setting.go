package origin

// This file reads a pattern out of the document.

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"sallyport/schema"
)

const want = `write an origin such as https://app.example.com, https://*.example.com for all names below one, {regex: "…"}, or "*"`

// UnmarshalNode reads a pattern.
func (p *Pattern) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	var err error
	switch {
	case n.Kind == schema.Map && len(n.Fields) == 1 && n.Field("regex") != nil:
		if n, path = n.Field("regex"), path+".regex"; n.Kind != schema.String {
			err = errors.New("write a regular expression in quotes")
			break
		}
		*p, err = parseRegex(n.Text)
	case n.Kind == schema.Null && !n.Literal:
		err = errors.New(`nothing is given; if pages without an origin are meant, such as sandboxed frames, write "null" in quotes`)
	case n.Kind != schema.String && !n.Literal:
		err = fmt.Errorf("%s is given where an origin is wanted; %s", n.Kind, want)
	case !n.Literal && strings.Contains(n.Text, "${"):
		err = errors.New(`an expression that depends on the request cannot stand here; only env.X, env("X", "default") and file("path") can`)
	default:
		*p, err = Parse(strings.TrimSpace(n.Text))
	}
	if err != nil {
		errs.Add(n, path, "%v", err)
	}
	return errs
}

// JSONSchema describes the setting for editors.
func (p *Pattern) JSONSchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "examples": []any{"https://app.example.com", "https://*.example.com", "*"}},
		map[string]any{"type": "object", "properties": map[string]any{"regex": map[string]any{"type": "string"}}, "required": []any{"regex"}, "additionalProperties": false},
	}}
}

// SchemaKind says what the setting is, for the reference.
func (p *Pattern) SchemaKind() string { return "origin, or {regex}" }

// Parse reads a pattern that is no regular expression. What browsers would write in another way is corrected where that
// is sure: capitals, and a port that goes without saying.
func Parse(text string) (Pattern, error) {
	switch text {
	case "":
		return Pattern{}, errors.New("nothing is given; " + want)
	case "*":
		return Pattern{text: text, any: true}, nil
	case null:
		return Pattern{text: text}, nil
	}
	scheme, host, port, ok := split(lower(text))
	switch {
	case !ok || !validScheme(scheme):
		return Pattern{}, fmt.Errorf("%q has no scheme; write https://%s", text, strings.TrimLeft(text, "/:"))
	case strings.ContainsAny(host, "/?#"):
		return Pattern{}, fmt.Errorf("%q has more than an origin, which ends with the host and port; write %s", text, short(text))
	case strings.Contains(host, "@"):
		return Pattern{}, fmt.Errorf("%q names a user, which no origin does", text)
	case port != "" && !validPort(port):
		return Pattern{}, fmt.Errorf("%q: there is no port %s; for several ports write {regex: \"…\"}", text, port)
	}
	suffix := ""
	if port != "" && port != usualPort(scheme) {
		suffix = ":" + port
	}
	rest, wild := strings.CutPrefix(host, "*.")
	switch {
	case strings.Contains(rest, "*"):
		return Pattern{}, fmt.Errorf("%q: * stands for whole labels in front of a name, as in https://*.example.com; for more write {regex: \"…\"}", text)
	case !ascii(rest):
		return Pattern{}, fmt.Errorf("%q: browsers send the name in its ASCII form, xn--…; write that", text)
	case !validHost(strings.TrimSuffix(rest, ".")) || wild && (rest[0] == '[' || strings.HasSuffix(rest, ".")):
		return Pattern{}, fmt.Errorf("%q is no host; %s", rest, want)
	case wild:
		return Pattern{text: scheme + "://*." + rest + suffix, head: scheme + "://", tail: "." + rest + suffix}, nil
	}
	return Pattern{text: scheme + "://" + rest + suffix}, nil
}

// short is the origin of a URL.
func short(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "such as https://app.example.com"
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// parseRegex reads a regular expression, which is for the whole of an origin.
func parseRegex(text string) (Pattern, error) {
	if strings.Contains(text, "${") {
		return Pattern{}, errors.New("an expression that depends on the request cannot stand here")
	}
	re, err := regexp.Compile(`^(?:` + text + `)$`)
	if err == nil {
		_, err = regexp.Compile(text) // by itself: a bracket of its own must not close ours
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	for _, page := range anybodys {
		if re.MatchString(page) {
			return Pattern{}, fmt.Errorf("it matches the pages of anybody, such as %s; end it with a name of yours, as in https://pr-[0-9]+\\.example\\.com", page)
		}
	}
	if re.MatchString("") {
		return Pattern{}, errors.New("it matches an empty text; write the whole origin, as in https://pr-[0-9]+\\.example\\.com")
	}
	return Pattern{text: text, regex: re}, nil
}

// anybodys are origins that nobody has, and that none who means some pages lets in.
var anybodys = []string{"https://anybody.invalid", "http://anybody.invalid", "https://any-body0.some.invalid:8443"}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Loose returns what of a regular expression stands for more than is meant, most likely: a bare dot within a name, or a name whose
// beginning or end may be anything. It is "" when there is nothing, and for patterns that are none.
func (p *Pattern) Loose() string {
	if p.regex == nil {
		return ""
	}
	return looseDot.FindString(p.text)
}

var looseDot = regexp.MustCompile(`[a-z0-9\])+*]\.[a-z][a-z0-9-]*|[*+][a-z][a-z0-9-]*\\\.|[^\\:]\.[*+]\)*$|[^:]\[\^[^\]]*\][*+]\)*$`)

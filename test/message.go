package test

import (
	"fmt"
	"strconv"
	"strings"
)

// A message is a request or a response as a script writes it: directives, a first line, fields, and perhaps a body.
type message struct {
	directives []string
	first      string
	fields     []string
	body       string
	hasBody    bool   // there is an empty line, so the body counts even if it is empty
	text       string // all but the directives, as it stands in the script
}

func parseMessage(data []byte) message {
	var m message
	rest := string(data)
	for strings.HasPrefix(rest, "#") {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		m.directives = append(m.directives, strings.TrimSpace(line[1:]))
	}
	m.text = rest
	head, body, found := strings.Cut("\n"+rest, "\n\n")
	lines := strings.Split(strings.Trim(head, "\n"), "\n")
	m.first, m.fields = lines[0], lines[1:]
	m.body, m.hasBody = strings.TrimSuffix(body, "\n"), found
	return m
}

// directive returns what follows word in the directive that begins with it.
func (m *message) directive(word string) (arg string, found bool) {
	for _, d := range m.directives {
		if first, arg, _ := strings.Cut(d, " "); first == word {
			return arg, true
		}
	}
	return "", false
}

// allow fails for a directive that is none of words, so that a misspelt one is not taken for a comment.
func (m *message) allow(words ...string) error {
next:
	for _, d := range m.directives {
		for _, w := range words {
			if d == w || strings.HasPrefix(d, w+" ") {
				continue next
			}
		}
		return fmt.Errorf("there is no directive %q here, only %s", d, strings.Join(words, ", "))
	}
	return nil
}

func (m *message) has(name string) bool {
	for _, f := range m.fields {
		if n, _, _ := strings.Cut(f, ":"); strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// bytes returns the message as it goes over the wire: with CRLF, also in a body that is written in chunks, and with a
// Content-Length if it says nothing about a body that it has. After "# raw" the text is taken as it is, without its line ends and with Go's escapes.
func (m *message) bytes(bodyless bool) ([]byte, error) {
	if _, raw := m.directive("raw"); raw {
		return unescape(m.text)
	}
	var b strings.Builder
	b.WriteString(m.first + "\r\n")
	for _, f := range m.fields {
		b.WriteString(f + "\r\n")
	}
	if !bodyless && !m.has("Content-Length") && !m.has("Transfer-Encoding") {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.body))
	}
	body := m.body
	if m.has("Transfer-Encoding") {
		body = strings.ReplaceAll(m.body+"\n", "\n", "\r\n")
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String()), nil
}

func unescape(s string) ([]byte, error) {
	s = strings.ReplaceAll(s, "\n", "")
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		return nil, fmt.Errorf("%q is no raw text: %w", s, err)
	}
	return []byte(out), nil
}

package schema

// What is looked at before the YAML library sees a document, and its complaints in plain words.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// plain checks size, encoding and the number of entries, and takes a UTF-8 mark off.
func (p *parser) plain(data []byte) ([]byte, bool) {
	if len(data) > MaxDocument {
		p.add(0, 0, fmt.Sprintf("the document is larger than %d MiB, which is the most that is read", MaxDocument>>20))
		return nil, false
	}
	if name := otherEncoding(data); name != "" {
		p.add(1, 1, "the file is encoded as "+name+"; save it as UTF-8")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !p.utf8(data) || !p.entries(data) {
		return nil, false
	}
	return directive(surrogates(data)), true
}

var version = regexp.MustCompile(`^(\s*(#.*)?\n)*%YAML 1\.\d`)

// directive makes a comment of a leading %YAML line: the library refuses %YAML 1.2, which is what it reads.
func directive(data []byte) []byte {
	at := version.FindIndex(data)
	if at == nil {
		return data
	}
	data = bytes.Clone(data)
	data[at[1]-len("%YAML 1.x")] = '#'
	return data
}

// otherEncoding recognises UTF-16 and UTF-32 by their mark, or by the zeros that their ASCII has.
func otherEncoding(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}),
		len(data) >= 4 && data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] != 0,
		len(data) >= 4 && data[0] != 0 && data[1] == 0 && data[2] == 0 && data[3] == 0:
		return "UTF-32"
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}),
		len(data) >= 2 && data[0] == 0 && data[1] != 0, len(data) >= 2 && data[0] != 0 && data[1] == 0:
		return "UTF-16"
	}
	return ""
}

// utf8 refuses what is no UTF-8, and control characters, at their place.
func (p *parser) utf8(data []byte) bool {
	line, col := 1, 0
	for i := 0; i < len(data); {
		r, n := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(data[i:])
		}
		col++
		switch {
		case r == '\n':
			line, col = line+1, 0
		case r == utf8.RuneError && n == 1:
			p.add(line, col, fmt.Sprintf("the byte 0x%02x is no UTF-8; save the file as UTF-8", data[i]))
			return false
		case r < ' ' && r != '\t' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfeff, r == 0xfffe, r == 0xffff:
			p.add(line, col, fmt.Sprintf("the character %U must not stand in a document; write it as an escape in double quotes", r))
			return false
		}
		i += n
	}
	return true
}

// entries bounds the number of values that a document can have before any is built.
func (p *parser) entries(data []byte) bool {
	n := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte(",")) + bytes.Count(data, []byte("[")) +
		bytes.Count(data, []byte("{")) + bytes.Count(data, []byte("- ")) + bytes.Count(data, []byte("? "))
	if n > maxEntries {
		p.add(0, 0, fmt.Sprintf("the document has about %d entries; at most %d are read", n, maxEntries))
		return false
	}
	return true
}

var pair = regexp.MustCompile(`(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})`)

// surrogates rewrites the pairs with which JSON escapes characters beyond U+FFFF (RFC 8259 §7): YAML has none.
func surrogates(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u`)) || !pair.Match(data) || !json.Valid(data) {
		return data
	}
	return pair.ReplaceAllFunc(data, func(m []byte) []byte {
		hi, _ := strconv.ParseUint(string(m[2:6]), 16, 32)
		lo, _ := strconv.ParseUint(string(m[8:12]), 16, 32)
		return fmt.Appendf(nil, `\U%08X`, utf16.DecodeRune(rune(hi), rune(lo)))
	})
}

// syntax reports what the library could not read.
func (p *parser) syntax(err error) {
	if errors.Is(err, io.EOF) {
		p.add(1, 1, "the document is empty")
		return
	}
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		p.add(0, 0, err.Error())
		return
	}
	line, col := at.Mark.Line, at.Mark.Column
	msg := at.Message
	switch {
	case p.tab(line):
		msg = "a tab indents this line; YAML indents with spaces only"
		col = 1
	case msg == "found character that cannot start any token":
		msg = "text that begins with " + p.at(line, col) + " must be in quotes"
	case msg == "mapping values are not allowed in this context":
		msg = `a second ": " on the line; put text that has one in quotes, or indent the line as its map needs`
	case strings.HasPrefix(msg, "unknown anchor"): // its name is not told: it may be a password that begins with *
		msg = "there is no anchor of that name; put text that begins with * in quotes"
	case strings.Contains(msg, "max depth") || strings.Contains(msg, "too deep"):
		msg = fmt.Sprintf("values are nested more than %d deep here", maxDepth)
	case msg == "found unexpected end of stream" && at.ContextMark.Line > 0:
		line, col = at.ContextMark.Line, at.ContextMark.Column
		msg = "what begins here has no end"
	case at.ContextMsg != "" && at.ContextMark.Line > 0 && at.ContextMark.Line != line:
		msg = fmt.Sprintf("%s (%s that began at line %d)", msg, at.ContextMsg, at.ContextMark.Line)
	case at.ContextMsg != "":
		msg = fmt.Sprintf("%s (%s)", msg, at.ContextMsg)
	}
	if strings.Contains(at.Message, "did not find expected ',' or") && braced(p.line(line)) {
		msg += "; put text that holds braces in quotes"
	}
	p.add(line, col, msg)
}

// braced says whether text without quotes on the line goes on with a brace, such as /users/{id}, which ends it within { }.
func braced(line string) bool {
	quote, before := rune(0), ' '
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case (r == '"' || r == '\'') && strings.ContainsRune(" ,:[{", before):
			quote = r
		case r == '#' && before == ' ':
			return false
		case r == '{' && !strings.ContainsRune(" \t,:[{", before):
			return true
		}
		before = r
	}
	return false
}

// tab says whether the line is indented with a tab.
func (p *parser) tab(line int) bool {
	text := p.line(line)
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	return strings.Contains(indent, "\t")
}

func (p *parser) line(number int) string {
	for rest := string(p.data); ; number-- {
		text, after, more := strings.Cut(rest, "\n")
		if number <= 1 || !more {
			return text
		}
		rest = after
	}
}

// at names the character at a place.
func (p *parser) at(line, col int) string {
	for i, r := range []rune(p.line(line)) {
		if i == col-1 {
			return strconv.QuoteRune(r)
		}
	}
	return "this character"
}

// Clip shortens text of a document for a message.
func Clip(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

package problem

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Render writes p for a client that sent this Accept field, "" for none; id is the request's. The body never starts
// like another type and holds no byte of detail that its type gives a meaning to, so it is safe
// with or without "X-Content-Type-Options: nosniff".
func (p *Problem) Render(accept, id string) (contentType string, body []byte) {
	switch contentType = negotiate(accept); contentType {
	case typeHTML:
		body = p.html(id)
	case typeText:
		body = p.text(id)
	default:
		body = p.json(id)
	}
	return contentType, body
}

// json writes the document of RFC 9457 §3, its members always in the same order.
func (p *Problem) json(id string) []byte {
	b := make([]byte, 0, 256+len(p.Detail))
	b = append(b, `{"type":"urn:sallyport:problem:`...)
	b = append(b, p.Name...)
	b = append(b, `","title":`...)
	b = appendJSON(b, p.Title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	if p.Detail != "" {
		b = append(b, `,"detail":`...)
		b = appendJSON(b, p.Detail)
	}
	if id != "" {
		b = append(b, `,"instance":`...)
		b = append(b, `"urn:uuid:`...)
		b = append(b, url.PathEscape(id)...) // an id that a trusted proxy made need not be a UUID
		b = append(b, '"')
	}
	if len(p.Extra) > 0 {
		b = p.appendExtra(b)
	}
	return append(b, '}')
}

func (p *Problem) appendExtra(b []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		value, err := json.Marshal(p.Extra[name])
		if err != nil || slices.Contains(members, name) {
			continue // better a document without the member than none
		}
		b = append(b, ',')
		b = appendJSON(b, name)
		b = append(b, ':')
		b = append(b, value...)
	}
	return b
}

// members are the names that Extra cannot take.
var members = []string{"type", "title", "status", "detail", "instance"}

// appendJSON appends s as a JSON string.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || strings.IndexByte(`"\<>&`, c) >= 0 {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func (p *Problem) text(id string) []byte {
	b := []byte(p.heading() + "\n")
	if p.Detail != "" {
		b = append(b, "\n"+printable(p.Detail)+"\n"...)
	}
	if id != "" {
		b = append(b, "\nRequest "+printable(id)+"\n"...)
	}
	return b
}

const (
	htmlStart = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>`
	htmlStyle = `</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto 0;padding:0 1.5rem}small{opacity:.7;overflow-wrap:anywhere}</style>
</head>
<body>
<h1>`
	htmlEnd = "</body>\n</html>\n"
)

func (p *Problem) html(id string) []byte {
	heading := escape(p.heading())
	b := make([]byte, 0, len(htmlStart)+len(htmlStyle)+len(htmlEnd)+2*len(heading)+len(p.Detail)+128)
	b = append(b, htmlStart...)
	b = append(b, heading...)
	b = append(b, htmlStyle...)
	b = append(b, heading+"</h1>\n"...)
	if p.Detail != "" {
		b = append(b, "<p>"+escape(p.Detail)+"</p>\n"...)
	}
	if id != "" {
		b = append(b, "<p><small>Request "+escape(id)+"</small></p>\n"...)
	}
	return append(b, htmlEnd...)
}

func (p *Problem) heading() string { return strconv.Itoa(p.Status) + " " + printable(p.Title) }

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func escape(s string) string { return htmlEscapes.Replace(printable(s)) }

// printable takes out what could move a terminal's cursor or hide text: controls, line ends and
// characters that turn the direction of writing. Invalid UTF-8 becomes U+FFFD.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

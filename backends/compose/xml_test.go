package compose

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

// typed is an upstream whose answers have a type and an encoding.
type typed struct{ contentType, encoding, body string }

func (e typed) Name() string { return "s" }

func (e typed) Send(*policy.Exchange, *wire.Call) (*wire.Response, error) {
	resp := &wire.Response{Status: 200, Length: int64(len(e.body)), Body: io.NopCloser(strings.NewReader(e.body))}
	resp.Header.Add("Content-Type", e.contentType)
	resp.Header.Add("Content-Encoding", e.encoding)
	return resp, nil
}

func TestXML(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("<a>zip</a>"))
	_ = z.Close()
	const bad, large = "502 compose_failed The call a was answered with what is no good XML.", "502 compose_failed The call a was answered with too large a body."
	for name, tc := range map[string]struct {
		typed
		more, want string
	}{
		"Latin 1 by its type":        {typed{"text/xml; charset=ISO-8859-1", "", "<a>\xe4</a>"}, "", `200 [] {"a":"ä"}`},
		"Latin 1 by its declaration": {typed{"text/xml", "", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>"}, "", `200 [] {"a":"ä"}`},
		"UTF-16 by its mark":         {typed{"text/xml; charset=utf-8", "", "\xff\xfe<\x00a\x00/\x00>\x00"}, "", `200 [] {"a":""}`},
		"gzip":                       {typed{"text/xml", "gzip", zipped.String()}, "", `200 [] {"a":"zip"}`},
		"an unknown charset":         {typed{"text/xml; charset=EBCDIC", "", "<a/>"}, "", bad},
		"not what it says":           {typed{"text/xml", "", "<a>\xe4</a>"}, "", bad},
		"nothing but space":          {typed{"text/xml", "", " "}, "", bad},
		"too deep":                   {typed{"text/xml", "", strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)}, "", bad},
		"as deep as may be, in lists": {typed{"text/xml", "", strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200)}, ", xml: { depth: 200, arrays: a }",
			"502 compose_failed The call a was answered with what is no good JSON."},
		"too many":            {typed{"text/xml", "", "<a>" + strings.Repeat("<b/>", 9) + "</a>"}, ", xml: { elements: 9 }", bad},
		"too large":           {typed{"text/xml", "", "<a>" + strings.Repeat("b", 1100) + "</a>"}, ", max_body: 1KiB", large},
		"too large when made": {typed{"text/xml", "", "<a>" + strings.Repeat("\n", 900) + "</a>"}, ", max_body: 1KiB", large},
	} {
		x := exchange("/")
		resp, err := made(t, tc.typed, "calls: { a: { upstream: s, read: xml"+tc.more+" } }\nmerge: [a]")(x)
		if got := told(x, resp, err); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

package event

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sallyport/wire"
)

// told writes a response as one line.
func told(resp *wire.Response, err error) string {
	if err != nil {
		return "error"
	}
	var b strings.Builder
	fmt.Fprint(&b, resp.Status)
	for name, value := range resp.Header.All() {
		fmt.Fprintf(&b, " [%s: %s]", name, value)
	}
	if resp.Body != nil {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return "cut short"
		}
		fmt.Fprintf(&b, " %s", body)
		if resp.Length >= 0 && resp.Length != int64(len(body)) {
			fmt.Fprintf(&b, " of length %d", resp.Length)
		}
		resp.Close()
	}
	return b.String()
}

func TestResponse(t *testing.T) {
	const json, text = "[Content-Type: application/json]", "[Content-Type: text/plain;charset=UTF-8]"
	for _, c := range []struct{ version, result, want string }{
		{V1, `{"statusCode":201,"body":"a"}`, "201 " + json + " a"},
		{V1, `{"statusCode":"201"}`, "201 " + json + " "},
		{V1, `{"statusCode":200.0}`, "200 " + json + " "},
		{V1, `{}`, "200 " + json + " "},
		{V1, `{"headers":null,"body":null,"multiValueHeaders":null}`, "200 " + json + " "},
		{V1, `{"headers":{"X-A":true,"X-B":1,"X-C":null,"content-type":"text/x"}}`, "200 [X-A: true] [X-B: 1] [content-type: text/x] "},
		{V1, `{"headers":{"x-a":"3"},"multiValueHeaders":{"X-A":["1","2"]}}`, "200 [X-A: 1] [X-A: 2] [X-A: 3] " + json + " "},
		{V1, `{"headers":{"x-a":"2"},"multiValueHeaders":{"X-A":["1","2"]}}`, "200 [X-A: 1] [X-A: 2] " + json + " "},
		{V1, `{"headers":{"content-type":"a/b"},"multiValueHeaders":{"Content-Type":["a/b"]}}`, "200 [Content-Type: a/b] "},
		{V1, `{"headers":{"content-type":"a/b","Content-Type":"a/b"}}`, "200 [Content-Type: a/b] "},
		{V1, `{"headers":{"content-type":"a/b"},"multiValueHeaders":{"Content-Type":["text/html"]}}`, "error"},
		{V1, `{"headers":{"Content-Type":"text/html","content-type":"a/b"}}`, "error"}, {V1, `{"multiValueHeaders":{"Content-Type":["a/b","text/html"]}}`, "error"},
		{V1, `{"multiValueHeaders":{"Location":["/a","/b"]}}`, "error"}, {V1, `{"multiValueHeaders":{"etag":["\"1\"","\"2\""]}}`, "error"},
		{V2, `{"statusCode":302,"headers":{"Location":"/a","location":"/b"}}`, "error"},
		{V1, `{"multiValueHeaders":{"a":[1` + strings.Repeat(",1", maxFields-1) + `]}}`, "200" + strings.Repeat(" [a: 1]", maxFields) + " " + json + " "},
		{V1, `{"multiValueHeaders":{"a":[1` + strings.Repeat(",1", maxFields) + `]}}`, "error"},
		{V1, `{"headers":{"b":2},"multiValueHeaders":{"a":[1` + strings.Repeat(",1", maxFields-1) + `]}}`, "error"},
		{V1, `{"headers":{"a":"` + strings.Repeat("x", maxFieldBytes) + `"}}`, "error"}, {V2, `{"statusCode":200,"cookies":["` + strings.Repeat("x", maxFieldBytes) + `"]}`, "error"},
		{V1, `{"body":"aGVsbG8=","isBase64Encoded":true}`, "200 " + json + " hello"},
		{V1, `{"statusCode":204,"body":"a"}`, "204 " + json},
		{V1, `{"headers":{"Content-Length":"9","Connection":"close","Transfer-Encoding":"chunked","Date":"now"}}`, "200 " + json + " "},
		{V1, `{"cookies":[]}`, "error"}, {V1, `{"StatusCode":200}`, "error"}, {V1, `{"statusCode":99}`, "error"}, {V1, `{"statusCode":"x"}`, "error"},
		{V1, `{"statusCode":101}`, "error"}, {V1, `{"statusCode":600}`, "error"}, {V1, `{"statusCode":200.5}`, "error"}, {V1, `{"statusCode":null}`, "error"},
		{V1, `{"body":{"a":1}}`, "error"}, {V1, `{"body":1}`, "error"}, {V1, `{"body":"-","isBase64Encoded":true}`, "error"}, {V1, `{"isBase64Encoded":"yes"}`, "error"},
		{V1, `{"headers":[]}`, "error"}, {V1, `{"headers":{"a":[]}}`, "error"}, {V1, `{"headers":{"a b":"x"}}`, "error"}, {V1, `{"headers":{"a":"x\r\ny"}}`, "error"},
		{V1, `{"multiValueHeaders":{"a":"x"}}`, "error"}, {V1, `{"multiValueHeaders":{"a":null}}`, "error"},
		{V1, `"text"`, "error"}, {V1, `null`, "error"}, {V1, ``, "error"}, {V1, `{"statusCode":200`, "error"}, {V1, `[]`, "error"}, {V1, `{} {}`, "error"},
		{V1, `{"body":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "error"},
		{V2, `{"statusCode":201,"body":"a","cookies":["a=1; Path=/","b=2"],"more":1}`, "201 [Set-Cookie: a=1; Path=/] [Set-Cookie: b=2] " + text + " a"},
		{V2, `{"statusCode":200,"headers":{"Content-Type":"a/b"},"body":"AA==","isBase64Encoded":true}`, "200 [Content-Type: a/b] \x00"},
		{V2, `{"statusCode":200}`, "200 "},
		{V2, `{"message":"hi","n":1.10}`, "200 " + json + ` {"message":"hi","n":1.10}`},
		{V2, ` "hi \u00fc" `, "200 " + json + " hi ü"},
		{V2, `[1, 2]`, "200 " + json + " [1, 2]"}, {V2, `17`, "200 " + json + " 17"}, {V2, `null`, "200 " + json + " null"},
		{V2, `{"statusCode":200,"cookies":"a=1"}`, "error"}, {V2, `{"statusCode":200,"cookies":["a\nb"]}`, "error"}, {V2, `{"statusCode":0}`, "error"},
		{V2, `no`, "error"}, {V2, ``, "error"},
	} {
		if got := told(Response(c.version, []byte(c.result))); got != c.want {
			t.Errorf("%s, %.80s: got %s, want %s", c.version, c.result, got, c.want)
		}
	}
}

func TestStream(t *testing.T) {
	end := string(endOfHead)
	for _, c := range []struct{ kind, sent, want string }{
		{"", "abc", "200 [Content-Type: application/octet-stream] abc"},
		{"text/event-stream", "data: 1\n\n", "200 [Content-Type: text/event-stream] data: 1\n\n"},
		{Streamed, `{"statusCode":201,"headers":{"X-A":"1"},"cookies":["a=1"]}` + end + "body", "201 [X-A: 1] [Set-Cookie: a=1] [Content-Type: application/octet-stream] body"},
		{Streamed, `{}` + end, "200 [Content-Type: application/octet-stream] "},
		{Streamed, `{"statusCode":204}` + end + "x", "204 [Content-Type: application/octet-stream]"},
		{Streamed, `{"statusCode":200,"headers":{"content-type":"a/b","Content-Type":"text/html"}}` + end, "error"},
		{Streamed, `{"statusCode":200,"cookies":["` + strings.Repeat("x", maxFieldBytes) + `"]}` + end, "error"},
		{Streamed, `{}`, "error"}, {Streamed, `{"statusCode":7}` + end, "error"}, {Streamed, `no` + end, "error"},
		{Streamed, strings.Repeat(" ", maxHead+8<<10), "error"},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(c.sent), "a byte at a time": iotest.OneByteReader(strings.NewReader(c.sent))} {
			if len(c.sent) > 1000 && name != "at once" {
				continue
			}
			if got := told(Stream(c.kind, io.NopCloser(r))); got != c.want {
				t.Errorf("%.40q, %.40q, %s: got %s, want %s", c.kind, c.sent, name, got, c.want)
			}
		}
	}
}

// Whatever a function returns makes a response that can be sent, or none.
func FuzzResponse(f *testing.F) {
	f.Add(`{"statusCode":"201","headers":{"a":true},"multiValueHeaders":{"A":["b"]},"body":"YQ==","isBase64Encoded":true}`)
	f.Add(`{"statusCode":200,"cookies":["a=1"],"body":"x"}`)
	f.Fuzz(func(t *testing.T, result string) {
		check := func(resp *wire.Response, err error) {
			if err != nil {
				return
			}
			if resp.Status < 200 || resp.Status > 599 {
				t.Errorf("status %d", resp.Status)
			}
			for i := range resp.Header.Len() {
				if f := resp.Header.At(i); !f.Valid() || !f.ID().EndToEnd() {
					t.Errorf("the field %q: %q", f.Name, f.Value)
				}
			}
			resp.Close()
		}
		for _, version := range []string{V1, V2} {
			check(Response(version, []byte(result)))
		}
		check(Stream(Streamed, io.NopCloser(strings.NewReader(result+string(endOfHead)+result))))
	})
}

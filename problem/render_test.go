package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

var teapot = Define("test_teapot", 418, "I'm a <teapot>", "Only for these tests.")

func TestRenderJSON(t *testing.T) {
	p := teapot.New("short & stout").Because(errors.New("dial 10.0.0.1:80: refused"))
	p.Extra = map[string]any{"zeta": 1, "alpha": []string{"<a>"}, "status": 200, "broken": math.NaN()}
	ct, body := p.Render("", "0b0c")
	const want = `{"type":"urn:sallyport:problem:test_teapot","title":"I'm a \u003cteapot\u003e","status":418,` +
		`"detail":"short \u0026 stout","instance":"urn:uuid:0b0c","alpha":["\u003ca\u003e"],"zeta":1}`
	if ct != "application/problem+json" || string(body) != want {
		t.Errorf("got  %s %s\nwant %s", ct, body, want)
	}
	if _, body := BadRequest.New("").Render("", ""); string(body) != `{"type":"urn:sallyport:problem:bad_request","title":"Bad request","status":400}` {
		t.Errorf("without detail and id: %s", body)
	}
	if _, body := BadRequest.New("").Render("", "a b/ü"); !bytes.Contains(body, []byte(`"urn:uuid:a%20b%2F%C3%BC"`)) {
		t.Errorf("the instance is no URI: %s", body)
	}
}

func TestRenderText(t *testing.T) {
	ct, body := teapot.New("tip me\r\nover \x1b[31m\u202e").Render("text/plain", "0b0c")
	const want = "418 I'm a <teapot>\n\ntip me  over  [31m \n\nRequest 0b0c\n"
	if ct != "text/plain; charset=utf-8" || string(body) != want {
		t.Errorf("got %s %q, want %q", ct, body, want)
	}
}

func TestRenderHTML(t *testing.T) {
	ct, body := teapot.New(`<script>alert("x'")</script>`).Render("text/html", `"><i>`)
	if ct != "text/html; charset=utf-8" {
		t.Fatal(ct)
	}
	for _, want := range []string{
		"<title>418 I&#39;m a &lt;teapot&gt;</title>", "<h1>418 I&#39;m a &lt;teapot&gt;</h1>",
		"<p>&lt;script&gt;alert(&#34;x&#39;&#34;)&lt;/script&gt;</p>", "Request &#34;&gt;&lt;i&gt;", "light dark",
	} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	for _, bad := range []string{"<script", "href", "src=", "url(", "http:", "https:", "<i>"} {
		if bytes.Contains(body, []byte(bad)) {
			t.Errorf("%q must not be in\n%s", bad, body)
		}
	}
	if len(body) > 1024 {
		t.Errorf("the page has %d bytes, want at most 1024", len(body))
	}
}

func TestNegotiate(t *testing.T) {
	for _, c := range []struct{ accept, want string }{
		{"", typeJSON},
		{"*/*", typeJSON},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", typeHTML},
		{"application/json, text/plain, */*", typeJSON},
		{"application/json", typeJSON},
		{"application/problem+json", typeJSON},
		{"application/vnd.api+json, text/html;q=0.9", typeJSON},
		{"Text/HTML", typeHTML},
		{"text/html;q=0.4, application/json;q=0.5", typeJSON},
		{"text/html ; q=0.5 , application/json ; Q=0.4", typeHTML},
		{"text/html;q=0.5,text/plain;q=0.501", typeText},
		{"text/plain", typeText},
		{"text/*", typeText},
		{"text/*, text/plain;q=0", typeHTML},
		{"*/*;q=0.1, text/html", typeHTML},
		{"*/*, application/json;q=0", typeText},
		{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", typeHTML},
		{"application/json;q=0", typeJSON}, // nothing is left: the field is disregarded
		{"image/png", typeJSON},
		{"text/html;level=1", typeHTML},
		{`text/html;x="a,b;q=0";q=0.7, text/plain;q=0.6`, typeHTML},
		{`text/html;x="\",text/plain`, typeHTML},
		{"text/html;q=2, text/plain;q=0.1", typeText},
		{"text/html;q=1.001, text/plain;q=0.1", typeText},
		{"text/html;q=-1, text/plain;q=0.1", typeText},
		{"text/html;q=0.1234, text/plain;q=0.1", typeText},
		{"text/html;q=, text/plain;q=0.1", typeText},
		{"text/html;q=0x1, text/plain;q=0.1", typeText},
		{"text/html;q=1.000", typeHTML},
		{",,,;;;,text/html", typeHTML},
		{"text", typeJSON}, {"/", typeJSON}, {"text/", typeJSON}, {"/html", typeJSON}, {`"`, typeJSON},
		{strings.Repeat("a/b,", maxRanges) + "text/html", typeJSON},
		{strings.Repeat("a/b,", maxRanges-1) + "text/html", typeHTML},
		{strings.Repeat(" ", maxAccept) + "text/html", typeJSON},
		{strings.Repeat(",", 1<<20), typeJSON},
	} {
		if got := negotiate(c.accept); got != c.want {
			t.Errorf("Accept %.80q: got %s, want %s", c.accept, got, c.want)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("text/html;q=0.5,*/*;q=0.1", "0b0c", "detail", "name")
	f.Add(`text/plain;x="`, "\xff\x00", "<b>\u2028\x7f", "tit\"le")
	f.Fuzz(func(t *testing.T, accept, id, detail, extra string) {
		p := teapot.New("")
		p.Detail, p.Extra = detail, map[string]any{extra: detail}
		switch ct, body := p.Render(accept, id); ct {
		case typeJSON:
			var doc map[string]any
			if err := json.Unmarshal(body, &doc); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			if doc["status"] != 418.0 || doc["type"] != "urn:sallyport:problem:test_teapot" {
				t.Errorf("members were taken over: %s", body)
			}
			if detail != "" && doc["detail"] != strings.ToValidUTF8(detail, "\ufffd") && utf8.ValidString(detail) {
				t.Errorf("got detail %q, want %q", doc["detail"], detail)
			}
		case typeText, typeHTML:
			if !utf8.Valid(body) || bytes.ContainsAny(body, "\x00\x1b\x7f\r") {
				t.Errorf("unprintable bytes in %q", body)
			}
			if ct == typeHTML && bytes.Count(body, []byte("<")) != bytes.Count(teapotPage(t, id != "", detail != ""), []byte("<")) {
				t.Errorf("markup got in: %s", body)
			}
		default:
			t.Errorf("content type %q", ct)
		}
	})
}

func teapotPage(t *testing.T, id, detail bool) []byte {
	t.Helper()
	p, name := teapot.New(""), ""
	if detail {
		p.Detail = "d"
	}
	if id {
		name = "i"
	}
	_, page := p.Render("text/html", name)
	return page
}

func BenchmarkRender(b *testing.B) {
	p := teapot.New("Try again in 3 s.")
	b.ReportAllocs()
	for b.Loop() {
		p.Render("*/*", "018f3c5e-0000-7000-8000-000000000000")
	}
}

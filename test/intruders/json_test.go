package intruders

import (
	"net/http"
	"strings"
	"testing"
)

func posted(body string) request {
	return request{method: http.MethodPost, target: "/json", head: "Content-Type: application/json\r\n", body: body}
}

// refused wants that none of these bodies passes.
func refused(t *testing.T, l *lab, bodies map[string]string) {
	t.Helper()
	for name, body := range bodies {
		if r := l.ask(t, posted(body)); r.status != 400 && r.status != 413 || len(r.reached) > 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// kept wants that these pass, byte by byte.
func kept(t *testing.T, l *lab, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if r := l.ask(t, posted(body)); r.status != 200 || len(r.bodies) != 1 || r.bodies[0] != body {
			t.Errorf("%.60q: %v", body, r)
		}
	}
}

// What is judged is what goes on, byte by byte, and names are taken as they are.
func membersInAnyCase(t *testing.T, l *lab) {
	kept(t, l, `{"Role":"admin","role":"user"}`, `{ "a" : 1 }`, `{"b":1,"a":2}`, `[]`, `"text"`, `{"__proto__":{"admin":true}}`)
	refused(t, l, map[string]string{"twice": `{"role":"user","role":"admin"}`, "twice, escaped": `{"role":"user","r\u006fle":"admin"}`, "twice, within": `[{"a":{"b":1,"b":2}}]`})
}

func deepJSON(t *testing.T, l *lab) {
	refused(t, l, map[string]string{
		"lists": strings.Repeat("[", 1_000_000), "closed": strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "objects": strings.Repeat(`{"a":`, 100_000), "both": strings.Repeat(`[{"a":`, 50_000),
		"just too deep": strings.Repeat("[", 65) + strings.Repeat("]", 65), "spaces between": strings.Repeat("[ ", 1000) + strings.Repeat("] ", 1000),
	})
}

// Numbers are kept as they are, however long, or refused; not computed.
func longNumbers(t *testing.T, l *lab) {
	for _, body := range []string{"1e1000000000", "-0", "1e-1000000000", "1" + strings.Repeat("0", 1_000_000), `{"a":1` + strings.Repeat("0", 100_000) + `}`, "0." + strings.Repeat("1", 100_000), "9007199254740993", "1.0", "1E5"} {
		r := l.ask(t, posted(body))
		if r.status == 200 && (len(r.bodies) != 1 || r.bodies[0] != body) || r.status != 200 && r.status != 400 && r.status != 413 {
			t.Errorf("%.30s: %v", body, r)
		}
	}
	refused(t, l, map[string]string{"NaN": "NaN", "Infinity": "Infinity", "hex": "0x10", "a plus": "+1", "a zero in front": "01", "a dot": "1.", "a dot in front": ".1", "an underscore": "1_000", "an e": "1e"})
}

func brokenJSON(t *testing.T, l *lab) {
	bodies := map[string]string{
		"half a surrogate": `{"a":"\ud800"}`, "the other half": `{"a":"\udc00"}`, "a BOM": "\xef\xbb\xbf{}", "two objects": `{}{}`, "garbage": `{}garbage`, "a NUL behind": "{}\x00", "a NUL within": "{\"a\":\"\x00\"}", "a comment": `{/**/}`,
		"a line comment": "{}//x", "a comma": `{"a":1,}`, "single quotes": `{'a':1}`, "no quotes": `{a:1}`, "cut off": `{"a":`, "only a space": " ", "invalid UTF-8": "{\"a\":\"\xff\"}", "overlong": "{\"a\":\"\xc0\xaf\"}", "a surrogate in UTF-8": "{\"a\":\"\xed\xa0\x80\"}",
		"an escape": `{"a":"\x41"}`, "a line end in text": "{\"a\":\"\n\"}", "UTF-16": "{\x00}\x00", "a form feed": "{\f}", "no colon": `{"a" 1}`, "a list for an object": `{"a",1}`, "not JSON": `role=admin`, "XML": `<a/>`,
	}
	refused(t, l, bodies)
	for name, kind := range map[string]string{"a charset": "application/json; charset=utf-8", "capitals": "Application/JSON", "a suffix": "application/problem+json", "of a vendor": "application/vnd.api+json"} {
		r := posted(`{"a":1,"a":2}`)
		r.head = "Content-Type: " + kind + "\r\n"
		if a := l.ask(t, r); a.status != 400 || len(a.reached) > 0 {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// What is judged is what the backend will read: a body in a coding is neither.
func codings(t *testing.T, l *lab) {
	for _, coding := range []string{"gzip", "GZIP", "x-gzip", "gzip ", "deflate", "br", "zstd", "identity, gzip", "gzip, identity", "identity,gzip", "unknown", "*", "gzip;q=1", "\tgzip"} {
		for _, body := range []string{`{"a":1}`, `{"a":1,"a":2}`, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"} {
			r := posted(body)
			r.head += "Content-Encoding: " + coding + "\r\n"
			if a := l.ask(t, r); a.status != 400 && a.status != 415 || len(a.reached) > 0 {
				t.Errorf("%q: %v", coding, a)
			}
		}
	}
	for _, kind := range []string{"", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-seq", "application/jsonp", "json", "application/json, text/plain", "application/json;charset=utf-7", "application/json; charset=utf-16le", " ", "\"application/json\""} {
		r := posted(`{"a":1,"a":2}`)
		r.head = "Content-Type: " + kind + "\r\n"
		if a := l.ask(t, r); a.status != 400 && a.status != 415 || len(a.reached) > 0 {
			t.Errorf("%q: %v", kind, a)
		}
	}
	for _, head := range []string{"", "Content-Type: application/json\r\nContent-Type: text/plain\r\n", "Content_Type: text/plain\r\n", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"} {
		r := posted(`{"a":1,"a":2}`)
		r.head = head
		if a := l.ask(t, r); a.status != 400 && a.status != 415 || len(a.reached) > 0 {
			t.Errorf("%q: %v", head, a)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions, "QUERY"} {
		r := posted(`{"a":1,"a":2}`)
		r.method = method
		if a := l.ask(t, r); a.status < 400 || len(a.reached) > 0 {
			t.Errorf("%s: %v", method, a)
		}
	}
	chunked := request{method: http.MethodPost, target: "/json", head: "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1,\r\n6\r\n\"a\":2}\r\n0\r\n\r\n"}
	if a := l.ask(t, chunked); a.status != 400 || len(a.reached) > 0 {
		t.Errorf("in chunks: %v", a)
	}
}

package telemetry

import (
	"encoding/json"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func example() *Line {
	return &Line{
		Time: time.Date(2026, 11, 23, 22, 10, 3, 42_000_999, time.FixedZone("", 3600)),
		ID:   "018f3c5e-1111-7222-8333-444455556666", API: "shop", Route: "GET /users/{id}", Version: "v2",
		Method: "GET", Host: "api.example.com", Path: "/users/17", Query: "page=2&sort=name", Protocol: "HTTP/1.1", Status: 200,
		ClientIP: netip.MustParseAddr("192.0.2.7"), Consumer: "acme", Subject: "u17", BytesIn: 12, BytesOut: 1024,
		Duration: 12_345_678, Upstream: 11 * time.Millisecond, Function: "app", UpstreamName: "users", Target: "http://127.0.0.1:9101",
		UserAgent: "curl/8.5.0", Referer: "https://example.com/a", TraceID: "0af7651916cd43dd8448eb211c80319c", Tries: 1,
	}
}

func line(l *Line, set fieldSet) string { return string(l.append(nil, set, new(clock))) }

func TestLine(t *testing.T) {
	const start = `{"time":"2026-11-23T21:10:03.042000Z","id":"018f3c5e-1111-7222-8333-444455556666","client_ip":"192.0.2.7",` +
		`"method":"GET","host":"api.example.com","path":"/users/17"`
	failed := example()
	failed.Status, failed.Problem, failed.Cause, failed.Query = 502, "upstream_failed", `dial: "refused"`, ""
	failed.ClientIP = netip.MustParseAddr("fe80::1%eth\"0")
	for _, c := range []struct {
		name string
		line *Line
		set  fieldSet
		want string
	}{
		{"all", example(), allFields, start + `,"query":"page=2&sort=name","protocol":"HTTP/1.1","status":200,"duration_ms":12.345,"bytes_in":12,"bytes_out":1024,` +
			`"api":"shop","version":"v2","route":"GET /users/{id}","consumer":"acme","subject":"u17","function":"app","upstream":"users","target":"http://127.0.0.1:9101","tries":1,"upstream_ms":11.000,` +
			`"user_agent":"curl/8.5.0","referer":"https://example.com/a","trace_id":"0af7651916cd43dd8448eb211c80319c"}`},
		{"failed", failed, fieldClientIP | fieldQuery | fieldStatus | fieldProblem | fieldCause,
			`{"client_ip":"fe80::1","status":502,"problem":"upstream_failed","cause":"dial: \"refused\""}`},
		{"empty", &Line{}, allFields, `{"time":"0001-01-01T00:00:00.000000Z","status":0,"duration_ms":0.000,"bytes_in":0,"bytes_out":0}`},
		{"nothing wanted", example(), 0, `{}`},
		{"negative", &Line{Duration: -1, BytesIn: math.MinInt64}, fieldDuration | fieldBytesIn, `{"duration_ms":0.000,"bytes_in":-9223372036854775808}`},
	} {
		if got := line(c.line, c.set); got != c.want+"\n" {
			t.Errorf("%s:\ngot  %swant %s", c.name, got, c.want)
		}
	}
}

// TestFieldsInOrder has each name of Fields chosen alone.
func TestFieldsInOrder(t *testing.T) {
	l := example()
	l.Problem, l.Cause, l.Fault, l.Retried, l.Hedged = "p", "c", "delay", "reset", "won"
	l.Auth, l.DeniedBy, l.DeniedReason = "jwt", "authorize", "forbidden"
	l.Calls = []Call{{Name: "user", Status: 200}}
	for _, name := range Fields {
		set, err := fieldsOf([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(line(l, set)), &got); err != nil {
			t.Fatal(err)
		}
		if _, ok := got[name]; !ok || len(got) != 1 {
			t.Errorf("field %s writes %v", name, got)
		}
	}
	if 1<<len(Fields) != fieldEnd {
		t.Errorf("there are %d names for other fields", len(Fields))
	}
	f, _ := reflect.TypeFor[AccessLogConfig]().FieldByName("Fields")
	if got, want := f.Tag.Get("enum"), strings.Join(Fields, ","); got != want {
		t.Errorf("the setting's enum is\n%s, want\n%s", got, want)
	}
	if _, err := fieldsOf([]string{"time", "authorization"}); err == nil {
		t.Error("an unknown field must be an error")
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text of some length, 0123456789", "plain text of some length, 0123456789"},
		{"a\"b\\c", `a\"b\\c`},
		{"12345678\"", `12345678\"`},
		{"1234567\"8", `1234567\"8`},
		{"\x00\x1f\n\r\t\x7f", `\u0000\u001f\n\r\t\u007f`},
		{"grüße 世界 🎉", "grüße 世界 🎉"},
		{"\xff\xc3", `\ufffd\ufffd`},
		{"a\ufffdb", "a\ufffdb"},
		{"\u009b31m\u0080", `\u009b31m\u0080`},                               // C1 controls move cursors too
		{"\u2028\u2029\u202e\u200b\ufeff", `\u2028\u2029\u202e\u200b\ufeff`}, // line ends, direction, nothing to see
		{"\U000e0041", `\udb40\udc41`},                                       // an invisible tag character
		{"<>&'", "<>&'"},
		{"{\"}\n{\"a\":1}", `{\"}\n{\"a\":1}`},
	} {
		if got := string(appendText(nil, c.in, longField)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestBoundedFields(t *testing.T) {
	for _, s := range []string{"x", "\x00", "ü", "\xff", "\u202e", "\U000e0041", "a=b&", "token=x&", "token=" + strings.Repeat("y", 30) + ";", "http://u:p@h?token=x&"} {
		long := strings.Repeat(s, 1<<20/len(s))
		l := &Line{ID: long, API: long, Route: long, Version: long, Method: long, Host: long, Path: long, Query: long, Protocol: long,
			Consumer: long, Subject: long, Function: long, UpstreamName: long, Target: long, Problem: long, Cause: long, UserAgent: long, Referer: long, TraceID: long,
			ClientIP: netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"), Tries: math.MaxInt, BytesIn: math.MinInt64, BytesOut: math.MinInt64,
			Duration: math.MaxInt64, Upstream: math.MaxInt64, Status: math.MinInt}
		got := line(l, allFields)
		if len(got) > maxLine {
			t.Errorf("%q: the line has %d bytes, want at most %d", s, len(got), maxLine)
		}
		if !json.Valid([]byte(got)) || strings.Count(got, "\n") != 1 {
			t.Errorf("%q: not one line of JSON: %.100q", s, got)
		}
		if !strings.Contains(got, "…") {
			t.Errorf("%q: a field that was cut off must show it", s)
		}
	}
}

func TestClock(t *testing.T) {
	c := new(clock)
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(0, 999_999_999), time.Unix(1, 1000), time.Unix(0, 0), {}, time.Unix(1e9, 123_456_789)} {
		if got, want := string(c.append(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000Z"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzLine wants one valid line of JSON, and the text back, whatever a client sends.
func FuzzLine(f *testing.F) {
	f.Add("/users", "a=b&token=c", "curl", "https://u:p@x/?sig=1", "GET")
	f.Add("\x00\xff\u2028", "%74oken=\"\n", "\x1b[31m", "://@?", "\"}\n{")
	f.Fuzz(func(t *testing.T, path, query, agent, referer, method string) {
		l := example()
		l.Path, l.Query, l.UserAgent, l.Referer, l.Method, l.Cause = path, query, agent, referer, method, path+agent
		got := line(l, allFields)
		if strings.Count(got, "\n") != 1 || len(got) > maxLine || !utf8.ValidString(got) {
			t.Fatalf("not one line: %q", got)
		}
		for _, r := range got[:len(got)-1] {
			if r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u202e' {
				t.Fatalf("the character %U is in %q", r, got)
			}
		}
		var back map[string]any
		if err := json.Unmarshal([]byte(got), &back); err != nil {
			t.Fatalf("%v in %s", err, got)
		}
		for name, want := range map[string]string{"path": path, "user_agent": agent} {
			if len(want) > 1000 || want == "" {
				continue // may be cut
			}
			if text := back[name]; text != string([]rune(want)) {
				t.Errorf("%s: got %q, want %q", name, text, want)
			}
		}
	})
}

func TestLineAllocatesNothing(t *testing.T) {
	l, b, c := example(), make([]byte, 0, maxLine), new(clock)
	l.Query, l.UserAgent = "token=abcdef&%74=ü", "\x00\xff grüße"
	if got := testing.AllocsPerRun(100, func() {
		l.Time = l.Time.Add(100 * time.Millisecond)
		l.append(b, allFields, c)
	}); got != 0 {
		t.Errorf("got %v allocations a line, want 0", got)
	}
}

func BenchmarkLine(b *testing.B) {
	usual := example()
	usual.Version, usual.Query, usual.Consumer, usual.Subject, usual.Referer, usual.BytesIn = "", "", "", "", "", 0
	for name, l := range map[string]*Line{"usual": usual, "everything": example()} {
		b.Run(name, func(b *testing.B) {
			room, c := make([]byte, 0, maxLine), new(clock)
			b.SetBytes(int64(len(l.append(room, allFields, c))))
			b.ReportAllocs()
			for b.Loop() {
				l.append(room, allFields, c)
			}
		})
	}
}

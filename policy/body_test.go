package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

func TestBody(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   io.Reader
		length int64
		limit  int64
		want   string // name of a problem, or the body
	}{
		{"whole", strings.NewReader("hello"), 5, 10, "hello"},
		{"of unknown length", strings.NewReader("hello"), -1, 10, "hello"},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("hello")), -1, 10, "hello"},
		{"end with the last byte", iotest.DataErrReader(strings.NewReader("hello")), 5, 5, "hello"},
		{"as large as allowed", strings.NewReader("hello"), -1, 5, "hello"},
		{"longer than one step", strings.NewReader(strings.Repeat("x", 300<<10)), 300 << 10, 1 << 20, strings.Repeat("x", 300<<10)},
		{"too large, told", strings.NewReader("hello"), 5, 4, "body_too_large"},
		{"too large, found", strings.NewReader("hello"), -1, 4, "body_too_large"},
		{"too large for the route", iotest.ErrReader(wire.ErrBodyTooLarge), -1, 4, "body_too_large"},
		{"malformed", iotest.ErrReader(wire.Bad("The chunk is odd.")), -1, 4, "bad_request"},
		{"cut off", iotest.ErrReader(io.ErrUnexpectedEOF), 5, 10, "bad_request"},
		{"none", nil, 0, 10, ""},
	} {
		r := request(t, "/", "")
		if r.Length = c.length; c.body != nil {
			r.Body = io.NopCloser(c.body)
		}
		x := &policy.Exchange{Request: r}
		got, err := x.Body(c.limit)
		if err != nil {
			if problem.From(err).Name != c.want {
				t.Errorf("%s: got %v, want %s", c.name, err, c.want)
			}
			continue
		}
		if string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			continue
		}
		if c.body == nil {
			continue
		}
		// It can be forwarded, and read and forwarded again.
		for range 2 {
			sent, err := io.ReadAll(r.Body)
			if err != nil || string(sent) != c.want || r.Length != int64(len(c.want)) {
				t.Errorf("%s: forwards %d bytes of %d, %v", c.name, len(sent), r.Length, err)
			}
			if again, err := x.Body(c.limit); err != nil || string(again) != c.want {
				t.Errorf("%s: read again: %d bytes, %v", c.name, len(again), err)
			}
		}
		if _, err := x.Body(int64(len(c.want)) - 1); len(c.want) > 0 && problem.From(err).Name != "body_too_large" {
			t.Errorf("%s: read again with a smaller limit: %v", c.name, err)
		}
	}
}

func TestBodyWithTrailer(t *testing.T) {
	r := request(t, "/", "")
	r.Body, r.Length = io.NopCloser(strings.NewReader("hello")), -1
	r.Trailer.Add("X-Sum", "1")
	x := &policy.Exchange{Request: r}
	if b, err := x.Body(10); string(b) != "hello" || err != nil || r.Length != -1 {
		t.Errorf("got %q, %v, length %d; a trailer needs a body of unknown length", b, err, r.Length)
	}
}

// A body that another policy put in place is the one that is read then.
func TestBodyReplaced(t *testing.T) {
	x := &policy.Exchange{Request: request(t, "/", `{"a": 1}`)}
	if v, _, err := x.JSON(); err != nil || !reflect.DeepEqual(v, map[string]any{"a": int64(1)}) {
		t.Errorf("got %v, %v", v, err)
	}
	x.SetBody([]byte(`{"a": 2}`))
	if v, _, err := x.JSON(); err != nil || !reflect.DeepEqual(v, map[string]any{"a": int64(2)}) {
		t.Errorf("got %v, %v", v, err)
	}
	x.Request.Body, x.Request.Length = wire.BytesBody([]byte(`[3]`)), 3
	if v, _, err := x.JSON(); err != nil || !reflect.DeepEqual(v, []any{int64(3)}) {
		t.Errorf("got %v, %v", v, err)
	}
	x.Request.Body, x.Request.Length = nil, 0
	if v, found, err := x.JSON(); found || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

// What gets a body does not switch protocols.
func TestBodyEndsUpgrade(t *testing.T) {
	for body, want := range map[string]string{"": "websocket", "x": ""} {
		x := &policy.Exchange{Request: request(t, "/", "")}
		x.Request.Upgrade = "websocket"
		if x.SetBody([]byte(body)); x.Request.Upgrade != want {
			t.Errorf("%q: asks to switch to %q, want %q", body, x.Request.Upgrade, want)
		}
	}
}

func TestResponseBody(t *testing.T) {
	from := &closer{Reader: strings.NewReader(`{"a": [1]}`)}
	v := &policy.ResponseVars{Exchange: &policy.Exchange{}, Response: &wire.Response{Body: from, Length: -1}}
	got, found, err := v.JSON()
	if !found || err != nil || !reflect.DeepEqual(got, map[string]any{"a": []any{int64(1)}}) {
		t.Fatalf("got %v, %v", got, err)
	}
	if from.closed {
		t.Error("the response was given back while it is still in use")
	}
	sent, err := io.ReadAll(v.Response.Body)
	if string(sent) != `{"a": [1]}` || err != nil || v.Response.Length != 10 {
		t.Errorf("passes on %q, %v", sent, err)
	}
	if v.Response.Close(); !from.closed {
		t.Error("the response was not given back")
	}
	for _, body := range []string{"{", strings.Repeat(" ", policy.MaxBody+1)} {
		v := &policy.ResponseVars{Exchange: &policy.Exchange{}, Response: &wire.Response{Body: io.NopCloser(strings.NewReader(body)), Length: -1}}
		if _, _, err := v.JSON(); problem.From(err).Name != "response_invalid" {
			t.Errorf("%.5s…: got %v, want response_invalid", body, err)
		}
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestDecodeJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for src, want := range map[string]any{
		`null`: nil, ` true `: true, `"a\u00e9\n"`: "aé\n", `1`: int64(1), `-9223372036854775808`: int64(-1 << 63), `9223372036854775808`: json.Number("9223372036854775808"),
		`"\ud83d\ude00\/\b"`: "😀/\b", `1.0`: json.Number("1.0"), `1e3`: json.Number("1e3"), `-0`: json.Number("-0"), `[]`: []any{}, `{}`: map[string]any{},
		`{"a": [1, {"b": null}], "": ""}`: map[string]any{"a": []any{int64(1), map[string]any{"b": nil}}, "": ""},
	} {
		if got, err := policy.DecodeJSON([]byte(src)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", src, got, err, want)
		}
	}
	for _, src := range []string{"", " ", "{", "[1", `{"a"}`, `{"a":}`, `{"a":1,}`, "[1,]", "[1 2]", "1 2", "{} x", "tru", "01", ".5", "+1", "NaN", `"\x"`, "\"\n\"", "'a'",
		`{"a": 1, "a": 2}`, `{"a": 1, "\u0061": 2}`, "\"\xff\"", `"\ud800"`, `"\ud800\u0041"`, `"\udc00\ud800"`, `"\u00g0"`, `"\u+123"`, `"\u12`, `"\`, "-", "-01", "1.", "1e", "1e+", "0x1", "nul", `{"a" 1}`, `{"a":1 "b":2}`, `{,}`, "[,]", "\xef\xbb\xbf{}", deep(201), "{1: 2}", "[}", "{]"} {
		if got, err := policy.DecodeJSON([]byte(src)); err == nil {
			t.Errorf("%s: got %#v, want an error", src, got)
		}
	}
	if _, err := policy.DecodeJSON([]byte(deep(200))); err != nil {
		t.Error(err)
	}
}

// What is decoded is what the standard library decodes, where that takes it at all.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5, "x", null, true]}`, `{"a":1,"a":2}`, "[[[", `"\ud800"`, "1e999", "-0", `{"":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := policy.DecodeJSON(b)
		var want any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		wrong := d.Decode(&want)
		if wrong == nil {
			if _, after := d.Token(); after != io.EOF {
				wrong = errors.New("more")
			}
		}
		if err != nil {
			return // stricter: names twice, bytes that are no text, depth
		}
		if wrong != nil {
			t.Fatalf("%q: got %v, the standard library %v", b, got, wrong)
		}
		x, _ := json.Marshal(got)
		y, _ := json.Marshal(want)
		if !bytes.Equal(x, y) {
			t.Fatalf("%q: got %s, the standard library %s", b, x, y)
		}
	})
}

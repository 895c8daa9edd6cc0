package invoke_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

const streamed = `
functions: { f: { timeout: 20s, aws: { function: f, region: eu-central-1, endpoint: "%s", stream: true } } }
routes: [{ match: "/{path...}", function: f, payload: "2.0" }, { match: "/v1/{path...}", function: { name: f, payload: "1.0" } }]
`

// head is what awslambda.HttpResponseStream.from writes.
const head = `{"statusCode": 201, "headers": {"Content-Type": "text/event-stream", "X-A": "b"}, "cookies": ["c=d"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00"

// What comes of a stream is told by how it begins, however it is cut.
func TestStreams(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, streamed)
	whole := `{"statusCode": 202, "body": "` + strings.Repeat("x", 100_000) + `"}`
	end := complete("{}")
	for _, c := range []struct {
		name     string
		messages [][]byte
		status   int
		kind     string
		body     string
	}{
		{"a head, and a body", [][]byte{chunk(head), chunk("data: 1\n\n"), chunk("data: 2\n\n"), end}, 201, "text/event-stream", "data: 1\n\ndata: 2\n\n"},
		{"a head with the body", [][]byte{chunk(head + "data"), end}, 201, "text/event-stream", "data"},
		{"a head in pieces", [][]byte{chunk(head[:10]), chunk(head[10 : len(head)-3]), chunk(head[len(head)-3:] + "x"), end}, 201, "text/event-stream", "x"},
		{"a head alone", [][]byte{chunk(head), end}, 201, "text/event-stream", ""},
		{"a result that is whole", [][]byte{chunk(whole[:50_000]), chunk(whole[50_000:]), end}, 202, "text/plain;charset=UTF-8", strings.Repeat("x", 100_000)},
		{"JSON without a status", [][]byte{chunk(`{"a": 1}`), end}, 200, "application/json", `{"a": 1}`},
		{"no head", [][]byte{chunk("hello "), chunk("world"), end}, 200, "application/octet-stream", "hello world"},
		{"empty messages", [][]byte{chunk(""), chunk(""), chunk("hello"), chunk(""), end}, 200, "application/octet-stream", "hello"},
		{"messages of other kinds", [][]byte{frame("", ":message-type", "event", ":event-type", "initial-response"), chunk("hello"), frame("x", ":message-type", "event", ":event-type", "News"), end}, 200, "application/octet-stream", "hello"},
		{"no word of how it ended", [][]byte{chunk("hello"), complete("")}, 200, "application/octet-stream", "hello"},
		{"zeros in a body", [][]byte{chunk("hello" + strings.Repeat("\x00", 9)), end}, 200, "application/octet-stream", "hello" + strings.Repeat("\x00", 9)},
	} {
		l.has("f", streams(c.messages...))
		a := w.ask("GET", "/", "")
		if a.status != c.status || a.header.Get("Content-Type") != c.kind || a.body != c.body || a.err != nil {
			t.Errorf("%s: got %d %s %.100q, %v, want %d %s %.100q", c.name, a.status, a.header.Get("Content-Type"), a.body, a.err, c.status, c.kind, c.body)
		}
	}
	if got := l.last(); got.uri != "/2021-11-15/functions/f/response-streaming-invocations" {
		t.Errorf("the call was %s", got.uri)
	}
	if n := l.opened.Load(); n > 4 { // the next call may come before the last one's connection is back
		t.Errorf("11 calls in a row took %d connections", n)
	}
	l.has("f", streams(chunk(head+"data"), end))
	if a := w.ask("HEAD", "/", ""); a.status != 201 || a.header.Get("X-A") != "b" {
		t.Errorf("HEAD: got %d %v", a.status, a.header)
	}
	l.has("f", returns(`{"statusCode": 200}`)) // somebody who does not stream
	if a := w.ask("GET", "/", ""); a.status != 502 {
		t.Errorf("a stream that is none: got %d, want 502", a.status)
	}
}

// What goes wrong before the client has anything is a problem, what goes wrong later breaks its answer off.
func TestBrokenStreams(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, streamed)
	flipped := chunk("hello")
	flipped[len(flipped)-6] ^= 1
	for _, c := range []struct {
		name     string
		messages [][]byte
		status   int
		log      string
	}{
		{"an error at once", [][]byte{complete(`{"ErrorCode": "Unhandled", "ErrorDetails": "{\"errorType\": \"ValueError\", \"errorMessage\": \"kaput\"}"}`)}, 502, `type=ValueError error=kaput`},
		{"an error in words", [][]byte{complete(`{"ErrorCode": "Function.Unknown", "ErrorDetails": "kaput in words"}`)}, 502, `type=Function.Unknown error="kaput in words"`},
		{"an exception", [][]byte{frame(`{"message":"kaput 3"}`, ":message-type", "exception", ":exception-type", "ServiceException")}, 502, "AWS ended the stream: ServiceException"},
		{"an error of the stream", [][]byte{frame("", ":message-type", "error", ":error-code", "InternalError", ":error-message", "kaput 4")}, 502, "AWS ended the stream: InternalError: kaput 4"},
		{"an end without an end", [][]byte{chunk(`{"statusCode"`)}, 502, "the stream from AWS ended before it was complete"},
		{"a wrong checksum", [][]byte{flipped}, 502, "the checksum of a message is wrong"},
		{"half a message", [][]byte{chunk("hello")[:20]}, 502, "unexpected EOF"},
		{"a head that is none", [][]byte{chunk(`{"statusCode": "x"}` + strings.Repeat("\x00", 8)), complete("")}, 502, "returned what is no response"},
		{"an error within", [][]byte{chunk(head + "data"), complete(`{"ErrorCode": "Unhandled", "ErrorDetails": "{\"errorType\": \"TypeError\", \"errorMessage\": \"kaput\"}"}`)}, 201, "type=TypeError"},
		{"a checksum within", [][]byte{chunk(head + "data"), flipped}, 201, "the checksum of a message is wrong"},
		{"an end within", [][]byte{chunk(head + "data")}, 201, "the stream from AWS ended before it was complete"},
	} {
		l.has("f", streams(c.messages...))
		a := w.ask("GET", "/", "")
		if a.status != c.status || c.status == 201 && a.err == nil {
			t.Errorf("%s: got %d %.200s, %v, want %d and no whole body", c.name, a.status, a.body, a.err, c.status)
		}
		w.logs(c.log)
	}
	l.has("f", streams(chunk("hello"), complete("")))
	if a := w.ask("GET", "/", ""); a.status != 200 || a.body != "hello" || a.err != nil {
		t.Errorf("got %d %q %v after all that", a.status, a.body, a.err)
	}
}

// A part reaches the client before the next one is there.
func TestStreamsAsItComes(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, streamed)
	more := make(chan struct{})
	l.has("f", func(rw http.ResponseWriter, r *http.Request) {
		streams(chunk(head), chunk("one"))(rw, r)
		for range more {
			streams(chunk("more"))(rw, r)
		}
		streams(complete("{}"))(rw, r)
	})
	resp := w.open("GET", "/", "")
	defer func() { _ = resp.Body.Close() }()
	read := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	read("one")
	for range 3 {
		more <- struct{}{}
		read("more")
	}
	close(more)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v at the end", rest, err)
	}
}

// A stream of many megabytes passes, through little memory of its own.
func TestLongStream(t *testing.T) {
	l := newLambda(t)
	w := start(t, l, streamed)
	part := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	l.has("f", func(rw http.ResponseWriter, r *http.Request) {
		streams(chunk(head))(rw, r)
		for range 20 {
			streams(chunk(part))(rw, r)
		}
		streams(complete("{}"))(rw, r)
	})
	resp := w.open("GET", "/", "")
	defer func() { _ = resp.Body.Close() }()
	got := make([]byte, len(part))
	for i := range 20 {
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, []byte(part)) {
			t.Fatalf("part %d is another, %v", i, err)
		}
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %d bytes, %v at the end", len(rest), err)
	}
}

package h1

import (
	"testing"

	"sallyport/wire"
)

const benchRequest = "GET /orders/42?expand=lines HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: application/json, text/plain, */*\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"

const benchResponse = "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\nContent-Type: application/json\r\n" +
	"Content-Length: 1024\r\nLast-Modified: Mon, 23 Nov 2026 13:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"65f0c0aa-400\"\r\nAccept-Ranges: bytes\r\n\r\n"

func BenchmarkParseRequest(b *testing.B) {
	l := Limits{}.withDefaults()
	var r wire.Request
	var f framing
	b.ReportAllocs()
	for b.Loop() {
		r.Header.Reset()
		if fault := parseRequest(benchRequest, &r, &f, &l); fault != nil {
			b.Fatal(fault)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	var r wire.Response
	var f framing
	b.ReportAllocs()
	for b.Loop() {
		r.Header.Reset()
		if fault := parseResponse(benchResponse, &r, &f); fault != nil {
			b.Fatal(fault)
		}
	}
}

func BenchmarkHeadEnd(b *testing.B) {
	head := []byte(benchResponse)
	for b.Loop() {
		if end, _, _ := headEnd(head, 0); end != len(head) {
			b.Fatal(end)
		}
	}
}

func BenchmarkAppendFields(b *testing.B) {
	var r wire.Response
	var f framing
	if fault := parseResponse(benchResponse, &r, &f); fault != nil {
		b.Fatal(fault)
	}
	out := make([]byte, 0, 4096)
	for b.Loop() {
		out = appendFields(out[:0], &r.Header)
	}
}

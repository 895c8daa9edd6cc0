package compose

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/wire"
)

// fixed is an upstream that costs next to nothing.
type fixed struct{ bodies map[string][]byte }

func (f *fixed) Name() string { return "s" }

func (f *fixed) Send(_ *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	b := f.bodies[c.Target]
	return &wire.Response{Status: 200, Length: int64(len(b)), Body: wire.BytesBody(b)}, nil
}

// large is an object of about 4 KiB whose names begin with prefix.
func large(prefix string) []byte {
	var b strings.Builder
	b.WriteString("{")
	for i := range 16 {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `"%s%d":{"id":%d,"name":"The name of a thing %d","price":%d.50,"tags":["one","two","three"],"text":"%s","open":true}`, prefix, i, i, i, i, strings.Repeat("lorem ipsum ", 11))
	}
	b.WriteString("}")
	return []byte(b.String())
}

func three() *fixed {
	return &fixed{map[string][]byte{"/a": large("a"), "/b": large("b"), "/c": large("c")}}
}

const threeCalls = "calls: { a: { upstream: s, path: /a }, b: { upstream: s, path: /b }, c: { upstream: s, path: /c } }\n"

// BenchmarkMerge merges three objects of 4 KiB, calls and goroutines included. BenchmarkMaps does the same to the bodies alone, as
// gateways do that decode into maps.
func BenchmarkMerge(b *testing.B) {
	h := made(b, three(), threeCalls+"merge: [a, b, c]")
	x := exchange("/")
	b.ReportAllocs()
	for b.Loop() {
		resp, err := h(x)
		if err != nil {
			b.Fatal(err)
		}
		resp.Close()
		x.End()
		x.Calls = x.Calls[:0]
	}
}

func BenchmarkBody(b *testing.B) {
	h := made(b, three(), threeCalls+"body: { a: '${calls.a.body}', b: '${calls.b.body}', c: '${calls.c.body}' }")
	x := exchange("/")
	b.ReportAllocs()
	for b.Loop() {
		resp, err := h(x)
		if err != nil {
			b.Fatal(err)
		}
		resp.Close()
		x.End()
		x.Calls = x.Calls[:0]
	}
}

func BenchmarkMaps(b *testing.B) {
	bodies := three().bodies
	b.ReportAllocs()
	for b.Loop() {
		out := map[string]any{}
		for _, path := range []string{"/a", "/b", "/c"} {
			var part map[string]any
			d := json.NewDecoder(strings.NewReader(string(bodies[path])))
			d.UseNumber()
			if err := d.Decode(&part); err != nil {
				b.Fatal(err)
			}
			for k, v := range part {
				out[k] = v
			}
		}
		if _, err := json.Marshal(out); err != nil {
			b.Fatal(err)
		}
	}
}

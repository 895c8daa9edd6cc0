package jsonspan

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A list of 40,000 items in pieces, against all of it at once.
func BenchmarkStream(b *testing.B) {
	item := `{"id":123456,"sku":"AB-1","cost":1.10,"note":"` + strings.Repeat("x", 40) + `"}`
	body := []byte(`{"orders":[` + strings.Repeat(item+",", 40_000-1) + item + `]}`)
	s, err := NewShape(nil, []string{"orders[].cost"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("pieces", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.Copy(io.Discard, NewStream(bytes.NewReader(body), s, nil, nil, 1<<20)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			v, err := Check(body)
			if err == nil {
				_, err = s.Append(nil, v)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

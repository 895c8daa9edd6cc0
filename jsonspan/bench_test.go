package jsonspan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// listing is an object of 4 KiB whose members are called by n: a list of 36 items, as services answer.
func listing(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"service%d":{"id":%d,"name":"service %d","ok":true},"items%d":[`, n, n*1000, n, n)
	for i := range 36 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"sku":"SKU-%05d","title":"Product number %d \u00e9","price":%d.%02d,"stock":%d,"tags":["a","b","c"]}`, i, i*7, i, i*3, i, i*11)
	}
	fmt.Fprintf(&b, `],"total%d":36}`, n)
	return []byte(b.String())
}

// wide is an object of 4 KiB with 16 members.
func wide(prefix string) []byte {
	var parts []string
	for i := range 16 {
		parts = append(parts, fmt.Sprintf(`"%s%d":{"id":%d,"name":"The name of a thing %d","price":%d.50,"tags":["one","two","three"],"text":"%s","open":true}`,
			prefix, i, i, i, i, strings.Repeat("lorem ipsum ", 11)))
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

func BenchmarkCheck(b *testing.B) {
	indented, _ := json.MarshalIndent(json.RawMessage(listing(1)), "", "  ")
	for name, text := range map[string][]byte{"items": listing(1), "texts": wide("a"), "indented": indented} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Check(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkJoin checks and joins three objects of 4 KiB.
func BenchmarkJoin(b *testing.B) {
	for name, texts := range map[string][3][]byte{"items": {listing(1), listing(2), listing(3)}, "texts": {wide("a"), wide("b"), wide("c")}} {
		b.Run(name, func(b *testing.B) {
			var out []byte
			var parts [3]Outline
			b.ReportAllocs()
			for b.Loop() {
				for i, text := range texts {
					if err := parts[i].Check(text); err != nil {
						b.Fatal(err)
					}
				}
				var err error
				if out, err = MergeOutlines(out[:0], Rule{}, []*Outline{&parts[0], &parts[1], &parts[2]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

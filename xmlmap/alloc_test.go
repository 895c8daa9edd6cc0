//go:build !race && !poison

package xmlmap

import "testing"

func TestAllocations(t *testing.T) {
	out := mapped(t, "{to: xml, wrap: /a/b, order: [c, d]}", "")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := out.XML([]byte(`{"d":[1,2,3],"c":{"@x":"y","e":"text"}}`)); err != nil {
			t.Fatal(err)
		}
	}); n > 16 {
		t.Errorf("%v allocations to XML, want at most 16", n)
	}
	in := mapped(t, "json", "")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := in.JSON([]byte(`<a><c x="y"><e>text</e></c><d>1</d><d>2</d><d>3</d></a>`), ""); err != nil {
			t.Fatal(err)
		}
	}); n > 70 {
		t.Errorf("%v allocations to JSON, want at most 70", n)
	}
}

package schema

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"scalars", "a: x\nb: 1\nc: true\nd: ~\ne: \"1\"\nf: 2026-01-01\n", `{"a":"x","b":1,"c":true,"d":null,"e":"1","f":"2026-01-01"}`},
		{"numbers keep their digits", "[1.10, 0755, 0x1f, 1e3, 12345678901234567890.123]", `[1.10,"0755","0x1f",1e3,12345678901234567890.123]`},
		{"only true and false are booleans", "[yes, no, on, off, y, n]", `["yes","no","on","off","y","n"]`},
		{"block text", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", `{"a":"x\ny\n","b":"x y"}`},
		{"json with tabs", "{\n\t\"a\":[1,\"x\\/y\"],\n\t\"b\":{}}", `{"a":[1,"x/y"],"b":{}}`},
		{"json surrogate pair", `{"a":"\ud83d\ude00"}`, `{"a":"😀"}`},
		{"mark", "\ufeffa: 1", `{"a":1}`},
		{"windows line ends", "a: 1\r\nb:\r\n  - x\r\n", `{"a":1,"b":["x"]}`},
		{"directive and explicit ends", "%YAML 1.2\n---\na: 1\n...\n", `{"a":1}`},
		{"aliases are copies", "a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n", `{"a":{"k":[1]},"b":{"k":[1]},"c":[{"k":[1]},{"k":[1]}]}`},
		{"merge keys", "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc: {<<: [*a, *b], k: 3}\nd:\n  <<: *b\n", `{"a":{"k":1,"l":1},"b":{"l":2,"m":2},"c":{"k":3,"l":1,"m":2},"d":{"l":2,"m":2}}`},
		{"quoted merge sign is a name", `"<<": 1`, `{"<<":1}`},
		{"names of any scalar", "1: a\ntrue: b\n2026-01-01: c\n", `{"1":"a","true":"b","2026-01-01":"c"}`},
		{"core tags that say what is so anyway", "a: !!str 1\nb: !!int 2\nc: !!map {}\n", `{"a":"1","b":2,"c":{}}`},

		{"empty", "", "f:1:1: the document is empty"},
		{"only comments", "# nothing\n", "f:1:1: the document is empty"},
		{"only a line", "---\n", "f:1:1: the document is empty"},
		{"two documents", "a: 1\n---\nb: 2\n", "f:2:1: a second document begins here; write one file for each"},
		{"duplicate", "a: 1\nb: 2\na: 3\n", `f:3:1: "a" is given twice; the first is at line 1, column 1`},
		{"every duplicate", "a: {x: 1, x: 2}\nb: 1\nb: 2", `f:1:11: "x" is given twice; the first is at line 1, column 5` + "\n" + `f:3:1: "b" is given twice; the first is at line 2, column 1`},
		{"duplicate by notation", "a: 1\n\"a\": 2\n", `f:2:1: "a" is given twice; the first is at line 1, column 1`},
		{"tab", "a:\n  b:\n\t- c\n", "f:3:1: a tab indents this line; YAML indents with spaces only"},
		{"list as a name", "? [a]\n: b\n", "f:1:3: a name must be text"},
		{"nothing as a name", "~: b\n", "f:1:1: a name must be text"},
		{"not a number", "a: .nan", `f:1:4: .nan is no number to count with; write ".nan" if text is meant`},
		{"infinity", "a: -.INF", `f:1:4: -.INF is no number to count with; write "-.INF" if text is meant`},
		{"custom tag", "a: !vault x\n", "f:1:4: the tag !vault has no meaning here; leave it out"},
		{"binary tag", "a: !!binary eA==\n", "f:1:4: the tag !!binary has no meaning here; leave it out"},
		{"tagged list", "a: !!set {x}\n", "f:1:4: the tag !!set has no meaning here; leave it out"},
		{"unknown alias", "a: *nope\n", "f:1:4: there is no anchor of that name; put text that begins with * in quotes"},
		{"list in itself", "a: &x [*x]\n", "f:1:8: the alias *x stands inside of what it stands for"},
		{"map in itself", "a: &x\n  b: {c: *x}\n", "f:2:10: the alias *x stands inside of what it stands for"},
		{"merge of itself", "a: &x\n  <<: *x\n", "f:2:7: the alias *x stands inside of what it stands for"},
		{"merge of text", "<<: x\n", "f:1:5: << takes a map or a list of maps"},
		{"merge of lists", "<<: [[]]\n", "f:1:6: << takes a map or a list of maps"},
		{"colon in text", "a: b: c\n", `f:1:5: a second ": " on the line; put text that has one in quotes, or indent the line as its map needs`},
		{"braces in a flow map", "r: { match: GET /hello/{name}, b: 1 }\n", "put text that holds braces in quotes"},
		{"braces in quotes are none", "r: { match: \"/{a}\", b: '{c}' d }\n", "f:1:30: did not find expected ',' or '}' (while parsing a flow mapping)"},
		{"a map in a map", "r: { a: {b: 1} c }\n", "f:1:16: did not find expected ',' or '}' (while parsing a flow mapping)"},
		{"sign at the start", "a: @x\n", "f:1:4: text that begins with '@' must be in quotes"},
		{"open quote", "a: 1\nb: 'x\nc: 1\n", "f:2:4: what begins here has no end"},
		{"utf-16", "\xff\xfea\x00:\x00", "f:1:1: the file is encoded as UTF-16; save it as UTF-8"},
		{"utf-16 without mark", "\x00a\x00:", "f:1:1: the file is encoded as UTF-16; save it as UTF-8"},
		{"utf-32", "\x00\x00\xfe\xff\x00\x00\x00a", "f:1:1: the file is encoded as UTF-32; save it as UTF-8"},
		{"latin-1", "a: 1\nb: \"é \xe9\"\n", "f:2:7: the byte 0xe9 is no UTF-8; save the file as UTF-8"},
		{"control character", "a: \"x\x00\"\n", "f:1:6: the character U+0000 must not stand in a document; write it as an escape in double quotes"},
		{"deep flow", strings.Repeat("[", 200) + strings.Repeat("]", 200), "f:1:101: values are nested more than 100 deep here"},
		{"deep by aliases", deepAliases(12, 10), "values are nested more than 100 deep here"},
		{"bomb", bomb(9, 10), "the document has more than 1000000 values once its aliases (*name) are filled in"},
		{"merge bomb", mergeBomb(30), "the document has more than 1000000 values once its aliases (*name) are filled in"},
	} {
		n, errs := Parse("f", []byte(c.in))
		got := string(AppendJSON(nil, n))
		if len(errs) > 0 {
			got = errs.Error()
		}
		if got != c.want && !(len(errs) > 0 && strings.HasSuffix(got, c.want)) {
			t.Errorf("%s: %.80q:\ngot  %s\nwant %s", c.name, c.in, got, c.want)
		}
	}
}

// bomb is the billion laughs in YAML.
func bomb(levels, width int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := range levels {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), width), ","))
	}
	return b.String()
}

func mergeBomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 {x: 1}\n")
	for i := range levels {
		fmt.Fprintf(&b, "a%d: &a%d {<<: [*a%d, *a%d], k%d: 1}\n", i+1, i+1, i, i, i)
	}
	return b.String()
}

func deepAliases(levels, each int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := range levels {
		fmt.Fprintf(&b, "a%d: &a%d %s*a%d%s\n", i+1, i+1, strings.Repeat("[", each), i, strings.Repeat("]", each))
	}
	return b.String()
}

func TestParsePositions(t *testing.T) {
	n, errs := Parse("f.yaml", []byte("é: {ü: 1,\n  b: [x, *y]}\n"))
	if len(errs) == 0 {
		t.Fatalf("an unknown anchor passed: %s", AppendJSON(nil, n))
	}
	n, errs = Parse("f.yaml", []byte("\ufeffé: {ü: 1,\n  b: [x, \"y\"]}\nl: &l\n  - z\nm: *l\n"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct{ path, want string }{
		{"é", "f.yaml:1:4"}, {"é.ü", "f.yaml:1:8"}, {"é.b[1]", "f.yaml:2:10"}, {"l", "f.yaml:3:4"}, {"m[0]", "f.yaml:4:5"},
	} {
		if got := n.find(c.path).Pos.String(); got != c.want {
			t.Errorf("%s is at %s, want %s", c.path, got, c.want)
		}
	}
	if key := n.Fields[0].Node.Fields[1].Pos.String(); key != "f.yaml:2:3" {
		t.Errorf("the name b is at %s", key)
	}
}

// TestParseBounds feeds what a hostile or mistaken document has a lot of, and bounds memory and time.
func TestParseBounds(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ name, in, want string }{
		{"17 MiB", strings.Repeat("a", 17*mib), "larger than 16 MiB"},
		{"commas", "[" + strings.Repeat("a,", mib) + "]", "entries"},
		{"dashes", strings.Repeat("- ", mib), "entries"},
		{"lines", strings.Repeat("-\n", mib), "entries"},
		{"brackets", strings.Repeat("[", mib), "entries"},
		{"one long text", "a: " + strings.Repeat("x", 2*mib), ""},
		{"one long quoted text", "a: \"" + strings.Repeat("x", 2*mib) + "\"", ""},
		{"most entries", strings.Repeat("- {}\n", maxEntries/3-1), ""},
		{"spaces", "a:" + strings.Repeat(" ", 2*mib) + "1", ""},
		{"anchors", strings.Repeat("- &a x\n", maxEntries/4), ""},
		{"colons", strings.Repeat(":", 2*mib), ""},
		{"questions", strings.Repeat("?", 2*mib), ""},
		{"bangs", strings.Repeat("!", mib), ""},
		{"hashes", strings.Repeat("#", 2*mib), "empty"},
	} {
		before, start := memory(), time.Now()
		_, errs := Parse("f", []byte(c.in))
		took, used := time.Since(start), memory()-before
		if c.want == "" != (len(errs) == 0) && c.want != "" || !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: %.200s, want %q", c.name, errs.Error(), c.want)
		}
		if took > 20*time.Second || used > 700*mib {
			t.Errorf("%s: took %v and allocated %d MiB", c.name, took, used/mib)
		}
		t.Logf("%s: %v, %d MiB allocated", c.name, took.Round(time.Millisecond), used/mib)
	}
}

// memory is what was ever allocated, which is more than what was held at once.
func memory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

package xmlmap

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sallyport/jsonspan"
	"sallyport/schema"
)

// A document has all settings.
type document struct {
	Request struct {
		To string `json:"to" short:"true" default:"" doc:"Which way."`
		ToJSON
		ToXML
	} `json:"request" doc:"One way."`
	Names
	Bounds
	Size int `json:"size" default:"1048576" doc:"What is made may be eight times as large."`
}

// mapped makes a mapper.
func mapped(t testing.TB, request, more string) *Mapper {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte("{request: "+request+more+"}"))
	var d document
	if errs = append(errs, schema.Of[document]().Decode(n, &d, "")...); len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, err := range []error{d.Names.Judge(), d.Request.ToJSON.Judge(&d.Names), d.Request.ToXML.Judge(&d.Names)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return New(&Rules{d.Names, d.Bounds, d.Request.ToJSON, d.Request.ToXML, 8 * d.Size})
}

func TestToJSON(t *testing.T) {
	const ns = ", namespaces: {p: 'urn:p', _: 'urn:d'}"
	for _, c := range []struct{ name, settings, more, xml, want string }{
		{"text", "json", "", "<a> x\n</a>", `{"a":" x\u000a"}`},
		{"nothing", "json", "", "<a/>", `{"a":""}`},
		{"attributes and text", "json", "", `<a b="1" c="&lt;">t</a>`, `{"a":{"@b":"1","@c":"<","#text":"t"}}`},
		{"by other names", "json", ", attributes: '$', text: '=text'", `<a b="1">t</a>`, `{"a":{"$b":"1","=text":"t"}}`},
		{"lists, where the first stands", "json", "", "<a><b>1</b><c/><b>2</b></a>", `{"a":{"b":["1","2"],"c":""}}`},
		{"lists of one", "{to: json, arrays: [b, /a/c]}", "", "<a><b>1</b><c/></a>", `{"a":{"b":["1"],"c":[""]}}`},
		{"a document that is a list", "{to: json, arrays: /a}", "", "<a>1</a>", `{"a":["1"]}`},
		{"mixed", "json", "", "<a>x <b>y</b> z</a>", `{"a":{"#text":"x  z","b":"y"}}`},
		{"CDATA and comments", "json", "", "<!-- c --><a><![CDATA[<&]]><!-- d -->x</a><?p i?>", `{"a":"<&x"}`},
		{"the five entities", "json", "", "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</a>", `{"a":"<>&\"'AB"}`},
		{"numbers", "{to: json, numbers: [n, a/@m]}", "", `<a m="2"><n>1.10</n><n> 9007199254740993 </n></a>`, `{"a":{"@m":2,"n":[1.10,9007199254740993]}}`},
		{"booleans", "{to: json, booleans: b}", "", "<a><b>true</b><b>0</b></a>", `{"a":{"b":[true,false]}}`},
		{"nil", "json", "", `<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><b i:nil="true"/><c i:type="x">1</c></a>`, `{"a":{"b":null,"c":"1"}}`},
		{"namespaces by their names", "json", ns, `<q:a xmlns:q="urn:p" xmlns="urn:d" xmlns:z="urn:z"><b q:c="1"/><z:d/></q:a>`, `{"p:a":{"b":{"@p:c":"1"},"d":""}}`},
		{"a prefix within", "json", ns, `<x:a xmlns:x="urn:p"><x:a xmlns:x="urn:q"/><x:a/></x:a>`, `{"p:a":{"a":"","p:a":""}}`},
		{"taken", "{to: json, take: [/a/x, '/*/b']}", "", "<a><b><c>1</c></b></a>", `{"c":"1"}`},
		{"paths count from the top", "{to: json, take: /a/b, numbers: /a/b/c}", "", "<a><b><c>1</c></b></a>", `{"c":1}`},
		{"a mark in front", "json", "", "\xef\xbb\xbf<a/>", `{"a":""}`},
		{"Latin 1", "json", "", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>", `{"a":"ä"}`},
		{"windows-1252", "json", "", "<?xml version='1.0' encoding=\"windows-1252\"?><a>\x80</a>", `{"a":"€"}`},
		{"UTF-16", "json", "", "\xff\xfe<\x00a\x00>\x00\x3d\xd8\x00\xde<\x00/\x00a\x00>\x00", `{"a":"😀"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mapped(t, c.settings, c.more).JSON([]byte(c.xml), "")
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
			if _, err := jsonspan.Check(got); err != nil {
				t.Errorf("it is no JSON: %v", err)
			}
		})
	}
}

func TestBadXML(t *testing.T) {
	deep := strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)
	for _, c := range []struct{ name, settings, more, xml, want string }{
		{"a DTD", "json", "", "<!DOCTYPE a><a/>", "it has a DTD"},
		{"laughs", "json", "", `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>`, "it has a DTD"},
		{"another entity", "json", "", "<a>&nbsp;</a>", "not well-formed (line 1)"},
		{"nothing", "json", "", " ", "not one element"},
		{"two", "json", "", "<a/><b/>", "not one element"},
		{"text behind", "json", "", "<a/>x", "not one element"},
		{"not ended", "json", "", "<a><b></b>", "ends early"},
		{"ended otherwise", "json", "", "<a></b>", "ends early"},
		{"ended by another prefix", "json", "", "<p:a xmlns:p='x' xmlns:q='x'></q:a>", "ends early"},
		{"a prefix of nothing", "json", "", "<p:a/>", "a prefix that is not declared"},
		{"a prefix that is undone", "json", "", "<a xmlns:p=''/>", "declared wrongly"},
		{"a prefix that means another", "json", "", "<a xmlns:xml='urn:x'/>", "declared wrongly"},
		{"an attribute twice", "json", "", "<a b='1' b='2'/>", "an attribute twice"},
		{"one twice by its namespace", "json", "", "<a xmlns:p='x' xmlns:q='x' p:b='1' q:b='2'/>", "an attribute twice"},
		{"one twice in JSON", "json", "", "<a xmlns:p='x' p:b='1' b='2'/>", "an attribute twice"},
		{"two colons", "json", "", "<a:b:c/>", "not well-formed"},
		{"too deep", "json", "", deep, "nests too deep"},
		{"too many", "json", ", elements: 3", "<a b='1' c='2' d='3'/>", "too many elements"},
		{"no number", "{to: json, numbers: n}", "", "<a><n>0x1</n></a>", "what stands at /a/n is no number"},
		{"no boolean", "{to: json, booleans: n}", "", "<a><n>yes</n></a>", "what stands at /a/n is no boolean"},
		{"not there", "{to: json, take: /a/b}", "", "<a/>", "none of the elements"},
		{"an encoding", "json", "", "<?xml version='1.0' encoding='EBCDIC'?><a/>", "an encoding that is not taken"},
		{"another one than it says", "json", "", "<a>\xff</a>", "not in the encoding"},
		{"half a character", "json", "", "\xfe\xff\x00<\xd8\x00", "not in the encoding"},
		{"a control character", "json", "", "<a>&#1;</a>", "not well-formed (line 1)"},
		{"in a later line", "json", "", "<a>\n\n<", "(line 3)"},
		{"a declaration within", "json", "", "<a><?xml version='1.0'?></a>", "an XML declaration that is not at its beginning"},
		{"a declaration behind a comment", "json", "", "<!-- --><?XML version='1.0'?><a/>", "an XML declaration that is not at its beginning"},
		{"many namespaces", "json", "", "<a" + numbered(257, " xmlns:n%d='x'") + "/>", "more namespaces at one place"},
		{"many namespaces in each other", "json", "", "<a" + numbered(200, " xmlns:n%d='x'") + "><b" + numbered(57, " xmlns:n%d='x'") + "/></a>", "more namespaces at one place"},
		{"what grows", "json", ", size: 100", "<a>" + strings.Repeat("\n", 150) + "</a>" + strings.Repeat(" ", 100), ""},
		{"what grows too much", "json", ", size: 100", "<a><b>" + strings.Repeat("\n", 150) + "</b><c/></a>", "larger than it may be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mapped(t, c.settings, c.more).JSON([]byte(c.xml), "")
			if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// numbered is text for each number below n.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestToXML(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>`
	const ns = ", namespaces: {p: 'urn:p', _: 'urn:d', i: 'http://www.w3.org/2001/XMLSchema-instance'}"
	const spaces = ` xmlns="urn:d" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="urn:p"`
	for _, c := range []struct{ name, settings, more, json, want string }{
		{"text", "xml", "", `{"a":"x<&>\r\n"}`, "<a>x&lt;&amp;&gt;&#13;\n</a>"},
		{"what is no text", "xml", "", `{"a":{"n":1.10,"b":true,"z":null,"l":[],"o":{}}}`, "<a><n>1.10</n><b>true</b><z/><o></o></a>"},
		{"attributes wherever they stand", "xml", "", `{"a":{"b":1,"@c":"\"\t\n<","#text":"t","@d":2,"@e":null}}`, `<a c="&#34;&#9;&#10;&lt;" d="2"><b>1</b>t</a>`},
		{"lists", "xml", "", `{"a":{"b":[1,{"c":2},null]}}`, "<a><b>1</b><b><c>2</c></b><b/></a>"},
		{"namespaces", "xml", ns, `{"p:a":{"b":{"@p:c":1},"d":null}}`, "<p:a" + spaces + `><b p:c="1"></b><d i:nil="true"/></p:a>`},
		{"wrapped", "{to: xml, wrap: /x/p:y}", ns, `{"@b":1,"c":2}`, "<x" + spaces + `><p:y b="1"><c>2</c></p:y></x>`},
		{"wrapped in one", "{to: xml, wrap: /x}", "", `"t"`, "<x>t</x>"},
		{"ordered", "{to: xml, order: [b, /r/o/a]}", "", `{"r":{"z":1,"a":2,"o":{"a":3,"x":4,"b":[5,6]}}}`, "<r><z>1</z><a>2</a><o><b>5</b><b>6</b><a>3</a><x>4</x></o></r>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mapped(t, c.settings, c.more).XML([]byte(c.json))
			if err != nil || string(got) != head+c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestBadJSON(t *testing.T) {
	for _, c := range []struct{ name, settings, json, want string }{
		{"no JSON", "xml", "{", "breaks off"},
		{"a name twice", "xml", `{"a":{"b":1,"b":2}}`, "a name twice"},
		{"two elements", "xml", `{"a":1,"b":2}`, "no object with one member"},
		{"a list of them", "xml", `{"a":[1]}`, "no object with one member"},
		{"a wrapped list", "{to: xml, wrap: /a}", `[1]`, "it is no object"},
		{"a name that ends the element", "xml", `{"a><b":1}`, "a name that is none"},
		{"an attribute of such a name", "xml", `{"a":{"@b=\"\" c":1}}`, "a name that is none"},
		{"a namespace", "xml", `{"a":{"@xmlns":"urn:x"}}`, "a name that is none"},
		{"a prefix", "xml", `{"p:a":1}`, "a prefix that is not under namespaces"},
		{"a list in a list", "xml", `{"a":{"b":[[1]]}}`, "an array in an array"},
		{"an attribute that is none", "xml", `{"a":{"@b":{}}}`, "an object or array"},
		{"a control character", "xml", `{"a":"\u0001"}`, "no way to write"},
		{"too deep", "xml", strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), "nests too deep"},
		{"too many", "xml", `{"a":{"b":[` + strings.Repeat("1,", 50000) + `1]}}`, "too many elements"},
		{"a long name for many", "xml", `{"a":{"` + strings.Repeat("b", 10<<10) + `":[` + strings.Repeat("1,", 5000) + `1]}}`, "larger than it may be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mapped(t, c.settings, "").XML([]byte(c.json))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.100s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// What is read can be written and read again, whatever it is.
func FuzzXML(f *testing.F) {
	for _, s := range []string{"<a b='1'><c>x</c>y<c/></a>", "<p:a xmlns:p='urn:p' p:b=''/>", "\xff\xfe<\x00a\x00/\x00>\x00", "<a><![CDATA[]]></a>", "<!DOCTYPE a><a/>"} {
		f.Add([]byte(s))
	}
	in, out := mapped(f, "json", ", namespaces: {p: 'urn:p'}"), mapped(f, "xml", ", namespaces: {p: 'urn:p'}")
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := in.JSON(b, "")
		if err != nil {
			return
		}
		if _, err := jsonspan.Check(first); err != nil {
			t.Fatalf("%q became %s, which is no JSON: %v", b, first, err)
		}
		written, err := out.XML(first)
		if err != nil {
			return // the prefix xml of another gateway's, or text that XML 1.0 takes and we do not
		}
		second, err := in.JSON(written, "")
		if err != nil {
			t.Fatalf("%q became %s and then %s, which cannot be read: %v", b, first, written, err)
		}
		third, err := out.XML(second)
		if err != nil || !bytes.Equal(third, written) {
			t.Fatalf("%s became %s, %v", written, third, err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":{"@b":1,"#text":"x","c":[1,null,{}]}}`, `{"a":"\u0001"}`, `{"xml:a":1}`} {
		f.Add([]byte(s))
	}
	out, in := mapped(f, "xml", ""), mapped(f, "json", "")
	f.Fuzz(func(t *testing.T, b []byte) {
		written, err := out.XML(b)
		if err != nil {
			return
		}
		if _, err := in.JSON(written, ""); err != nil {
			t.Fatalf("%q became %s, which cannot be read: %v", b, written, err)
		}
	})
}

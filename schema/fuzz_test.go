package schema

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse looks for panics, hangs, and nodes that stand nowhere or break the bounds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a: 1\nb: [x, ~]\n", "{\"a\":\"\\ud83d\\ude00\"}", "a: &x {k: 1}\nb: {<<: *x}\n", "a: &x [*x]", "? [a]\n: b", "\ta", "a: |\n  x",
		"\xff\xfe", "\xef\xbb\xbfa: 1", "%YAML 1.2\n---\na", "---\n---\n", "!!x y", "&a &b c", "<<: [*a]", "a: !<tag:yaml.org,2002:merge> b",
		"!!merge a: {b: 1}\n", "&a a: *a", "*a : b", bomb(5, 9), "# c\n", "'", "\"\\x", "[", "{a", ">", "a:\r\n- b", "a\u0085b: 1", "- - - x",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		n, errs := Parse("f", data)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%v for %d bytes", took, len(data))
		}
		if n == nil && len(errs) == 0 {
			t.Fatal("neither a node nor an error")
		}
		for _, e := range errs {
			if e.Msg == "" || !utf8.ValidString(e.Msg) || e.Pos.File != "f" {
				t.Errorf("bad error %+v", e)
			}
		}
		if len(errs) == 0 {
			walk(t, n, 0)
		}
	})
}

func walk(t *testing.T, n *Node, depth int) {
	if n.Line < 1 || n.Col < 1 || depth > maxDepth || n.Literal || len(n.Items) > 0 && n.Kind != List || len(n.Fields) > 0 && n.Kind != Map {
		t.Fatalf("bad node at depth %d: %+v", depth, n)
	}
	for _, c := range n.Items {
		walk(t, c, depth+1)
	}
	for _, f := range n.Fields {
		if f.Line < 1 || f.Col < 1 {
			t.Fatalf("the name %q stands nowhere", f.Name)
		}
		walk(t, f.Node, depth+1)
	}
}

// FuzzDecode looks for panics, and for documents that Decode accepts and the JSON Schema does not.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"", "count: 3\nwait: 1h30m\nbody: 10\nkey: hunter2", "mode: '1.2'\non: true", "target: http://a\ntargets: [b, {url: c}]",
		"nets: 10.0.0.0/8\naddr: ::1", "kids: [{name: a, must: []}]", "limits: {a: 1/s}\nset: {x: [a, 1]}", "times: {connect: none, idle: 4}",
		"path: ^/x\nurl: http://u@h:81/p", "share: 12.5%\nfactor: 5e-1", "rule: {a: 1}\nlabel: w\nraw: [1]", "target:\ntimes:\nmethods:", "body: 1.5KiB",
		"cache: 64.0", "status: 301\nport: 65535", "wait: 1.50s", "note: |\n  x\n", "total: 1d\nname: ${x}",
	} {
		f.Add(s)
	}
	s := compile(f, all.JSONSchema())
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		if !strings.Contains(text, "name:") {
			text = "name: x\nmust: [y]\n" + text
		}
		n, errs := Parse("f", []byte(text))
		if len(errs) > 0 {
			return
		}
		var v settings
		errs = all.Decode(n, &v, "")
		for _, e := range errs {
			if e.Pos.Line < 1 || e.Msg == "" || !utf8.ValidString(e.Error()) || len(e.Error()) > 4096 {
				t.Errorf("bad error %+v", e)
			}
		}
		if len(errs) > 0 {
			return
		}
		if err := validate(t, s, n); err != nil {
			t.Errorf("Decode accepts what the schema refuses: %v", err)
		}
	})
}

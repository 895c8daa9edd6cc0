package expr

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sallyport/schema"
)

func TestAppendJSON(t *testing.T) {
	for want, v := range map[string]any{
		`"a\"\\\n\r\t\u0000\u001f\u007fé` + "\u2028" + `<>&"`: "a\"\\\n\r\t\x00\x1f\x7fé\u2028<>&",
		`"` + "\ufffd" + `a"`: "\xffa",
		`-1`:                  int64(-1),
		`1.5`:                 1.5,
		`1e+300`:              1e300,
		`0`:                   float64(0),
		`1.10`:                json.Number("1.10"),
		`{"a":[],"b":{}}`:     map[string]any{"b": map[string]string{}, "a": []string{}},
	} {
		if got, err := AppendJSON(nil, v); err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	deep := any("x")
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	for _, v := range []any{math.Inf(1), math.NaN(), deep, []any{struct{}{}}, map[string]any{"a": math.NaN()}} {
		if got, err := AppendJSON(nil, v); err == nil {
			t.Errorf("%v: got %s, want an error", kindOf(v), got)
		}
	}
}

// Whatever a text holds, the standard library reads it back.
func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"", "a\"\\", "\x00", "\xff", "é\u2028", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := AppendJSON(nil, map[string]any{s: s})
		if err != nil {
			t.Fatal(err)
		}
		clean := strings.ToValidUTF8(s, "\ufffd")
		var got map[string]string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %s: %v", s, b, err)
		}
		if clean == s && !reflect.DeepEqual(got, map[string]string{s: s}) {
			t.Fatalf("%q: got %q", s, got)
		}
	})
}

func TestJSONNumbers(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "-0": "-0", "1.50": "1.50", "1e3": "1e3", "0x1F": "31", "+5": "5", ".5": "0.5", "5.": "5",
		"123456789012345678901234567890": "123456789012345678901234567890", "010": "", "-010": "", "1e999x": ""} {
		var j JSON
		errs := j.UnmarshalNode(&schema.Node{Kind: schema.Number, Text: text}, "n")
		if got, _ := j.Constant(); string(got) != want || (len(errs) == 0) != (want != "") {
			t.Errorf("%s: got %s, %v; want %s", text, got, errs, want)
		}
	}
}

func TestResponseJSON(t *testing.T) {
	root, _ := schema.Parse("f.yaml", []byte("status: ${response.status}"))
	var j ResponseJSON
	if errs := j.UnmarshalNode(root, "body"); len(errs) > 0 {
		t.Fatal(errs)
	}
	if got, err := j.Append(nil, vars(t)); string(got) != `{"status":404}` || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if got := j.Uses(); !reflect.DeepEqual(got, []Ref{{"response", "status", ""}}) {
		t.Errorf("got %v", got)
	}
	var plain JSON
	if errs := plain.UnmarshalNode(root, "body"); len(errs) != 1 {
		t.Errorf("got %v, want one error", errs)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 3*maxFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(path); len(b) != maxFile+1 || err != nil {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
	if _, err := ReadFile(path + "x"); err == nil {
		t.Error("a file that is not there was read")
	}
}

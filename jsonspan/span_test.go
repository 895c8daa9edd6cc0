package jsonspan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var checks = map[string]string{ // text: what is wrong with it, "" for nothing
	`{"a":1}`: "", ` [1, 2.50,-0, 1e9 ] `: "", `"\ud83d\ude00"`: "", `{"a":{"a":1}}`: "", `9007199254740993`: "", `"é"`: "", `{}`: "", `[]`: "",
	``: "breaks off", `{"a":1`: "breaks off", `[1,]`: "byte 4", `{"a":1,}`: "byte 8", `01`: "byte 2", `1.`: "breaks off", `.5`: "byte 1", `+1`: "byte 1",
	`{"a":1,"a":2}`: "twice", `{"a":1,"\u0061":2}`: "twice", `"\ud83d"`: "half", "\"\xff\"": "UTF-8", "\"\n\"": "byte 2", `nul`: "byte 1", `"\x"`: "byte 2",
	`1 2`: "byte 3", `{1:2}`: "byte 2", `{"a" 1}`: "byte 6", `NaN`: "byte 1",
}

func TestCheck(t *testing.T) {
	for text, wrong := range checks {
		_, err := Check([]byte(text))
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: got %v, want %q", text, err, wrong)
		}
	}
}

func TestBombs(t *testing.T) {
	deep := strings.Repeat("[", 1<<20)
	if _, err := Check([]byte(deep)); !errors.Is(err, errDeep) {
		t.Errorf("a million brackets: got %v", err)
	}
	var many strings.Builder
	many.WriteString(`{"n0":0`)
	for i := 1; i < 100_000; i++ {
		many.WriteString(`,"n` + strconv.Itoa(i) + `":0`)
	}
	if _, err := Check([]byte(many.String() + "}")); err != nil {
		t.Errorf("many names: got %v", err)
	}
	if _, err := Check([]byte(many.String() + `,"n5":0}`)); !errors.Is(err, errTwice) {
		t.Errorf("one of many names twice: got %v", err)
	}
}

func TestFind(t *testing.T) {
	v, err := Check([]byte(` {"id": 9007199254740993, "a b": {"\u0069d": 1.10, "deep": [ {"x":1} , 2 ]}, "s":"q\"}"} `))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"id": "9007199254740993", "a b/id": "1.10", "a b/deep": `[ {"x":1} , 2 ]`, "s": `"q\"}"`} {
		if got, _ := Find(v, strings.Split(path, "/")...); string(got) != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"none", "id/x", "a b/deep/x"} {
		if got, found := Find(v, strings.Split(path, "/")...); found {
			t.Errorf("%s: got %s, want nothing", path, got)
		}
	}
	if s := TextOf([]byte(`"q\"}\u00e9\ud83d\ude00"`)); s != "q\"}é😀" {
		t.Errorf("got %s", s)
	}
}

func TestMerge(t *testing.T) {
	a, b, c := `{"id": 1.10, "s": {"x": 1, "l": [1 ]}, "z": 1}`, `{"s": {"y": 2, "l": [ 2, 3]}, "id": "b"}`, `{"n": null, "z": {}}`
	for name, tc := range map[string]struct {
		rule Rule
		of   []string
		want string
	}{
		"deep":           {Rule{}, []string{a, b, c}, `{"id":"b","s":{"x":1,"l":[ 2, 3],"y":2},"z":{},"n":null}`},
		"deep, concat":   {Rule{Lists: Concat}, []string{a, b}, `{"id":"b","s":{"x":1,"l":[1,2, 3],"y":2},"z":1}`},
		"shallow":        {Rule{Objects: Shallow}, []string{a, b}, `{"id":"b","s":{"y": 2, "l": [ 2, 3]},"z":1}`},
		"strict, apart":  {Rule{Objects: Strict}, []string{`{"a":{"x":1}}`, `{"b":2}`}, `{"a":{"x":1},"b":2}`},
		"strict, clash":  {Rule{Objects: Strict}, []string{a, b}, `error: two objects have the name "s"`},
		"lists":          {Rule{Lists: Concat}, []string{`[1]`, `[ ]`, `[2, 3]`, `[[]]`}, `[1,2, 3,[]]`},
		"lists, replace": {Rule{}, []string{`[1]`, `[2]`}, `[2]`},
		"other kinds":    {Rule{}, []string{`{"a":1}`, `[2]`, `{"b":1}`}, `{"b":1}`},
		"escaped names":  {Rule{}, []string{`{"\u0061":{"x":1}}`, `{"a":{"y":1}}`}, `{"\u0061":{"x":1,"y":1}}`},
	} {
		var of [][]byte
		for _, s := range tc.of {
			of = append(of, []byte(s))
		}
		got, err := Merge(nil, tc.rule, of...)
		if err != nil {
			got = []byte("error: " + err.Error())
		}
		if string(got) != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tc.want)
		}
	}
}

func TestShape(t *testing.T) {
	const v = `{"id":1,"items":[{"id":1.10,"secret":"s","more":{"id":2,"secret":3}},{"secret":1},7],"one":{"secret":1,"a":2},"a.b":{"secret":1}}`
	for name, tc := range map[string]struct {
		sel, omit []string
		rename    [][2]string
		want      string
	}{
		"nothing":            {nil, nil, nil, v},
		"omit in a list":     {nil, []string{"items[].secret"}, nil, `{"id":1,"items":[{"id":1.10,"more":{"id":2,"secret":3}},{},7],"one":{"secret":1,"a":2},"a.b":{"secret":1}}`},
		"omit, no brackets":  {nil, []string{"items.secret", "items.more.secret"}, nil, `{"id":1,"items":[{"id":1.10,"more":{"id":2}},{},7],"one":{"secret":1,"a":2},"a.b":{"secret":1}}`},
		"select":             {[]string{"id", "items[].id", "one"}, nil, nil, `{"id":1,"items":[{"id":1.10},{}],"one":{"secret":1,"a":2}}`},
		"select, omit":       {[]string{"one"}, []string{"one.secret"}, nil, `{"one":{"a":2}}`},
		"select of nothing":  {[]string{"none", "id.x"}, nil, nil, `{}`},
		"quoted name":        {nil, []string{`"a.b".secret`, "items", "one"}, nil, `{"id":1,"a.b":{}}`},
		"rename":             {[]string{"items[].id"}, nil, [][2]string{{"items", "list"}, {"items[].id", "key"}}, `{"list":[{"key":1.10},{}]}`},
		"swap":               {[]string{"one"}, nil, [][2]string{{"one.a", "secret"}, {"one.secret", "a"}}, `{"one":{"a":1,"secret":2}}`},
		"rename onto a name": {nil, nil, [][2]string{{"one.a", "secret"}}, `error`},
	} {
		s, err := NewShape(tc.sel, tc.omit, tc.rename)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := s.Append(nil, []byte(v))
		if err != nil {
			got = []byte("error")
		}
		if string(got) != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tc.want)
		}
	}
	for path, want := range map[string]string{"": "is no path", "a..b": "is no path", "a[0].b": "single ones", "a.": "dots between", `"a`: "no end", "a.*": "is no path", "a[]b": "dots between"} {
		if _, err := NewShape(nil, []string{path}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", path, err, want)
		}
	}
	if _, err := NewShape(nil, nil, [][2]string{{"a", "c"}, {"b", "c"}}); err == nil {
		t.Error("two of one new name were taken")
	}
}

// members is an object of n of them.
func members(prefix string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"%s%d":%d`, prefix, i, i)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// A name that comes twice is found wherever both stand, however many others there are, and however they are written.
func TestTwice(t *testing.T) {
	for _, name := range []string{"", "a", "id", "seven77", "eight888", "nine99999", "a name of more than sixteen", `\u0061b`, "é"} {
		for _, n := range []int{0, 1, 12, 62, 63, 64, 65, 66, 200} {
			others := strings.Trim(members("n", n), "{}")
			for _, text := range []string{
				fmt.Sprintf(`{"%s":0,%s,"%s":1}`, name, others, name), fmt.Sprintf(`{%s,"%s":0,"%s":1}`, others, name, name), fmt.Sprintf(`{"%s":0,"%s":1,%s}`, name, name, others),
				fmt.Sprintf(`[{"x":{%s,"%s":0,"%s":1}}]`, others, name, name), fmt.Sprintf(`{"%s":0,%s,"%s":1}`, name, others, strings.Replace(name, `\u0061`, "a", 1)),
			} {
				text = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, ",,", ","), "{,", "{"), ",}", "}")
				if _, err := Check([]byte(text)); !errors.Is(err, errTwice) {
					t.Errorf("%.200s: got %v", text, err)
				}
			}
			once := strings.ReplaceAll(fmt.Sprintf(`{"%s":0,%s,"%s%s":1}`, name, others, name, name+"x"), ",,", ",")
			if _, err := Check([]byte(once)); err != nil {
				t.Errorf("%.200s: got %v", once, err)
			}
		}
	}
}

// Whether names come twice does not depend on those of the objects before.
func TestTwiceInOneOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "id", "seven77", "eight888", "eight889", "nine99999", "nine99998", `\u0061`, "", "a name of more than sixteen", "a name of more than seventeen"}
	var object func(depth int) string
	object = func(depth int) string {
		var parts []string
		for _, i := range r.Perm(len(names))[:r.IntN(5)] {
			parts = append(parts, names[i])
		}
		if r.IntN(8) > 0 {
			parts = names[:r.IntN(len(names))]
		}
		if len(parts) > 0 && r.IntN(30) == 0 {
			parts = append(slices.Clone(parts), parts[r.IntN(len(parts))])
		}
		var b strings.Builder
		for i, name := range parts {
			value := "1"
			if depth > 0 && r.IntN(6) == 0 {
				value = "[" + object(depth-1) + "," + object(depth-1) + "]"
			}
			fmt.Fprintf(&b, `%s"%s":%s`, strings.Repeat(",", min(i, 1)), name, value)
		}
		return "{" + b.String() + "}"
	}
	good := 0
	for range 4000 {
		list := make([]string, 1+r.IntN(6))
		for i := range list {
			list[i] = object(3)
		}
		text := []byte("[" + strings.Join(list, ",") + "]")
		_, err := Check(text)
		_, want := readTree(text)
		if (err == nil) != (want == nil) {
			t.Fatalf("%s: got %v, the oracle says %v", text, err, want)
		}
		if err == nil {
			good++
		}
	}
	if good < 400 || good > 3600 {
		t.Errorf("%d of 4,000 were good, which proves little", good)
	}
}

// FuzzSpans compares everything with the slow ways of oracle_test.go.
func FuzzSpans(f *testing.F) {
	for text := range checks {
		f.Add([]byte(text), []byte(`{"a":[1,{"b":2}],"c":{}}`))
		f.Add([]byte(`{"a":[{"b":1.10}],"b":"\u0062","c":[`+text+`]}`), []byte(text))
	}
	for _, n := range []int{8, 17, 63, 64, 65, 66, 130} { // on both sides of where the way changes in which names are compared
		f.Add([]byte(members("n", n)), []byte(members("m", n)))
		f.Add([]byte(members("n", n)), []byte(members("n", 3)))
		f.Add([]byte(members("a long name ", n)), []byte(strings.ReplaceAll(members("a long name ", n/2), ",", " ,\n        ")))
	}
	for _, text := range []string{`[{"a":1,"b":2},{"a":1,"b":2},{"a":1,"a":2}]`, `[{"a":1,"long name":2},{"a":{"a":1,"long name":2},"long name":2,"a":1}]`, `{"x":{"a":[{"a":1},{"a":1,"b":2}]},"y":{"a":[{"b":1,"a":1}],"a":2}}`} {
		f.Add([]byte(text), []byte(text))
	}
	half := regexp.MustCompile(`\\u[dD][89a-fA-F]`) // encoding/json reads half a character as U+FFFD
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 64<<10 || half.Match(a) || half.Match(b) {
			return
		}
		x, errA := Check(a)
		y, errB := Check(b)
		treeA, wantA := readTree(a)
		treeB, wantB := readTree(b)
		if (errA == nil) != (wantA == nil && utf8.Valid(a)) {
			t.Fatalf("%q: got %v, the oracle says %v", a, errA, wantA)
		}
		if errA != nil {
			return
		}
		if written(x) != writeTree(treeA) {
			t.Fatalf("%q: the span is %q", a, x)
		}
		if o, ok := treeA.(*object); ok {
			for i, name := range o.names {
				if at, found := Find(x, name); !found || written(at) != writeTree(o.values[i]) {
					t.Fatalf("%q: %q is %q", a, name, at)
				}
			}
		}
		shape, _ := NewShape(nil, []string{"a[].b", "c"}, nil)
		got, err := shape.Append(nil, x)
		if want := writeTree(without(without(treeA, []string{"a", "b"}), []string{"c"})); err != nil || written(got) != want {
			t.Fatalf("%q without: got %q %v, want %q", x, got, err, want)
		}
		if errB != nil || wantB != nil {
			return
		}
		var first, second Outline
		if err := errors.Join(first.Check(a), second.Check(b)); err != nil || string(first.Value) != string(x) {
			t.Fatalf("%q and %q: got %q %v", a, b, first.Value, err)
		}
		for o := Deep; o <= Strict; o++ {
			for l := Replace; l <= Concat; l++ {
				rule := Rule{o, l}
				want, wantErr := mergeTrees(rule, treeA, treeB, true)
				got, err := Merge(nil, rule, x, y)
				if outlined, wrong := MergeOutlines(nil, rule, []*Outline{&first, &second}); string(outlined) != string(got) || (wrong == nil) != (err == nil) {
					t.Fatalf("%v of %q and %q: got %q %v, of outlines %q %v", rule, x, y, got, err, outlined, wrong)
				}
				if (err == nil) != (wantErr == nil) || err == nil && written(got) != writeTree(want) {
					t.Fatalf("%v of %q and %q: got %q %v, want %q %v", rule, x, y, got, err, writeTree(want), wantErr)
				}
			}
		}
	})
}

// What has no members is not selected by any name.
func TestSelectOfBareValues(t *testing.T) {
	s, err := NewShape([]string{"id", "items[].id"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		`"secret"`: "", `1`: "", `true`: "", `null`: "null", `["secret",{"id":1,"s":2}]`: `[{"id":1}]`, `{"items":"secret"}`: "{}", `{"items":["secret"]}`: `{"items":[]}`,
	} {
		got, err := s.Append(nil, []byte(in))
		if string(got) != want || (want == "") != errors.Is(err, ErrBare) {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
}

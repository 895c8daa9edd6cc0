package jsonspan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A made is a Shape and a Fill.
type made struct {
	shape  *Shape
	fill   *Fill
	values [][]byte
}

func shapes(t testing.TB) map[string]made {
	t.Helper()
	shape := func(sel, omit []string, rename ...[2]string) *Shape {
		s, err := NewShape(sel, omit, rename)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	fill := func(paths ...string) (f *Fill, values [][]byte) {
		var puts []Put
		for i, p := range paths {
			path, keep := strings.CutPrefix(p, "?")
			puts, values = append(puts, Put{path, keep}), append(values, []byte{'0' + byte(i)})
		}
		f, err := NewFill(puts)
		if err != nil {
			t.Fatal(err)
		}
		return f, values
	}
	out := map[string]made{
		"nothing": {},
		"omit":    {shape: shape(nil, []string{"a", "b.c", "l[].s"})},
		"select":  {shape: shape([]string{"a", "l[].s", "b.c"}, nil)},
		"rename":  {shape: shape(nil, []string{"x"}, [2]string{"a", "b"}, [2]string{"l", "k"}, [2]string{"l[].s", "t"})},
	}
	f, values := fill("n", "?a", "l[].m", "?l[].s", "b.d.e")
	out["fill"] = made{fill: f, values: values}
	f, values = fill("k[].m", "b", "?c", "l")
	out["all"] = made{shape(nil, []string{"d"}, [2]string{"a", "b"}, [2]string{"l", "k"}), f, values}
	return out
}

// whole does at once what a Stream does piece by piece.
func (m made) whole(b []byte) ([]byte, error) {
	v, err := Check(b)
	if err == nil && m.shape != nil {
		v, err = m.shape.Append(nil, v)
	}
	if err == nil && m.fill != nil {
		v, err = m.fill.Append(nil, v, m.values, 1<<20)
	}
	return v, err
}

func compact(b []byte) string {
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return "no JSON: " + string(b)
	}
	return out.String()
}

// same holds a Stream against the whole.
func same(t *testing.T, name string, m made, in []byte, r io.Reader) {
	t.Helper()
	want, wrong := m.whole(in)
	s := NewStream(r, m.shape, m.fill, m.values, 1<<20)
	start := s.Start()
	got, err := io.ReadAll(s)
	switch {
	case (err == nil) != (wrong == nil), err == nil && start != nil, start != nil && start.Error() != err.Error():
		t.Fatalf("%s: %q: got %v, %v, want %v", name, in, start, err, wrong)
	case err == nil && compact(got) != compact(want):
		t.Fatalf("%s: %q: got %s, want %s", name, in, got, want)
	case err != nil && json.Valid(got):
		t.Fatalf("%s: %q: what went on before %v is JSON: %s", name, in, err, got)
	}
}

var streamed = []string{
	`{}`, `[]`, ` [ ] `, `1`, ` "x\"" `, `null`, `{"a":1}`, `{"a":{"b":[1,{}]},"b":{"c":1,"d":{"x":2}}}`, `[1,"a,]",{"s":1,"l":[{"s":2}]},[{"s":[]}]]`,
	`{"l":[{"s":1,"m":2},3,[{"s":4}],{}],"a":"\\","x":{}}`, `{ "l" : [ ] , "c" : 1 , "d" : [ 1 , 2 ] }`, `{"\u0061":1,"b":2}`, `{"k":1,"l":[1]}`, `{"l":null,"a":[]}`,
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[{"a":1,"a":2}]`, `{"l":[{"a":1,"a":2}]}`, `{"a":1`, `{"a"`, `{"a":`, `{`, `[`, `[1`, `[1,`, `[1,]`, `{"a":1,}`, `[,1]`, `{,}`, `[1 2]`,
	`{"a" 1}`, `{"a":1 "b":2}`, `{"a":1:2}`, `[1}`, `{"a":1]`, `{"l":[1}}`, `[[1}]`, `{} x`, `[] []`, `1 2`, `"a`, `"\`, `"\u12`, `tru`, `01`, ``, ` `, `x`, `{1:2}`, `{"a":01}`, `"\\\\\\"`, `["\\\"\\"]`, `"\\\`, "[\"\n\"]", "[\"\xff\"]",
	`["\ud800"]`, "\xef\xbb\xbf[]", `]`, `}`, `,`, `:`, `{"a":}`, `{"l":[,]}`, `{"l":[1,]}`, `{"l":[1}`, `{"l":[`, `{"l":[1`, `{"l":[1]`, `{"a":1}}`, `[1]]`,
	strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat("[", 201) + strings.Repeat("]", 201),
	strings.Repeat(`{"l":`, 200) + "1" + strings.Repeat("}", 200), `{"l":` + strings.Repeat("[", 199) + strings.Repeat("]", 199) + "}", `{"l":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}",
}

func TestStream(t *testing.T) {
	for name, m := range shapes(t) {
		for _, in := range streamed {
			same(t, name, m, []byte(in), strings.NewReader(in))
			same(t, name+", byte by byte", m, []byte(in), iotest.OneByteReader(strings.NewReader(in)))
			same(t, name+", with its end", m, []byte(in), iotest.DataErrReader(strings.NewReader(in)))
		}
	}
}

// A large value goes through in little memory, and before it has ended.
func TestLargeStream(t *testing.T) {
	const items = 50_000
	r, w := io.Pipe()
	s := NewStream(r, shapes(t)["omit"].shape, nil, nil, 1<<10)
	first := make(chan struct{})
	go func() {
		_, _ = w.Write([]byte(`{"n":1,"l":[{"s":0,"z":"first"}`))
		<-first
		for range items {
			_, _ = w.Write([]byte(`, {"s":[1,2,3],"t":"` + strings.Repeat("x", 100) + `"}`))
		}
		_, _ = w.Write([]byte(`]}`))
		_ = w.Close()
	}()
	b := make([]byte, 1<<10)
	n, err := s.Read(b)
	if got := string(b[:n]); err != nil || got != `{"n":1,"l":[{"z":"first"}` {
		t.Fatalf("at first it reads %s, %v", got, err)
	}
	close(first)
	total, held := n, 0
	for err == nil {
		n, err = s.Read(b)
		total, held = total+n, max(held, cap(s.in)+cap(s.out)+cap(s.room))
	}
	if want := items*(100+len(`,{"t":""}`)) + len(`{"n":1,"l":[{"z":"first"}]}`); err != io.EOF || total != want {
		t.Errorf("it read %d bytes, %v, want %d", total, err, want)
	}
	if held > 512<<10 {
		t.Errorf("%d bytes were held", held)
	}
}

func TestStreamBounds(t *testing.T) {
	f, err := NewFill([]Put{{Path: "l[].m[].x"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   string
		fill *Fill
	}{
		"a large item":         {`[1,"` + strings.Repeat("x", 200<<10) + `"]`, nil},
		"a large item without": {`[1,"` + strings.Repeat("x", 200<<10), nil},
		"a large name":         {`{"` + strings.Repeat("x", 200<<10) + `":1}`, nil},
		"a large number":       {`[1` + strings.Repeat("0", 200<<10) + `]`, nil},
		"many names":           {"{" + names(20_000) + "}", nil},
		"an item that grows":   {`{"l":[{"m":[` + strings.Repeat("{},", 300) + `{}]}]}`, f},
	} {
		s := NewStream(strings.NewReader(c.in), nil, c.fill, [][]byte{[]byte(`"` + strings.Repeat("x", 4<<10) + `"`)}, 64<<10)
		if _, err := io.Copy(io.Discard, s); !errors.Is(err, ErrLarge) {
			t.Errorf("%s: got %v, want %v", name, err, ErrLarge)
		}
	}
	for in, want := range map[string]bool{"": true, " ": false, "[]": false, "x": false} {
		s := NewStream(strings.NewReader(in), nil, nil, nil, 10)
		if _ = s.Start(); s.Empty() != want {
			t.Errorf("%q: empty is %v", in, s.Empty())
		}
	}
	broken := errors.New("broken")
	s := NewStream(io.MultiReader(strings.NewReader(`[1,`), iotest.ErrReader(broken)), nil, nil, nil, 10)
	if err := s.Start(); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(s); err != broken || string(b) != "[1" {
		t.Errorf("got %s, %v", b, err)
	}
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("n", i%7) + strings.Repeat("abcdefgh", 1+i%3) + string(AppendText(nil, string(rune('A'+i%26))+string(rune(0x4e00+i))))[1:])
		b.WriteString(`:1`)
	}
	return b.String()
}

func FuzzStream(f *testing.F) {
	for _, s := range streamed {
		f.Add([]byte(s), byte(1))
	}
	all := shapes(f)
	f.Fuzz(func(t *testing.T, in []byte, step byte) {
		for name, m := range all {
			same(t, name, m, in, &steps{in, int(step)%16 + 1})
		}
	})
}

// steps hands out so many bytes at once.
type steps struct {
	b []byte
	n int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.n)], s.b)
	s.b = s.b[n:]
	return n, nil
}

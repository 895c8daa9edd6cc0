package expr

import (
	"errors"
	"strings"
	"testing"
)

// largeBody is a request whose body would make much more than it is.
type largeBody struct{ given }

func (l largeBody) Lookup(root, field, key string) (any, bool, error) {
	if root != "request" || field != "body" {
		return l.given.Lookup(root, field, key)
	}
	items := make([]any, 500)
	for i := range items {
		items[i] = "ab"
	}
	return map[string]any{"text": strings.Repeat("x", 200<<10), "items": items}, true, nil
}

// What a function makes is bounded before it is made, not when the memory is gone.
func TestBounds(t *testing.T) {
	for _, src := range []string{
		`request.body.items.map(i, request.body.text).join()`,
		`request.body.items.map(i, "x").join(request.body.text)`,
		`request.body.text.replace("x", request.body.text)`,
		`request.body.text.replace("", request.body.text)`,
		`request.body.text.replace("x", request.body.text, 100)`,
		`json(request.body.items.map(i, request.body))`,
	} {
		e, err := Compile(src, Any)
		if err != nil {
			t.Fatal(src, err)
		}
		if _, err := e.Value(largeBody{newGiven()}); !errors.Is(err, ErrLarge) {
			t.Errorf("%s: got %v, want %v", src, err, ErrLarge)
		}
	}
	for src, want := range map[string]any{
		`request.body.items.join(", ").size()`:     int64(500*4 - 2),
		`request.body.items.join().size()`:         int64(1000),
		`[].join("x")`:                             "",
		`["", ""].join("x")`:                       "x",
		`"aaa".replace("a", "bb")`:                 "bbbbbb",
		`"aaa".replace("a", "bb", 1)`:              "bbaa",
		`"aaa".replace("a", "bb", 0)`:              "aaa",
		`"aé".replace("", "-")`:                    "-a-é-",
		`request.body.text.replace("x", "") == ""`: true,
		`request.body.items.reverse().size()`:      int64(500),
	} {
		e, err := Compile(src, Any)
		if err != nil {
			t.Fatal(src, err)
		}
		if got, err := e.Value(largeBody{newGiven()}); got != want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", src, got, err, want)
		}
	}
}

func TestLargeJSON(t *testing.T) {
	raw := Raw(`"` + strings.Repeat("x", 1<<20) + `"`)
	list := make([]any, 1000)
	for i := range list {
		list[i] = raw
	}
	if _, err := AppendJSON(nil, list); !errors.Is(err, ErrLarge) {
		t.Errorf("got %v, want %v", err, ErrLarge)
	}
	j := JSON{[]jsonPart{{text: []byte(`{"a":`)}, {fill: Template{parts: []piece{{expr: &program{constant: true, value: raw}}}}}, {text: []byte("}")}}}
	if _, err := j.AppendBut([]byte("before"), newGiven(), 1<<20, nil); !errors.Is(err, ErrLarge) {
		t.Errorf("got %v, want %v", err, ErrLarge)
	}
	if b, err := j.AppendBut([]byte("before"), newGiven(), 1<<20+20, nil); err != nil || len(b) < 1<<20 {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
}

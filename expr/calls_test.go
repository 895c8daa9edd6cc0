package expr

import (
	"strings"
	"testing"

	"sallyport/jsonspan"
	"sallyport/schema"
	"sallyport/wire"
)

// answered is the variables of a compose: one call, one that is repeated, one that brought nothing, and an item.
type answered struct{ given }

func (a *answered) Lookup(root, field, key string) (any, bool, error) {
	switch root + " " + field {
	case "calls user":
		h := &wire.Header{}
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		return &Answer{Status: 200, OK: true, Header: h, Body: Raw(`{"z": 1.10, "id":9007199254740993,"list":[ {"n": 2.50,"a":"é"}, {"n":1,"b":null} ],"t":["x","y"]}`)}, true, nil
	case "calls each":
		return []*Answer{{Status: 200, OK: true, Body: Raw(`{"z":1,"a":2.0}`)}, {Status: 404, Body: Raw(`{"z":2}`)}}, true, nil
	case "calls none":
		return &Answer{}, true, nil
	case "item ":
		return Raw(`{"id":"a/b","n":1e2}`), true, nil
	case "index ":
		return int64(3), true, nil
	}
	return a.given.Lookup(root, field, key)
}

func scopedJSON(t *testing.T, src string) (*JSON, schema.Errors) {
	t.Helper()
	n := &schema.Node{Kind: schema.String, Text: src, Quoted: true, Scope: &Scope{Calls: map[string]bool{"user": false, "each": true, "none": false}, Item: true}}
	j := &JSON{}
	return j, j.UnmarshalNode(n, "body")
}

func TestCalls(t *testing.T) {
	for src, want := range map[string]string{
		`${calls.user.body}`:      `{"z": 1.10, "id":9007199254740993,"list":[ {"n": 2.50,"a":"é"}, {"n":1,"b":null} ],"t":["x","y"]}`,
		`${calls.user.body.z}`:    `1.10`,
		`${calls.user.body.list}`: `[ {"n": 2.50,"a":"é"}, {"n":1,"b":null} ]`,
		`${item}`:                 `{"id":"a/b","n":1e2}`, `${item.id}`: `"a/b"`, `${item.n}`: `1e2`, `${index}`: `3`, `${index + 1}`: `4`,
		`${calls.user.body.id + 1}`:                                      `9007199254740994`,
		`${calls.user.body.list[0]}`:                                     `{"n": 2.50,"a":"é"}`,
		`${calls.user.body.list.filter(l, l.n > 1)}`:                     `[{"n": 2.50,"a":"é"}]`,
		`${calls.each.map(e, e.body)}`:                                   `[{"z":1,"a":2.0},{"z":2}]`,
		`${calls.each.filter(e, e.ok).size()}`:                           `1`,
		`${calls.each[1].status}`:                                        `404`,
		`${calls.user.body.t.join("+")}`:                                 `"x+y"`,
		`${calls.user.body.t + ["w"]}`:                                   `["x","y","w"]`,
		`${"x" in calls.user.body.t}`:                                    `true`,
		`${"z" in calls.user.body}`:                                      `true`,
		`${has(calls.user.body.nothing)}`:                                `false`,
		`${has(calls.user.body.list[1].b)}`:                              `true`,
		`${calls.user.body.list[1].b == null}`:                           `true`,
		`${calls.each[0].body == {"a": 2.0, "z": 1}}`:                    `true`,
		`${{"a": 2.0, "z": 1} == calls.each[0].body}`:                    `true`,
		`${calls.user.body.map(name, name)}`:                             `["z","id","list","t"]`,
		`${merge(calls.each[0].body, calls.each[1].body)}`:               `{"z":2,"a":2.0}`,
		`${merge(calls.each[1].body, {"b": 1})}`:                         `{"b":1,"z":2}`,
		`${json(calls.each[1].body)}`:                                    `"{\"z\":2}"`,
		`${calls.user.status}`:                                           `200`,
		`${calls.user.header("set-cookie")}`:                             `"a=1"`,
		`${calls.user.header_values("set-cookie")}`:                      `["a=1","b=2"]`,
		`${calls.user.headers["set-cookie"]}`:                            `"a=1"`,
		`${calls.none.ok}`:                                               `false`,
		`id ${calls.user.body.id} of ${item.id}`:                         `"id 9007199254740993 of a/b"`,
		`${calls.none.body.x}`:                                           "there is no calls.none.body",
		`${calls.none.status}`:                                           "there is no calls.none.status",
		`${calls.user.body.list.z}`:                                      "there is no calls.user.body.list.z",
		`${calls.user.body.list[0].q + 1}`:                               `there is no entry "q"`,
		`a ${calls.user.body.list[1].b}`:                                 "null",
		`a ${calls.user.body.list}`:                                      "a list where text is wanted",
		`${calls.usr.body}`:                                              `there is no call "usr"`,
		`${calls.each.body}`:                                             "is a list, since",
		`${calls}`:                                                       "calls is no value by itself",
		`${calls.user}`:                                                  "is no value by itself",
		`${calls.user.bdy}`:                                              `a call has no field "bdy"`,
		`${response.status}`:                                             "response does not exist here",
		`${[1].map(calls, calls + 1)} ${[1].map(item, item)}`:            "a list where text is wanted",
		`${[1, 2].map(item, item * 2)}`:                                  `[2,4]`,
		`${calls.user.body.list.map(l, l.n).exists(n, n == 2.5)}`:        `true`,
		`${calls.user.body.list.map(l, {"n": l.n, "first": l == item})}`: `[{"first":false,"n":2.5},{"first":false,"n":1}]`,
	} {
		j, errs := scopedJSON(t, src)
		if len(errs) > 0 {
			if !strings.Contains(errs.Error(), want) {
				t.Errorf("%s: got %v, want %s", src, errs, want)
			}
			continue
		}
		b, err := j.Append(nil, &answered{newGiven()})
		got := string(b)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

func TestCallsElsewhere(t *testing.T) {
	for _, src := range []string{"calls.user.body", "item", "index"} {
		if _, err := Compile(src, Any); err == nil || !strings.Contains(err.Error(), "exists in") {
			t.Errorf("%s: got %v", src, err)
		}
	}
	j, errs := scopedJSON(t, "${calls.user.body.list.size() + calls.each.size()}")
	if uses := j.Uses(); len(errs) > 0 || len(uses) != 2 || uses[0] != (Ref{"calls", "user", "body"}) || uses[1] != (Ref{Root: "calls", Field: "each"}) {
		t.Errorf("got %v %v", uses, errs)
	}
}

// FuzzRaw compares values of JSON as it was written with those that are decoded first.
func FuzzRaw(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,{"b":null}]}`, `[]`, `"\u00e9"`, `-0`, `1e400`, `{"":{"":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		span, err := jsonspan.Check(b)
		if err != nil || len(b) > 16<<10 {
			return
		}
		raw := Raw(span)
		back, err := constantly().native(raw.val())
		if err != nil {
			return // a number that no double can be
		}
		x, errX := AppendJSON(nil, back)
		y, errY := AppendJSON(nil, raw.decoded())
		if errX != nil || errY != nil {
			return // a number that no double can be
		}
		if z, _ := jsonspan.Check(x); z == nil {
			t.Fatalf("%s: came back as %s", b, x)
		}
		if len(y) > 0 && raw.val().Equal(adapter{}.NativeToValue(raw.decoded())).Value() != true && !strings.ContainsAny(string(b), "eE") {
			t.Fatalf("%s is not equal to itself decoded", b)
		}
	})
}

package expr

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"sallyport/jsonspan"
)

// bodied is a request with a body.
type bodied struct {
	given
	body any
}

func (b bodied) Lookup(root, field, key string) (any, bool, error) {
	if root == "request" && field == "body" {
		return b.body, true, nil
	}
	return b.given.Lookup(root, field, key)
}

// hostile makes a body of several kinds of what can be large.
func hostile(kind string, n int) []byte {
	items := make([]string, n)
	members := make([]string, n)
	for i := range items {
		items[i] = strings.NewReplacer("#", fmt.Sprint(i)).Replace(kind)
		members[i] = fmt.Sprintf(`"%d":%d`, i, i)
	}
	all := strings.Join(items, ",")
	return fmt.Appendf(nil, `{"items":[%s],"m":{%s},"s":"%s","t":"%sb","p":"(a{100}){9}"}`, all, strings.Join(members, ","), strings.Repeat("a", 15*n), strings.Repeat("a", 8*n))
}

// twoWays is a body as it was written, and decoded.
func twoWays(t testing.TB, text []byte) []Vars {
	span, err := jsonspan.Check(text)
	if err != nil {
		t.Fatal(err)
	}
	return []Vars{bodied{newGiven(), Raw(span)}, bodied{newGiven(), Raw(span).decoded()}}
}

var kinds = []string{`#`, `#.5`, `{"a":#}`, `"s#"`, `{}`, `[[#]]`}

// costly are expressions that do too much with the bodies of hostile. None of them may take longer than it is allowed: each has to fail.
var costly = []string{
	`request.body.items.all(i, i in request.body.items)`,
	`request.body.items.filter(i, request.body.items.exists(j, j == i)).size()`,
	`request.body.items.map(i, i in request.body.items)`,
	`request.body.items.map(i, request.body.items.sort())`,
	`request.body.items.map(i, request.body.items.sortBy(x, string(x)))`,
	`request.body.items.map(i, request.body.items.distinct())`,
	`request.body.items.map(i, request.body.items.map(j, [j]).distinct())`,
	`request.body.items.map(i, request.body.items.flatten())`,
	`request.body.items.map(i, request.body.items.slice(1, 9000))`,
	`request.body.items.map(i, request.body.items.reverse())`,
	`request.body.items.all(i, request.body.items.hasAll(request.body.items))`,
	`request.body.items.all(i, !request.body.items.hasAny([{}]))`,
	`request.body.items.all(i, request.body.m == request.body.m)`,
	`request.body.items.all(i, request.body != {'a': request.body})`,
	`request.body.items.map(i, request.body) == request.body.items.map(i, request.body)`,
	`[request.body.items.map(j, j)].map(l, request.body.items.map(i, l))`,
	`json([request.body.items.map(j, j)].map(l, request.body.items.map(i, l)))`,
	`"%s".format([[request.body.items.map(j, j)].map(l, request.body.items.map(i, l))])`,
	`request.body.items.map(i, "%s".format([request.body]))`,
	`request.body.items.map(i, request.body.s.format([]))`,
	`request.body.items.map(i, merge(request.body, {'x': i}))`,
	`request.body.items.map(i, request.body.s.reverse())`,
	`request.body.items.map(i, request.body.s + request.body.s)`,
	`request.body.items.map(i, bytes(request.body.s))`,
	`request.body.items.map(i, request.body.s < request.body.s)`,
	`request.body.items.all(i, size(request.body.s) > 5)`,
	`request.body.items.map(i, request.body.s.charAt(5))`,
	`request.body.items.map(i, request.body.s.split("a"))`,
	`request.body.items.map(i, request.body.s.replace("a", "bb"))`,
	`request.body.s.indexOf(request.body.t)`,
	`request.body.s.lastIndexOf("b" + request.body.s)`,
	`request.body.s.matches(request.body.p)`,
	`request.body.items.all(i, !"b".matches(request.body.p + string(i)))`,
	`request.body.s.matches("(a{100}){9}")`,
	`request.body.items.map(i, lists.range(100000))`,
	`request.body.items.all(i, !ip("10.0.0.1").in(request.body.items.map(j, "10.0.0.2")))`,
}

func TestCostly(t *testing.T) {
	for _, kind := range kinds[:3] {
		for i, v := range twoWays(t, hostile(kind, 10_000)) {
			if i > 0 && kind != `#` {
				continue // takes its time
			}
			for _, src := range costly {
				e, err := Compile(src, Any)
				if err != nil {
					t.Fatal(src, err)
				}
				x, err := e.Value(v)
				if err == nil {
					t.Errorf("%s with items like %s made %.40v; it must not", src, kind, x)
				}
				if !errors.Is(err, ErrCostly) && kind == `#` {
					t.Errorf("%s with items like %s: got %v, want %v", src, kind, err, ErrCostly)
				}
			}
		}
	}
}

// What honest expressions do with the same bodies goes on working.
func TestAffordable(t *testing.T) {
	for src, want := range map[string]any{
		`7 in request.body.items`:                                          true,
		`7.0 in request.body.items`:                                        true,
		`"7" in request.body.m`:                                            true,
		`"x" in request.body.m`:                                            false,
		`request.body.items == request.body.items`:                         true,
		`request.body != request.body`:                                     false,
		`request.body.m == {"a": 1}`:                                       false,
		`request.body.items.sort()[999]`:                                   int64(999),
		`request.body.items.reverse()[0]`:                                  int64(999),
		`request.body.items.slice(5, 7)`:                                   []any{int64(5), int64(6)},
		`request.body.items.sortBy(i, -i)[0]`:                              int64(999),
		`request.body.items.distinct().size()`:                             int64(1000),
		`[1, 2.0, 1.0, 2, "1", "1", [1], [1.0], true, null].distinct()`:    []any{int64(1), 2.0, "1", []any{int64(1)}, true, nil},
		`[[1, [2]], [3]].flatten()`:                                        []any{int64(1), []any{int64(2)}, int64(3)},
		`[[1, [2]], [3]].flatten(2)`:                                       []any{int64(1), int64(2), int64(3)},
		`[1, 2, 3].hasAll([1, 2])`:                                         true,
		`[1, 2, 3].hasAll([1, 4])`:                                         false,
		`[1, 2, 3].hasAny([4, 3])`:                                         true,
		`[1, 2].hasAny([])`:                                                false,
		`[1, 2].hasOnly([1, 2, 3])`:                                        true,
		`[1, 4].hasOnly([1, 2, 3])`:                                        false,
		`[1, 2, 1].hasExactly([2, 1])`:                                     true,
		`[dyn(1), "a"] == [dyn(1.0), "a"]`:                                 true,
		`{"a": [1], "b": dyn(2)} == {"b": dyn(2.0), "a": [1]}`:             true,
		`dyn([1]) == dyn({"a": 1})`:                                        false,
		`dyn(null) == request.body.items`:                                  false,
		`size(request.body.s)`:                                             int64(15_000),
		`request.body.s.lowerAscii() == request.body.s`:                    true,
		`request.body.s.matches("^a+$")`:                                   true,
		`request.body.items.filter(i, i > 997)`:                            []any{int64(998), int64(999)},
		`"%s-%d".format(["a", request.body.items[3]])`:                     "a-3",
		`json(request.body.items.slice(0, 2))`:                             "[0,1]",
		`merge(request.body, {"x": 1}).x`:                                  int64(1),
		`request.body.items.map(i, i * 2)[3]`:                              int64(6),
		`request.body.items.exists_one(i, i == 3)`:                         true,
		`["b", "a"].sort()`:                                                []any{"a", "b"},
		`request.body.t.indexOf("b")`:                                      int64(8_000),
		`ip("10.0.0.1").in(request.body.items.map(i, "10.0.0." + "1/32"))`: true,
	} {
		for _, v := range twoWays(t, hostile("#", 1000)) {
			for _, always := range []bool{false, true} {
				p, err := (&compiler{always: always}).compile(src, Any)
				if err != nil {
					t.Fatal(src, err)
				}
				got, err := Expr{p}.Value(v)
				if raw, ok := got.(Raw); ok {
					got = raw.decoded()
				}
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got %.60v, %v, want %v", src, got, err, want)
				}
			}
		}
	}
	for src, want := range map[string]string{
		`request.body.items.map(i, i == 3 ? dyn("a") : dyn(i)).sort()`: errKinds.Error(),
		`[[1], [2]].sort()`:                            "",
		`dyn([[1], [2]]).sort()`:                       errNoOrder.Error(),
		`request.body.items.flatten(-1)`:               errLevel.Error(),
		`request.body.m.sort()`:                        "no such overload",
		`3 in dyn(request.body.s)`:                     "no such overload",
		`request.body.p.matches(request.body.items)`:   "no such overload",
		`request.body.s.matches("(" + request.body.t)`: "missing",
	} {
		e, err := Compile(src, Any)
		if err == nil {
			_, err = e.Value(twoWays(t, hostile("#", 1000))[0])
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
	}
}

// BenchmarkCostly says how long it takes until an expression is stopped.
func BenchmarkCostly(b *testing.B) {
	for k, kind := range kinds {
		vars := twoWays(b, hostile(kind, 10_000))
		for i, src := range costly {
			e, err := Compile(src, Any)
			if err != nil {
				b.Fatal(err)
			}
			for j, v := range vars {
				b.Run(fmt.Sprintf("%d/%d/raw=%v", k, i, j == 0), func(b *testing.B) {
					b.ReportAllocs()
					began := cpu()
					defer func() { b.ReportMetric(float64(cpu()-began)/1e6/float64(b.N), "cpu-ms/op") }()
					for b.Loop() {
						_, _ = e.Value(v)
					}
				})
			}
		}
	}
}

func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// settings has one of everything.
type settings struct {
	Name   string        `json:"name" doc:"A required text." max:"10"`
	Mode   string        `json:"mode" doc:"One of some." default:"fast" enum:"fast,slow,1.2,off"`
	Note   string        `json:"note" doc:"An optional text." default:""`
	On     bool          `json:"on" doc:"A switch."`
	Count  int           `json:"count" doc:"A whole number." default:"3" min:"1" max:"9"`
	Port   uint16        `json:"port" doc:"A small one." default:"80"`
	Status int           `json:"status" doc:"One of some numbers." default:"308" enum:"301,308"`
	Factor float64       `json:"factor" doc:"A number." default:"1.5" min:"0" max:"2"`
	Wait   time.Duration `json:"wait" doc:"A time." default:"5s" min:"1ms" max:"1h"`
	Total  time.Duration `json:"total" doc:"A time or none." default:"none" min:"1s"`
	Body   Size          `json:"body" doc:"A size." default:"64KiB" max:"1GiB"`
	Cache  Size          `json:"cache" doc:"A size or none." default:"none" max:"1GiB"`
	Rate   Rate          `json:"rate" doc:"A rate." default:"100/min"`
	Share  Percent       `json:"share" doc:"A percentage." default:"50%" max:"90%"`
	Key    Secret        `json:"key" doc:"A secret." default:"" min:"3"`
	match
	Nets    []netip.Prefix      `json:"nets" doc:"Networks." one:"true" max:"3"`
	Addr    netip.Addr          `json:"addr" doc:"An address." default:""`
	Methods []string            `json:"methods" doc:"Some of some." default:"[GET, PUT]" enum:"GET,PUT,POST"`
	Limits  map[string]Rate     `json:"limits" doc:"Rates by name." max:"2"`
	Set     map[string][]string `json:"set" doc:"Lists by name."`
	Target  *target             `json:"target" doc:"A pointer."`
	Targets []target            `json:"targets" doc:"Structs."`
	Times   struct {
		Connect time.Duration `json:"connect" doc:"A time." default:"2s"`
		Idle    *int          `json:"idle" doc:"An optional number." max:"5"`
	} `json:"times" doc:"A struct."`
	Must  []string    `json:"must" doc:"A list that must be given." required:"true"`
	Rule  own         `json:"rule" doc:"A type that reads itself." default:"1"`
	Label word        `json:"label" doc:"A type that parses itself." default:""`
	Raw   *Node       `json:"raw" doc:"Anything." kind:"policy"`
	Kids  []*settings `json:"kids" doc:"The same again."`
	TLS   struct{}    `json:"tls" later:"TLS comes later"`
	Skip  chan int    `json:"-"`
	_     int
}

type match struct {
	Path *regexp.Regexp `json:"path" doc:"A regular expression."`
	URL  *url.URL       `json:"url" doc:"A URL." enum:"http,https"`
}

type target struct {
	URL    string `json:"url" doc:"Where." short:"true"`
	Weight int    `json:"weight" doc:"How much." default:"1" min:"0"`
}

func (t *target) Check() error {
	if strings.HasPrefix(t.URL, "bad") {
		return errors.Join(At("url", errors.New("bad is bad")), errors.New("so is the whole"))
	}
	return nil
}

// own takes anything but the text no.
type own struct{ text string }

func (o *own) UnmarshalNode(n *Node, path string) (errs Errors) {
	if o.text = n.Text; n.Text == "no" {
		errs.Add(n, path, "no is no")
	}
	return errs
}

// word is one word.
type word string

func (w *word) UnmarshalText(b []byte) error {
	if *w = word(b); strings.Contains(string(b), " ") {
		return errors.New("write one word")
	}
	return nil
}

var all = Of[settings]()

func decode(t *testing.T, text string) (*settings, string) {
	t.Helper()
	n, errs := Parse("f", []byte(text))
	if len(errs) > 0 {
		t.Fatalf("%q: %v", text, errs)
	}
	var s settings
	return &s, all.Decode(n, &s, "").Error()
}

func TestDecodeErrors(t *testing.T) {
	const ok = "name: x\nmust: []\n"
	for _, c := range []struct{ name, in, want string }{
		{"good", ok, ""},
		{"missing", "{}", `f:1:1: "name" is missing, a string: A required text.` + "\n" + `f:1:1: "must" is missing, a list of strings: A list that must be given.`},
		{"unknown", ok + "cuont: 1", `f:3:1: cuont: unknown setting "cuont"; did you mean "count"?`},
		{"dashes", ok + "max-x: 1", `f:3:1: max-x: unknown setting "max-x"; known here: addr, body, cache, count, factor, key, kids, label, limits, methods, mode, must, name, nets, note, on, path, port, rate, raw, rule, set, share, status, target, targets, times, total, url, wait`},
		{"near a later one", ok + "tsl: 1", `f:3:1: tsl: unknown setting "tsl"; did you mean "tls"?`},
		{"later", ok + "tls: {a: b}", "f:3:1: tls: not yet: TLS comes later"},
		{"number for text", "name: 1.10\nmust: []", ""},
		{"list for text", "name: [x]\nmust: []", "f:1:7: name: a list is given where a string is wanted"},
		{"map for text", "name: {x: y}\nmust: []", "f:1:7: name: a map is given where a string is wanted"},
		{"nothing for text", "name:\nmust: []", "f:1:6: name: nothing is given where a string is wanted; write it, or leave the setting out"},
		{"long text", "name: 12345678901\nmust: []", `f:1:7: name: "12345678901": the most is 10 characters`},
		{"expression", ok + "note: a ${request.path}", "f:3:7: note: " + dynamic},
		{"expression for a number", ok + "count: ${request.x}", "f:3:8: count: " + dynamic},
		{"expression for a list", ok + "targets: ${env.X}", "f:3:10: targets: a string is given where a list of maps of settings is wanted; an expression cannot stand for it"},
		{"enum", ok + "mode: fats", `f:3:7: mode: "fats": write fast, slow, 1.2 or off; did you mean "fast"?`},
		{"enum as number", ok + "mode: 1.2", ""},
		{"enum of numbers", ok + "status: 302", `f:3:9: status: "302": write 301 or 308; did you mean "301"?`},
		{"enum in list", ok + "methods: [GET, GOT]", `f:3:16: methods[1]: "GOT": write GET, PUT or POST; did you mean "GET"?`},
		{"bool", ok + "on: yes", `f:3:5: on: "yes" is a string; write true or false`},
		{"bool in quotes", ok + "on: \"true\"", `f:3:5: on: "true" is a string; write true or false`},
		{"number in quotes", ok + "count: \"3\"", `f:3:8: count: "3" is in quotes; write a whole number without them`},
		{"fraction", ok + "count: 1.5", `f:3:8: count: "1.5": write a whole number such as -1 or 10`},
		{"octal", ok + "count: 07", `f:3:8: count: "07": write a whole number such as -1 or 10`},
		{"hex", ok + "port: 0x50", `f:3:7: port: "0x50": write a whole number such as 10`},
		{"negative", ok + "port: -1", `f:3:7: port: "-1": write a whole number such as 10`},
		{"too big for its type", ok + "port: 70000", `f:3:7: port: "70000": the most is 65535`},
		{"too big for any", ok + "count: 99999999999999999999", `f:3:8: count: "99999999999999999999": the most is 9223372036854775807`},
		{"min", ok + "count: 0", `f:3:8: count: "0": the least is 1`},
		{"max", ok + "count: 10", `f:3:8: count: "10": the most is 9`},
		{"float", ok + "factor: 2.5", `f:3:9: factor: "2.5": the most is 2`},
		{"float exponent", ok + "factor: 5e-1", ""},
		{"float hex", ok + "factor: 0x1p-2", `f:3:9: factor: "0x1p-2": write a number such as 1.5`},
		{"duration without unit", ok + "wait: 5", `f:3:7: wait: "5": write a duration such as 250ms, 5s, 1h or 30d`},
		{"duration min", ok + "wait: 0s", `f:3:7: wait: "0s": the least is 1ms`},
		{"duration none", ok + "wait: none", `f:3:7: wait: "none": the least is 1ms`},
		{"duration none where it is the default", ok + "total: none", ""},
		{"duration below, where none is the default", ok + "total: 1ms", `f:3:8: total: "1ms": the least is 1s`},
		{"size", ok + "body: 1kb", `f:3:7: body: "1kb": write a size such as 64KiB or 10MiB`},
		{"size max", ok + "body: 2GiB", `f:3:7: body: "2GiB": the most is 1GiB`},
		{"size none", ok + "body: none", `f:3:7: body: "none": the most is 1GiB`},
		{"rate", ok + "rate: 10/m", `f:3:7: rate: "10/m": write a rate such as 100/s, 100/min, 5000/hour or 1000/day`},
		{"percent", ok + "share: 0.5", `f:3:8: share: "0.5": write a percentage from 0% to 100%, such as 50%`},
		{"percent max", ok + "share: 91%", `f:3:8: share: "91%": the most is 90%`},
		{"secret too short", ok + "key: ab", `f:3:6: key: •••: the least is 3 characters`},
		{"regexp", ok + "path: a(b", "f:3:7: path: \"a(b\": missing closing ): `a(b`"},
		{"url", ok + "url: example.com", `f:3:6: url: "example.com": write a URL such as http://example.com`},
		{"url scheme", ok + "url: ftp://example.com", `f:3:6: url: "ftp://example.com": the URL begins with ftp; write http or https`},
		{"url without host", ok + "url: http:///x", `f:3:6: url: "http:///x": the URL has no host; write one such as http://example.com`},
		{"url with password", ok + "url: http://u:hunter2@:80/", `f:3:6: url: the URL: the URL has no host; write one such as http://example.com`},
		{"network", ok + "nets: 10.0.0.1/8", `f:3:7: nets[0]: "10.0.0.1/8": write 10.0.0.0/8 for the network or 10.0.0.1 for the address`},
		{"mapped network", ok + "nets: ['::ffff:10.0.0.0/104']", `f:3:8: nets[0]: "::ffff:10.0.0.0/104": write the IPv4 network itself, without ::ffff: before it`},
		{"too many networks", ok + "nets: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]", `f:3:7: nets: 4 items: the most is 3`},
		{"address", ok + "addr: localhost", `f:3:7: addr: "localhost": write an IP address such as 10.0.0.1 or 2001:db8::1`},
		{"map values", ok + "limits: {a: 1/s, b c: x, c: 1/s}", `f:3:23: limits["b c"]: "x": write a rate such as 100/s, 100/min, 5000/hour or 1000/day` + "\n" + `f:3:9: limits: 3 entries: the most is 2`},
		{"list for a map", ok + "limits: [1/s]", `f:3:9: limits: a list is given where a map of rates is wanted; write each entry as name: value`},
		{"text for a list", ok + "methods: GET", `f:3:10: methods: a string is given where a list of strings is wanted; begin each item with a dash, or put them in [ ]`},
		{"nothing for a list or map", ok + "targets:\nlimits:\ntimes:\n", ""},
		{"nothing for a pointer", ok + "target:\n", `f:3:8: target: nothing is given; write {} for its defaults, or leave the setting out`},
		{"short", ok + "target: http://a\ntargets: [b, {url: c, weight: 2}]", ""},
		{"list for a struct", ok + "times: [1]", `f:3:8: times: a list is given where a map of settings is wanted; the settings here are connect, idle`},
		{"struct in list", ok + "targets: [{weight: -1}]", `f:3:20: targets[0].weight: "-1": the least is 0` + "\n" + `f:3:11: targets[0]: "url" is missing, a string: Where.`},
		{"pointer to number", ok + "times: {idle: 6}", `f:3:15: times.idle: "6": the most is 5`},
		{"check", ok + "targets:\n - url: bad", `f:4:9: targets[0].url: bad is bad` + "\n" + `f:4:4: targets[0]: so is the whole`},
		{"check of a short one", ok + "target: bad", `f:3:9: target.url: bad is bad` + "\n" + `f:3:9: target: so is the whole`},
		{"own", ok + "rule: no", "f:3:7: rule: no is no"},
		{"parses", ok + "label: a b", `f:3:8: label: "a b": write one word`},
		{"recursive", ok + "kids: [{name: y, must: [], kids: [{name: 1}]}]", `f:3:35: kids[0].kids[0]: "must" is missing, a list of strings: A list that must be given.`},
		{"everything at once", "mode: x\ncount: 0\nwhat: 1", `f:1:7: mode: "x": write fast, slow, 1.2 or off` + "\n" + `f:2:8: count: "0": the least is 1` + "\n" + `f:3:1: what: unknown setting "what"; known here: ` + strings.Join(slices.Sorted(slices.Values(all.Names())), ", ") + "\n" +
			`f:1:1: "name" is missing, a string: A required text.` + "\n" + `f:1:1: "must" is missing, a list of strings: A list that must be given.`},
		{"a list as the whole", "[1]", `f:1:1: a list is given where a map of settings is wanted; the settings here are ` + strings.Join(all.Names(), ", ")},
	} {
		if _, got := decode(t, c.in); got != c.want {
			t.Errorf("%s: %q:\ngot  %s\nwant %s", c.name, c.in, got, c.want)
		}
	}
}

func TestDecodeValues(t *testing.T) {
	s, errs := decode(t, `
name: 1.10
on: true
count: 7
factor: 5e-1
wait: 1h
total: 30d
body: 1000
rate: 5000/hour
share: 12.5%
key: hunter2
path: ^/x
url: http://u@h:81/p
nets: 10.0.0.0/8
addr: "::ffff:1.2.3.4"
limits: {a: 1/s}
set: {x: [a, 1, true]}
target: http://a
targets: [b, {url: c, weight: 0}]
times: {connect: none, idle: 4}
must: [x]
rule: {a: 1}
label: w
raw: [1]
`)
	if errs != "" {
		t.Fatal(errs)
	}
	four := 4
	for _, c := range []struct{ got, want any }{
		{s.Name, "1.10"}, {s.Mode, "fast"}, {s.Note, ""}, {s.On, true}, {s.Count, 7}, {s.Port, uint16(80)}, {s.Status, 308},
		{s.Factor, 0.5}, {s.Wait, time.Hour}, {s.Total, 720 * time.Hour}, {s.Body, Size(1000)}, {s.Cache, Unlimited},
		{s.Rate, Rate{5000, time.Hour}}, {s.Share, Percent(12.5)}, {s.Share.Ratio(), 0.125}, {s.Key.Reveal(), "hunter2"},
		{s.Path.String(), "^/x"}, {s.URL.Host, "h:81"}, {s.Nets, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		{s.Addr, netip.MustParseAddr("1.2.3.4")}, {s.Methods, []string{"GET", "PUT"}}, {s.Limits, map[string]Rate{"a": {1, time.Second}}},
		{s.Set, map[string][]string{"x": {"a", "1", "true"}}}, {s.Target, &target{"http://a", 1}}, {s.Targets, []target{{"b", 1}, {"c", 0}}},
		{s.Times.Connect, time.Duration(0)}, {s.Times.Idle, &four}, {s.Label, word("w")}, {s.Raw.Kind, List}, {s.Kids, []*settings(nil)},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got %#v, want %#v", c.got, c.want)
		}
	}
}

func TestDecodeDefaults(t *testing.T) {
	type config struct {
		Wait time.Duration `json:"wait" doc:"W." default:"5s"`
		Sub  struct {
			Names []string `json:"names" doc:"N." default:"[a]"`
		} `json:"sub" doc:"S."`
		List []int          `json:"list" doc:"L."`
		Map  map[string]int `json:"map" doc:"M."`
	}
	typ := Of[config]()
	for _, n := range []*Node{nil, {}, {Kind: Map}} {
		a, b := config{}, config{}
		errs := append(typ.Decode(n, &a, "x"), typ.Decode(n, &b, "x")...)
		if len(errs) > 0 || a.Wait != 5*time.Second || len(a.Sub.Names) != 1 || len(a.List) != 0 || len(a.Map) != 0 {
			t.Errorf("%v: %+v", errs, a)
		}
		if a.Sub.Names[0] = "changed"; b.Sub.Names[0] != "a" {
			t.Error("two decoded values share their default")
		}
	}
}

func TestDecodeLiterals(t *testing.T) {
	literal := func(k Kind, text string) *Node { return &Node{Kind: k, Text: text, Quoted: true, Literal: true} }
	n := &Node{Kind: Map}
	for name, v := range map[string]*Node{
		"name": literal(String, "${x}"), "count": literal(String, "7\n"), "on": literal(String, "true"),
		"wait": literal(String, "3s"), "port": literal(Null, "81"), "must": {Kind: List}, "key": literal(Bool, " ${k} "),
	} {
		n.Fields = append(n.Fields, &Field{Name: name, Node: v})
	}
	var s settings
	if errs := all.Decode(n, &s, ""); len(errs) > 0 {
		t.Fatal(errs)
	}
	if s.Name != "${x}" || s.Count != 7 || !s.On || s.Wait != 3*time.Second || s.Port != 81 || s.Key.Reveal() != " ${k} " {
		t.Errorf("%+v", s)
	}
}

func TestRest(t *testing.T) {
	type route struct {
		Match string   `json:"match" doc:"M."`
		Rest  []*Field `json:"-" rest:"true" kind:"backend" doc:"R."`
		GRPC  struct{} `json:"grpc" later:"gRPC"`
	}
	n, _ := Parse("f", []byte("{match: x, upstream: u, respond: {}}"))
	var r route
	if errs := Of[route]().Decode(n, &r, ""); len(errs) > 0 || len(r.Rest) != 2 || r.Rest[1].Name != "respond" || r.Rest[1].Col != 25 {
		t.Errorf("%v: %+v", errs, r)
	}
}

// TestDeclarations has the declarations that must not pass.
func TestDeclarations(t *testing.T) {
	for name, of := range map[string]func() *Type{
		"no json tag": Of[struct{ X int }],
		"no doc": Of[struct {
			X int `json:"x" default:"1"`
		}],
		"no full stop": Of[struct {
			X int `json:"x" doc:"X" default:"1"`
		}],
		"not snake_case": Of[struct {
			X int `json:"xY" doc:"X." default:"1"`
		}],
		"twice": Of[struct {
			match
			X int `json:"path" doc:"X." default:"1"`
		}],
		"default out of bounds": Of[struct {
			X int `json:"x" doc:"X." default:"1" min:"2"`
		}],
		"default of other type": Of[struct {
			X int `json:"x" doc:"X." default:"x"`
		}],
		"default not in enum": Of[struct {
			X string `json:"x" doc:"X." default:"x" enum:"a,b"`
		}],
		"default is no list": Of[struct {
			X []string `json:"x" doc:"X." default:"a"`
		}],
		"bad bound": Of[struct {
			X time.Duration `json:"x" doc:"X." default:"1s" min:"2"`
		}],
		"bounds of a bool": Of[struct {
			X bool `json:"x" doc:"X." min:"2"`
		}],
		"enum of a duration": Of[struct {
			X time.Duration `json:"x" doc:"X." default:"1s" enum:"1s"`
		}],
		"required with default": Of[struct {
			X int `json:"x" doc:"X." default:"1" required:"true"`
		}],
		"one that is no list": Of[struct {
			X int `json:"x" doc:"X." default:"1" one:"true"`
		}],
		"short map": Of[struct {
			X map[string]int `json:"x" doc:"X." short:"true"`
		}],
		"keys that are no text": Of[struct {
			X map[int]int `json:"x" doc:"X."`
		}],
		"a type nobody can read": Of[struct {
			X chan int `json:"x" doc:"X."`
		}],
		"rest of another type": Of[struct {
			X []string `json:"-" rest:"true"`
		}],
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it passed", name)
				}
			}()
			of()
		}()
	}
}

func TestSecretNeverPrints(t *testing.T) {
	type holder struct {
		Key Secret
		key Secret
	}
	h := holder{NewSecret("hunter2"), NewSecret("hunter2")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{h.Key, &h.Key, h, &h, []Secret{h.Key}, map[string]Secret{"a": h.Key}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e74657232") {
				t.Errorf("%s of %T prints %s", format, v, got)
			}
		}
	}
	if b, err := json.Marshal(h); err != nil || string(b) != `{"Key":"•••"}` {
		t.Errorf("JSON: %s, %v", b, err)
	}
	if h.key.String() != "•••" || h.Key.Empty() || !NewSecret("").Empty() || (Secret{}).Reveal() != "" {
		t.Error("String, Empty or Reveal is wrong")
	}
	if !reflect.DeepEqual(h.Key, h.key) {
		t.Error("equal secrets are not deeply equal")
	}
}

func TestNearest(t *testing.T) {
	names := []string{"rate_limit", "respond", "redirect", "jwt", "ip_filter", "headers"}
	for in, want := range map[string]string{
		"rate-limit": "rate_limit", "ratelimit": "rate_limit", "RateLimit": "rate_limit", "resopnd": "respond", "jtw": "jwt",
		"header": "headers", "cors": "", "x": "", "": "", "jwt": "", strings.Repeat("rate_limit", 10): "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compile makes a validator of what Document gives, by way of its JSON.
func compile(t testing.TB, document map[string]any) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("mem:///s.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///s.json")
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, n *Node) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(AppendJSON(nil, n)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

type policyItem struct {
	When string   `json:"when" doc:"W." default:"true"`
	Rest []*Field `json:"-" rest:"true" kind:"policy" doc:"R."`
}

type limitConfig struct {
	Rate Rate `json:"rate" doc:"R." short:"true"`
}

type anyOfConfig struct {
	Of []*Node `json:"of" doc:"O." kind:"policy" short:"true"`
}

func kinds() map[string][]Choice {
	return map[string][]Choice{
		"policy":  {{"", "", Of[policyItem]()}, {"rate_limit", "Limits.", Of[limitConfig]()}, {"any_of", "Any.", Of[anyOfConfig]()}},
		"backend": {{"respond", "Responds.", Of[target]()}, {"upstream", "Sends.", Of[string]()}},
	}
}

type routeConfig struct {
	Match    string           `json:"match" doc:"M."`
	Policies []*Node          `json:"policies" doc:"P." kind:"policy"`
	Backend  []*Field         `json:"-" rest:"true" kind:"backend" doc:"B."`
	Else     *Node            `json:"else" doc:"E." kind:"backend"`
	Named    map[string]*Node `json:"named" doc:"N." kind:"policy"`
}

func TestDocument(t *testing.T) {
	s := compile(t, Document(Of[routeConfig](), kinds()))
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"match: x\nupstream: u", true},
		{"match: x\nrespond: {url: x}", true},
		{"match: x\nrespond: x", true},
		{"match: x\nrespond: {weight: 1}", false},
		{"match: x\nrespnd: {url: x}", false},
		{"match: x\nelse: {upstream: u}", true},
		{"match: x\nelse: {upstream: u, respond: x}", false},
		{"match: x\nelse: {nothing: u}", false},
		{"match: x\npolicies: [{rate_limit: 1/s, when: 'true'}]", true},
		{"match: x\npolicies: [{rate_limit: {rate: \"${env.R}\"}}]", true},
		{"match: x\npolicies: [{rate_limit: {rate: x}}]", false},
		{"match: x\npolicies: [{rate_limit: {}}]", false},
		{"match: x\npolicies: [{any_of: [{rate_limit: 1/s}, {any_of: {of: [{rate_limit: 2/s}]}}]}]", true},
		{"match: x\npolicies: [{any_of: [{rate_limit: 1/s}, {any_of: {of: [{rate_limit: 2}]}}]}]", false},
		{"match: x\nnamed: {a: {rate_limit: 1/s}}", true},
		{"match: x\nnamed: {a: {jwt: 1/s}}", false},
		{"upstream: u", false},
	} {
		n, errs := Parse("f", []byte(c.in))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if err := validate(t, s, n); (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok = %v", c.in, err, c.ok)
		}
	}
}

func TestJSONSchema(t *testing.T) {
	s := compile(t, all.JSONSchema())
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"", true},
		{"count: 3\nwait: 1h30m\nbody: 10\nkey: hunter2\non: true\nfactor: 1", true},
		{"count: ${env.X}\nwait: ${env.X}\nbody: ${env.X}\non: ${env.X}\nmode: ${env.X}\nrate: ${env.X}", true},
		{"mode: 1.2", true},
		{"mode: '1.2'", true},
		{"mode: off", true},
		{"target: http://a\ntargets: [b, {url: c}]\nkids: [{name: a, must: []}]", true},
		{"targets:\nlimits:\ntimes:", true},
		{"count: 0", false},
		{"count: '3'", false},
		{"on: yes", false},
		{"wait: 5", false},
		{"body: 10KIB", false},
		{"rate: 10/m", false},
		{"share: 50", false},
		{"mode: other", false},
		{"methods: [HEAD]", false},
		{"nets: [a, b, c, d]", false},
		{"tls: {}", false},
		{"what: 1", false},
		{"times: {what: 1}", false},
		{"kids: [{name: a}]", false},
		{"target:", false},
	} {
		n, errs := Parse("f", []byte("name: x\nmust: [y]\n"+c.in))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if err := validate(t, s, n); (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok = %v", c.in, err, c.ok)
		}
	}
	if text, _ := json.Marshal(all.JSONSchema()); !strings.Contains(string(text), `"default":["GET","PUT"],"description":"Some of some."`) {
		t.Errorf("defaults and descriptions are missing in %s", text)
	}
}

func TestReference(t *testing.T) {
	type config struct {
		Rate Rate             `json:"rate" doc:"How much | many."`
		Wait []time.Duration  `json:"wait" doc:"How long." default:"[1s, 2s]" min:"1" max:"3"`
		Mode string           `json:"mode" doc:"In which way." default:"a" enum:"a,b"`
		By   map[string]*Node `json:"by" doc:"By whom." kind:"policy"`
		To   []target         `json:"to" doc:"Where to."`
		TLS  int              `json:"tls" later:"TLS"`
	}
	var b strings.Builder
	if err := Of[config]().Reference(&b); err != nil {
		t.Fatal(err)
	}
	const want = `| setting | kind | default | meaning |
|---|---|---|---|
| ¦rate¦ | rate | *required* | How much \| many. |
| ¦wait¦ | list of durations, 1 to 3 items | ¦[1s, 2s]¦ | How long. |
| ¦mode¦ | string: a or b | ¦a¦ | In which way. |
| ¦by¦ | map of policies |  | By whom. |
| ¦to¦ | list of maps of settings |  | Where to. |
| ¦to[].url¦ | string; may stand alone | *required* | Where. |
| ¦to[].weight¦ | whole number, at least 0 | ¦1¦ | How much. |
`
	if got := strings.ReplaceAll(b.String(), "`", "¦"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, s := range all.Settings() {
		if strings.HasPrefix(s.Path, "kids[].") || s.Path == "tls" || s.Doc == "" || s.Kind == "" {
			t.Errorf("%+v", s)
		}
	}
}

package compose

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/balance"
	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/schema"
	"sallyport/wire"
	"sallyport/xmlmap"
)

// Config is what the document says.
type Config struct {
	Timeout time.Duration         `json:"timeout" default:"10s" min:"1ms" max:"10m" doc:"How long all calls together may take."`
	Calls   map[string]CallConfig `json:"calls" min:"1" max:"64" doc:"The calls by name. One that refers to another, as in ${calls.user.body.id}, waits for it; all others are made at once."`

	Views   []ViewConfig           `json:"views" doc:"Bodies for some requests: the first whose when holds is the answer's; body or merge are for the rest."`
	Body    *expr.JSON             `json:"body" doc:"The answer's body, as JSON. A string that is one reference, such as ${calls.user.body}, puts in what was answered as it was written."`
	Merge   *MergeConfig           `json:"merge" doc:"In place of a body: answers that are joined."`
	Status  expr.Quantity          `json:"status" default:"200" doc:"Status of the answer, from 200 to 599, perhaps of a call: calls.user.status."`
	Headers map[string]expr.Values `json:"headers" doc:"Header fields of the answer; a list, also one that an expression makes, sets several of one name."`

	MaxBody      schema.Size `json:"max_body" default:"16MiB" min:"1KiB" max:"256MiB" doc:"How large the answer may be, and all bodies of calls together."`
	ServerTiming bool        `json:"server_timing" doc:"Tells the client in Server-Timing how long each call took."`
}

// A ViewConfig is a body for some requests.
type ViewConfig struct {
	When  expr.Condition `json:"when" doc:"Which requests get this body."`
	Body  *expr.JSON     `json:"body" doc:"The body, in place of that of the answer."`
	Merge *MergeConfig   `json:"merge" doc:"In place of a body: answers that are joined."`
}

// A MergeConfig joins answers.
type MergeConfig struct {
	Of      []string `json:"of" short:"true" min:"1" doc:"The calls whose bodies are joined, in this order. One that was left out is passed over; one with for_each stands for all of its answers."`
	Objects string   `json:"objects" default:"deep" enum:"deep,shallow,error" doc:"What becomes of a name that two objects have: deep joins the objects of that name too, and of anything else the later counts; shallow takes the later; error refuses."`
	Arrays  string   `json:"arrays" default:"replace" enum:"replace,concat" doc:"What becomes of two lists: the later counts, or all items stand behind each other."`
}

// rule is the rule of joining.
func (m *MergeConfig) rule() jsonspan.Rule {
	r := jsonspan.Rule{}
	switch m.Objects {
	case "shallow":
		r.Objects = jsonspan.Shallow
	case "error":
		r.Objects = jsonspan.Strict
	}
	if m.Arrays == "concat" {
		r.Lists = jsonspan.Concat
	}
	return r
}

// A CallConfig is one call.
type CallConfig struct {
	Upstream string                        `json:"upstream" min:"1" doc:"The upstream that is called."`
	Method   string                        `json:"method" default:"GET" doc:"The method, in capitals."`
	Path     expr.PathTemplate             `json:"path" default:"/" doc:"The path. What an expression makes is one segment or a part of one, whatever is in it."`
	Query    map[string]expr.QueryTemplate `json:"query" doc:"The query, by name."`
	Headers  map[string]expr.Values        `json:"headers" doc:"Header fields of the call, beside those that say where the request comes from, which it is and that JSON is wanted. A value that is empty leaves its field out. Nothing of the client's is sent that does not stand here."`
	Body     *expr.JSON                    `json:"body" doc:"The body, as JSON."`
	Timeout  time.Duration                 `json:"timeout" default:"0s" min:"0s" max:"10m" doc:"How long the call may take, up to the end of its answer, or until that goes out while it comes; as long as all calls together when it is 0s."`

	When        expr.Condition `json:"when" default:"" doc:"Whether the call is made at all. One that is not counts as left out."`
	ForEach     expr.Expr      `json:"for_each" default:"" doc:"A list; one call is made for each of its items, which the call's settings know as item, and its place from 0 as index. calls.NAME is then the list of the answers, in the order of the items."`
	Concurrency int            `json:"concurrency" default:"8" min:"1" max:"64" doc:"How many calls of for_each are under way at once."`
	MaxItems    int            `json:"max_items" default:"100" min:"1" max:"10000" doc:"How many items for_each takes; a longer list fails the call."`

	OnError onError `json:"on_error" default:"fail" doc:"What becomes of the answer when the call fails: fail it with compose_failed, omit leaves out what depends on the call, {default: VALUE} goes on as if the call had answered that. The latter two say so in Sallyport-Partial."`
	Accept  []int   `json:"accept" doc:"Statuses that are no failure, beside those from 200 to 299."`

	Read    string            `json:"read" default:"json" enum:"json,xml,text,bytes" doc:"What the body of the answer is read as. What is read as xml becomes JSON, as xml says."`
	XML     *xmlConfig        `json:"xml" doc:"How XML becomes JSON, by the rules of the policy xml_json."`
	Select  []string          `json:"select" doc:"The only members of the body that stay, by paths such as items[].id."`
	Omit    []string          `json:"omit" doc:"Members of the body that are left out, by paths such as items[].secret."`
	Rename  map[string]string `json:"rename" doc:"New names for members of the body, by path: {items[].id: key}."`
	MaxBody schema.Size       `json:"max_body" default:"4MiB" min:"1KiB" max:"64MiB" doc:"How large the body may be. A larger one fails the call."`

	Retry *balance.Again `json:"retry" doc:"When the call is made again, in place of all that its upstream says of that but the budget, which is for all calls of the upstream together."`
	Cache struct{}       `json:"cache" later:"answers that are kept"`
}

// xmlConfig is how XML becomes JSON.
type xmlConfig struct {
	xmlmap.ToJSON
	xmlmap.Names
	xmlmap.Bounds
}

// mapper makes the mapper of what may become so many bytes; nil stands for the defaults.
func (x *xmlConfig) mapper(large schema.Size) *xmlmap.Mapper {
	if x == nil {
		x = &xmlConfig{}
		_ = schema.Of[xmlConfig]().Decode(&schema.Node{Kind: schema.Map}, x, "")
	}
	return xmlmap.New(&xmlmap.Rules{Names: x.Names, Bounds: x.Bounds, ToJSON: x.ToJSON, Large: int(large)})
}

// Check judges the settings.
func (x *xmlConfig) Check() error { return errors.Join(x.Names.Judge(), x.ToJSON.Judge(&x.Names)) }

// onError is what becomes of a call that fails.
type onError struct {
	how      outcome
	fallback expr.JSON
}

type outcome uint8

const (
	fail outcome = iota
	omit
	fallBack
)

// UnmarshalNode reads fail, omit or a default.
func (o *onError) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch d := n.Field("default"); {
	case n.Text == "fail":
		o.how = fail
	case n.Text == "omit":
		o.how = omit
	case d != nil && len(n.Fields) == 1:
		o.how = fallBack
		return o.fallback.UnmarshalNode(d, path+".default")
	default:
		errs.Add(n, path, "write fail, omit or {default: VALUE}")
	}
	return errs
}

// JSONSchema describes the three ways.
func (onError) JSONSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"enum": []any{"fail", "omit"}},
		map[string]any{"type": "object", "required": []any{"default"}, "additionalProperties": false, "properties": map[string]any{"default": map[string]any{}}},
	}}
}

// SchemaKind is the type's name in the reference.
func (onError) SchemaKind() string { return "fail, omit or {default: VALUE}" }

var callName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Calls)) {
		if !callName.MatchString(name) {
			errs = append(errs, schema.At(schema.Join("calls", name), errors.New("a name of a call is letters, digits and underscores, and does not begin with a digit")))
		}
	}
	if len(c.Views) == 0 && c.Body == nil && c.Merge == nil {
		errs = append(errs, errors.New("it makes no answer; give body or merge"))
	}
	if c.Body != nil && c.Merge != nil {
		errs = append(errs, errors.New("body and merge exclude each other; keep one"))
	}
	if len(c.Views) > 0 && c.Body == nil && c.Merge == nil {
		errs = append(errs, errors.New("a request that no view is for gets no answer; give body or merge for the rest"))
	}
	for i, v := range c.Views {
		if (v.Body != nil) == (v.Merge != nil) {
			errs = append(errs, schema.At(schema.Index("views", i), errors.New("a view has a body or a merge; give one")))
		}
	}
	return errors.Join(append(errs, expr.CheckFields("headers", c.Headers)...)...)
}

// Check judges the settings of a call together.
func (c *CallConfig) Check() error {
	var errs []error
	switch upper := strings.ToUpper(c.Method); {
	case !wire.ValidToken(c.Method) || c.Method == "CONNECT" || c.Method == "TRACE":
		errs = append(errs, schema.At("method", fmt.Errorf("%q is no method of a call", c.Method)))
	case upper != c.Method && slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, upper):
		errs = append(errs, schema.At("method", fmt.Errorf("%q is not %s: methods have a case; write %s", c.Method, upper, upper)))
	}
	errs = append(errs, c.checkItems()...)
	for i, s := range c.Accept {
		if s < 200 || s > 599 {
			errs = append(errs, schema.At(schema.Index("accept", i), errors.New("write a status from 200 to 599")))
		}
	}
	if !c.json() && len(c.Select)+len(c.Omit)+len(c.Rename) > 0 {
		errs = append(errs, schema.At("read", errors.New("select, omit and rename are for json and xml")))
	}
	if c.Read != "xml" && c.XML != nil {
		errs = append(errs, schema.At("xml", errors.New("it is for what is read as XML; write read: xml")))
	}
	return errors.Join(append(errs, expr.CheckFields("headers", c.Headers)...)...)
}

// checkItems judges what is for for_each alone.
func (c *CallConfig) checkItems() (errs []error) {
	if c.ForEach.IsZero() {
		if c.MaxItems != maxItems {
			errs = append(errs, schema.At("max_items", errors.New("it is for calls with for_each")))
		}
		if c.Concurrency != atOnce {
			errs = append(errs, schema.At("concurrency", errors.New("it is for calls with for_each; all other calls are made as soon as they can")))
		}
		return errs
	}
	if v, constant := c.ForEach.Constant(); constant {
		if _, list := v.([]any); !list {
			errs = append(errs, schema.At("for_each", errors.New("it is no list; give one, such as ${calls.orders.body.items}")))
		}
	}
	return errs
}

// The defaults of for_each.
const (
	maxItems = 100
	atOnce   = 8
)

// Check wants each call once.
func (m *MergeConfig) Check() error {
	for i, name := range m.Of {
		if slices.Contains(m.Of[:i], name) {
			return schema.At(schema.Index("of", i), fmt.Errorf("%q is joined already", name))
		}
	}
	return nil
}

// json says whether the body of the answer is, or becomes, JSON.
func (c *CallConfig) json() bool { return c.Read == "json" || c.Read == "xml" }

// shape is what select, omit and rename make, nil for nothing.
func (c *CallConfig) shape() (*jsonspan.Shape, error) {
	if len(c.Select)+len(c.Omit)+len(c.Rename) == 0 {
		return nil, nil
	}
	paths := slices.Sorted(maps.Keys(c.Rename))
	var pairs [][2]string
	for _, p := range paths {
		pairs = append(pairs, [2]string{p, c.Rename[p]})
	}
	s, err := jsonspan.NewShape(c.Select, c.Omit, pairs)
	return s, placed(err, paths)
}

// placed says at which setting the errors of a shape are.
func placed(err error, renamed []string) error {
	var out []error
	joined, _ := err.(interface{ Unwrap() []error })
	if joined == nil {
		return err
	}
	for _, e := range joined.Unwrap() {
		var at *jsonspan.PathError
		switch {
		case !errors.As(e, &at):
			out = append(out, e)
		case at.Setting == "rename":
			out = append(out, schema.At("rename", fmt.Errorf("%s: %w", renamed[at.Index], at.Err)))
		default:
			out = append(out, schema.At(schema.Index(at.Setting, at.Index), at.Err))
		}
	}
	return errors.Join(out...)
}

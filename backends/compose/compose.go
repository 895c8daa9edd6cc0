// Package compose is the backend that makes one answer of many: calls that depend on each other or not, and what their answers make
// together.
package compose

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sallyport/expr"
	"sallyport/jsonspan"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
	"sallyport/xmlmap"
)

const name = "compose"

var failed = problem.Define("compose_failed", 502, "Composition failed", "A call that the answer cannot do without failed, see the backend compose; the status is 504 when it took too long.")

// late is failed for a call that took too long.
var late = &problem.Type{Name: failed.Name, Status: 504, Title: failed.Title, Help: failed.Help}

// Kind declares the backend compose.
var Kind = func() *plug.Kind[policy.Handler] {
	k := plug.Define(name, "Makes one answer of many: calls to upstreams, which run at once or wait for each other, and a body made of what they answered.", build)
	of := k.Build
	k.Build = func(n *schema.Node, path string, env *plug.Env) (policy.Handler, schema.Errors) {
		return of(scoped(n), path, env)
	}
	return k
}()

// scoped copies the settings with the variables in them that expressions at each place know.
func scoped(n *schema.Node) *schema.Node {
	calls := n.Field("calls")
	all := &expr.Scope{Calls: map[string]bool{}}
	for _, f := range calls.Entries() {
		all.Calls[f.Name] = f.Node.Field("for_each") != nil
	}
	one := &expr.Scope{Calls: all.Calls, Item: true}
	return within(n, func(path []string) any {
		switch {
		case len(path) > 2 && path[0] == "calls" && path[2] == "on_error":
			return nil
		case len(path) > 2 && path[0] == "calls" && all.Calls[path[1]] && path[2] != "for_each" && path[2] != "when":
			return one
		}
		return all
	}, nil)
}

// within copies n and all below it; scope says what expressions at a path may refer to.
func within(n *schema.Node, scope func(path []string) any, path []string) *schema.Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Scope = scope(path)
	c.Items = slices.Clone(n.Items)
	for i, item := range n.Items {
		c.Items[i] = within(item, scope, append(slices.Clip(path), ""))
	}
	c.Fields = slices.Clone(n.Fields)
	for i, f := range n.Fields {
		c.Fields[i] = &schema.Field{Name: f.Name, Pos: f.Pos, Node: within(f.Node, scope, append(slices.Clip(path), f.Name))}
	}
	return &c
}

// A backend is a Config made ready to use. All requests share it.
type backend struct {
	Config
	calls   []*call // in the order of the graph: each behind those that it waits for
	written []*call // in the order of their names, which is that of Sallyport-Partial
	views   []view
	status  int // where it never changes, 0 otherwise
	headers []string
	body    bool // an expression looks at the body of the request
	most    int  // calls that can be under way at once
	runs    sync.Pool
}

// A call is a CallConfig made ready to use.
type call struct {
	CallConfig
	name    string
	to      policy.Upstream
	at      int // in backend.calls
	level   int // the longest way to it, 0 for one that waits for nothing
	needs   []*call
	feeds   []*call // what waits for it
	shape   *jsonspan.Shape
	xml     *xmlmap.Mapper // nil but for XML
	wants   string         // Accept of the call, unless it has one; "" for none
	query   []string       // names, in order
	headers []string
	flows   bool // its body may go out while it comes, see flow.go
	bodies  int  // how often something refers to the body of the answer
	used    bool // something refers to it
	reads   bool // something uses the body of the answer
	heads   bool // something uses its header fields
}

// A view is one body.
type view struct {
	when expr.Condition
	body *expr.JSON
	of   []*call // what is joined, in place of body
	rule jsonspan.Rule
	flow bool // it is the body of the last call, as that comes
}

func build(c Config, env *plug.Env) (policy.Handler, error) {
	b := &backend{Config: c, headers: slices.Sorted(maps.Keys(c.Headers))}
	env.Explainer = b
	if v, constant := c.Status.Constant(); constant {
		s, _ := number(v)
		if b.status = int(s); s < 200 || s > 599 || s != float64(b.status) || bodyless(b.status) {
			return nil, schema.At("status", fmt.Errorf("write a status from 200 to 599 of an answer with a body"))
		}
	}
	if err := b.graph(env); err != nil {
		return nil, err
	}
	return b.handle, nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// bodyless says whether a response of that status has no body ever (RFC 9110 §6.4.1, §15.3.6).
func bodyless(status int) bool { return status == 204 || status == 205 || status == 304 }

// handle makes the calls and the answer.
func (b *backend) handle(x *policy.Exchange) (*wire.Response, error) {
	if b.body { // now, since later the client's connection may be watched, and two cannot read from it
		if _, err := x.JSONBytes(policy.MaxBody); err != nil {
			return nil, err
		}
	}
	r := newRun(b, x, time.Now())
	x.Hold(r)
	defer r.close()
	err := r.make()
	r.tell()
	if err != nil {
		return nil, err
	}
	return r.answer()
}

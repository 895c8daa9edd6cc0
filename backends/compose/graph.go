package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/balance"
	"sallyport/expr"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
)

// This file makes a graph of the calls: who waits for whom follows from the references in their settings.

// graph builds the calls and orders them, so that each comes behind those that it waits for.
func (b *backend) graph(env *plug.Env) error {
	var errs []error
	byName := map[string]*call{}
	for _, name := range slices.Sorted(maps.Keys(b.Calls)) {
		c := &call{CallConfig: b.Calls[name], name: name}
		path := schema.Join("calls", name)
		byName[name] = c
		b.written = append(b.written, c)
		c.wants = map[string]string{"json": "application/json", "xml": "application/xml, text/xml"}[c.Read]
		c.query, c.headers = slices.Sorted(maps.Keys(c.Query)), slices.Sorted(maps.Keys(c.Headers))
		if c.Read == "xml" {
			c.xml = c.XML.mapper(c.MaxBody)
		}
		var err error
		if c.to, err = env.To(c.Upstream); err != nil {
			errs = append(errs, schema.At(path+".upstream", err))
		} else if c.Retry != nil {
			c.to = c.to.(retrier).Retrying(c.Retry)
		}
		if c.shape, err = c.CallConfig.shape(); err != nil {
			errs = append(errs, schema.At(path, err))
		}
	}
	for _, c := range b.written {
		for _, need := range b.used(c.uses(), byName) {
			c.needs = append(c.needs, need)
			need.feeds = append(need.feeds, c)
		}
		if b.most++; !c.ForEach.IsZero() {
			b.most += c.Concurrency
		}
	}
	errs = append(errs, b.order()...)
	errs = append(errs, b.shapes(byName)...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	b.flows()
	b.lint(env)
	return nil
}

// A retrier is an upstream that makes calls again by rules of the call.
type retrier interface {
	Retrying(again *balance.Again) policy.Upstream
}

// uses returns what c refers to.
func (c *call) uses() []expr.Ref {
	refs := slices.Concat(c.Path.Uses(), c.When.Uses(), c.ForEach.Uses(), c.OnError.fallback.Uses())
	for _, q := range c.query {
		refs = append(refs, c.Query[q].Uses()...)
	}
	for _, h := range c.headers {
		refs = append(refs, c.Headers[h].Uses()...)
	}
	if c.CallConfig.Body != nil {
		refs = append(refs, c.CallConfig.Body.Uses()...)
	}
	return refs
}

// used returns the calls that references are to, and notes what of them is used.
func (b *backend) used(refs []expr.Ref, all map[string]*call) (needs []*call) {
	for _, r := range refs {
		b.body = b.body || r.Root == "request" && r.Field == "body"
		c := all[r.Field]
		if r.Root != "calls" || c == nil {
			continue
		}
		c.used = true
		if r.Key == "" || r.Key == "body" {
			c.reads = true
			c.bodies++
		}
		c.heads = c.heads || r.Key != "body" && r.Key != "status" && r.Key != "ok"
		if !slices.Contains(needs, c) {
			needs = append(needs, c)
		}
	}
	return needs
}

// order sorts the calls, and finds those that wait for each other.
func (b *backend) order() (errs []error) {
	left := slices.Clone(b.written)
	for level := 0; len(left) > 0; level++ {
		var ready, wait []*call
		for _, c := range left {
			if slices.ContainsFunc(c.needs, func(n *call) bool { return slices.Contains(left, n) }) {
				wait = append(wait, c)
			} else {
				ready = append(ready, c)
			}
		}
		if len(ready) == 0 {
			circle := circleIn(left)
			return []error{schema.At(schema.Join("calls", circle[0].name),
				fmt.Errorf("the calls wait for each other: %s", strings.Join(named(append(circle, circle[0])), " waits for ")))}
		}
		for _, c := range ready {
			c.at, c.level = len(b.calls), level
			b.calls = append(b.calls, c)
		}
		left = wait
	}
	return nil
}

// circleIn follows what each call of left waits for until one comes again.
func circleIn(left []*call) (circle []*call) {
	for c := left[0]; ; {
		if i := slices.Index(circle, c); i >= 0 {
			return circle[i:]
		}
		circle = append(circle, c)
		c = c.needs[slices.IndexFunc(c.needs, func(n *call) bool { return slices.Contains(left, n) })]
	}
}

func named(calls []*call) (names []string) {
	for _, c := range calls {
		names = append(names, c.name)
	}
	return names
}

// shapes builds the bodies.
func (b *backend) shapes(byName map[string]*call) (errs []error) {
	add := func(path string, v view, m *MergeConfig) {
		if m != nil {
			v.rule = m.rule()
			for i, name := range m.Of {
				c := byName[name]
				switch {
				case c == nil:
					errs = append(errs, schema.At(schema.Index(path+"merge.of", i), fmt.Errorf("there is no call %q%s", name, near(name, byName))))
					continue
				case !c.json():
					errs = append(errs, schema.At(schema.Index(path+"merge.of", i), fmt.Errorf("%s is read as %s, and only JSON and XML can be joined", name, c.Read)))
				}
				c.reads, c.used = true, true
				c.bodies++
				v.of = append(v.of, c)
			}
		}
		if v.body != nil {
			b.used(v.body.Uses(), byName)
		}
		b.used(v.when.Uses(), byName)
		b.views = append(b.views, v)
	}
	for i, v := range b.Views {
		add(schema.Index("views", i)+".", view{when: v.When, body: v.Body}, v.Merge)
	}
	add("", view{body: b.Body}, b.Merge)
	b.used(b.Status.Uses(), byName)
	for _, h := range b.headers {
		b.used(b.Headers[h].Uses(), byName)
	}
	return errs
}

func near(name string, all map[string]*call) string {
	if n := schema.Nearest(name, slices.Sorted(maps.Keys(all))); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return "; there is " + strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

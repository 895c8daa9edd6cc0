// Package upstream is the backend that sends requests on: to one upstream, or to one of several by share.
package upstream

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/mirror"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/rewrite"
	"sallyport/schema"
	"sallyport/wire"
)

// Kind declares the backend upstream.
var Kind = plug.Define("upstream", "Sends the request to an upstream and its response back.", build)

// Config is what the document says.
type Config struct {
	Name    string          `json:"name" short:"true" default:"" doc:"The upstream that gets the requests."`
	Split   map[string]int  `json:"split" doc:"In place of a name: upstreams and the shares of the requests that they get, such as {v1: 95, v2: 5}."`
	Sticky  expr.Label      `json:"sticky" default:"" doc:"With split: whatever has the same value goes to the same upstream, on every gateway and as long as the shares stay. A request without a value goes by chance."`
	Rewrite *rewrite.Config `json:"rewrite" doc:"How path, query and host change on the way to the upstream, after all policies."`

	Upgrades []string `json:"upgrades" doc:"Protocols that clients may switch to, such as websocket, which is what stands here when nothing is given; [] for none. A request that asks for another is served without the switch; h2c is never switched to."`

	Mirror *mirror.Config `json:"mirror" doc:"Another upstream that gets copies of the requests as they go upstream; what it answers is thrown away."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	switch {
	case c.Name == "" && len(c.Split) == 0:
		return errors.New("no upstream is given; give its name, or split")
	case c.Name != "" && len(c.Split) > 0:
		return schema.At("split", errors.New("name and split exclude each other; keep one"))
	case len(c.Split) == 0 && !c.Sticky.IsZero():
		return schema.At("sticky", errors.New("it is for split; the targets of one upstream stick with its own setting sticky"))
	}
	var errs []error
	for i, u := range c.Upgrades {
		if !wire.ValidToken(u) || strings.EqualFold(u, "h2c") {
			errs = append(errs, schema.At(schema.Index("upgrades", i), fmt.Errorf("%q is no protocol that can be switched to", u)))
		}
	}
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(c.Split)) {
		if c.Split[name] < 0 || c.Split[name] > maxShare {
			errs = append(errs, schema.At(schema.Join("split", name), fmt.Errorf("write a share from 0 to %d", maxShare)))
		}
		sum += c.Split[name]
	}
	if len(c.Split) > 0 && sum == 0 && len(errs) == 0 {
		errs = append(errs, schema.At("split", errors.New("every share is 0, so that no upstream gets a request")))
	}
	return errors.Join(errs...)
}

const maxShare = 1_000_000

// A backend sends requests on.
type backend struct {
	to       policy.Upstream  // nil with split
	split    *split           // nil without
	rewrite  *rewrite.Rewrite // nil for none
	upgrades []string
	mirror   *mirror.Mirror // nil for none
}

func build(c Config, env *plug.Env) (policy.Handler, error) {
	b := &backend{upgrades: c.Upgrades}
	env.Explainer = b
	if c.Upgrades == nil {
		b.upgrades = []string{"websocket"}
	}
	if c.Rewrite != nil {
		b.rewrite = rewrite.New(*c.Rewrite)
	}
	var errs []error
	if c.Mirror != nil {
		to, err := env.To(c.Mirror.Upstream)
		if err != nil {
			errs = append(errs, schema.At("mirror.upstream", err))
		}
		b.mirror = mirror.New(*c.Mirror, to, env.Errands, env.Acted)
	}
	if c.Name != "" {
		var err error
		if b.to, err = env.To(c.Name); err != nil {
			errs = append(errs, err)
		}
		return b.handle, errors.Join(errs...)
	}
	b.split = &split{sticky: c.Sticky}
	for _, name := range slices.Sorted(maps.Keys(c.Split)) {
		to, err := env.To(name)
		if err != nil {
			errs = append(errs, schema.At(schema.Join("split", name), err))
			continue
		}
		b.split.add(to, c.Split[name])
	}
	return b.handle, errors.Join(errs...)
}

// handle sends the request on.
func (b *backend) handle(x *policy.Exchange) (*wire.Response, error) {
	to := b.to
	if b.split != nil {
		to = b.split.choose(x)
	}
	if err := b.make(x); err != nil {
		return nil, err
	}
	return to.Send(x, &x.Out)
}

// make makes the call of the request, and sends the copy if there is to be one.
func (b *backend) make(x *policy.Exchange) error {
	if b.rewrite != nil {
		before := rewrite.PlaceOf(x)
		defer before.Restore(x) // log, metrics and policies that call again see the request as it came
		if err := b.rewrite.Apply(x); err != nil {
			return err
		}
	}
	if b.mirror != nil {
		if err := b.mirror.Copy(x); err != nil {
			return err
		}
	}
	b.fill(x)
	return nil
}

// fill makes the call out of the request: the canonical path that was matched and that all policies saw is what goes out.
// What is of the connection only (framing, hop-by-hop fields) is made anew by the engine.
func (b *backend) fill(x *policy.Exchange) {
	r, c := x.Request, &x.Out
	*c = wire.Call{}
	c.Method, c.Target, c.Host, c.Header, c.Length = r.Method, target(r), x.Host, &r.Header, r.Length
	if r.Body != nil {
		c.Body = r.Body
	}
	if r.Upgrade != "" {
		c.Upgrade = b.upgrade(r.Upgrade)
	}
	c.Expect, c.Request = r.Expect, r
	c.Deadline = wire.GRPCDeadline(&r.Header, x.Start) // of the whole call, as its client meant it
}

// upgrade returns what the client asks to switch to, if all of it is allowed.
func (b *backend) upgrade(protocols string) string {
	for asked := range strings.SplitSeq(protocols, ",") {
		asked = strings.TrimSpace(asked)
		if !slices.ContainsFunc(b.upgrades, func(allowed string) bool { return strings.EqualFold(allowed, asked) }) {
			return ""
		}
	}
	return protocols
}

func target(r *wire.Request) string {
	if r.Query == "" {
		return r.Path.Text
	}
	var room [1024]byte
	b := append(room[:0], r.Path.Text...)
	b = append(b, '?')
	return r.Keep(append(b, r.Query...))
}

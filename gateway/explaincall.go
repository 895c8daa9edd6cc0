package gateway

import (
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/balance"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file explains how a request ends: in a call to an upstream, or in an answer of the gateway's own. What could be secret is masked
// in all of it.

// maxShown bounds how much of a body is shown.
const maxShown = 2 << 10

// calls explains what goes upstream.
func (e *explaining) calls(list []policy.Call) {
	for i := range list {
		c := &list[i]
		u := e.upstreams.Upstream(c.Upstream)
		guard := &careful{snapshot: e.snapshot}
		if u == nil {
			continue
		}
		if !isPath(c.Call.Target, e.flow.matched) && !guard.passes(&e.flow.x, e.flow, &c.Call) {
			e.out.Upstreams = nil
			e.refused("upstream", problem.BadRequest.New("The path leads, or could be read so that it leads, to one that the gateway guards."))
			return
		}
		e.out.Upstreams = append(e.out.Upstreams, e.call(c, u))
	}
}

func (e *explaining) call(c *policy.Call, u *balance.Upstream) ExplainedCall {
	targets := u.Explain(&e.flow.x, c.Call)
	out := ExplainedCall{
		Upstream: c.Upstream, Share: c.Share, Chosen: c.Chosen, Method: c.Call.Method, Path: e.target(c.Call.Target), Host: c.Call.Host,
		Balance: string(u.Snapshot().Balance), Targets: []ExplainedTarget{},
	}
	for _, t := range targets {
		out.Targets = append(out.Targets, ExplainedTarget{
			URL: t.URL, Share: t.Share, Healthy: t.Healthy, Why: t.Why, Out: t.Out, Latency: t.Latency, Host: t.Call.Host, Path: e.target(t.Call.Target),
		})
	}
	out.Headers, out.Removed = e.fields(u.Sent(&e.flow.x, c.Call.Header))
	if n := c.Call.Length; n > 0 {
		out.Body = schema.Size(n).String()
	}
	e.settings(&out, c, targets)
	return out
}

// fields compares what the client sent with what goes upstream.
func (e *explaining) fields(sent *wire.Header) (list []ExplainedField, removed []RemovedField) {
	list = []ExplainedField{}
	told := e.flow.x.ID
	for name, value := range sent.All() {
		f := ExplainedField{name, e.field(name, value), "client"}
		switch had := e.before.Values(name); {
		case len(had) == 0:
			f.From = "added"
		case !slices.Contains(had, value):
			f.From = "changed"
		}
		if f.From != "client" && (value == told || wire.NameOf(name) == wire.Traceparent) {
			f.Value = "new for each request"
		}
		list = append(list, f)
	}
	for name := range e.before.All() {
		if sent.Has(name) || slices.ContainsFunc(removed, func(f RemovedField) bool { return wire.EqualFold(f.Name, name) }) {
			continue
		}
		f := RemovedField{name, "route"}
		if !e.admitted.Has(name) {
			f.By = "gateway"
		}
		removed = append(removed, f)
	}
	return list, removed
}

// elsewhere are the settings of an upstream that an explanation shows in another place.
var elsewhere = []string{"targets", "balance", "host", "protocol", "timeouts", "retry"}

// settings tells of what else governs the call: its times, and what the document sets beside them.
func (e *explaining) settings(out *ExplainedCall, call *policy.Call, targets []balance.Prospect) {
	node := e.doc.Root.Field("upstreams").Field(out.Upstream)
	out.Protocol = protocolOf(e.doc.Upstreams[out.Upstream], targets)
	out.Settings = []policy.Fact{}
	add := func(name, value string) { out.Settings = append(out.Settings, policy.Fact{Name: name, Value: value}) }
	if len(targets) > 0 {
		c := &targets[0].Call
		head := untilOr(c.Wait, "none")
		if !c.HeadBy.IsZero() {
			head += ", in all " + untilOr(c.HeadBy.Sub(e.now), "none")
		}
		total := "none"
		if !c.Deadline.IsZero() {
			total = untilOr(c.Deadline.Sub(e.now), "none")
		}
		add("timeouts", "connect "+untilOr(c.Connect, "none")+", response_header "+head+", idle "+untilOr(c.Idle, "none")+", total "+total)
	}
	retry := e.doc.Upstreams[out.Upstream].Retry.Explain(out.Method)
	if call.Retry != "" {
		retry = call.Retry
	} else if n := node.Field("retry"); n != nil {
		retry += "; " + e.shown(n)
	}
	add("retry", retry)
	if len(targets) > 0 && targets[0].Call.Upgrade != "" {
		add("upgrade", targets[0].Call.Upgrade)
	}
	for _, f := range node.Entries() {
		if !slices.Contains(elsewhere, f.Name) {
			add(f.Name, e.shown(f.Node))
		}
	}
}

// protocolOf is what is spoken with the targets: where that is for them to choose, what they may choose.
func protocolOf(c *balance.Config, targets []balance.Prospect) string {
	if c.Protocol != "auto" {
		return string(c.Protocol)
	}
	for _, t := range targets {
		switch scheme, _, _ := strings.Cut(t.URL, "://"); scheme {
		case "https":
			return "h2 or h1"
		case "h2c":
			return "h2c"
		}
	}
	return "h1"
}

func untilOr(d time.Duration, none string) string {
	step := time.Millisecond // what is counted from now loses a little on its way here
	switch {
	case d <= 0:
		return none
	case d >= 10*time.Second:
		step = 100 * time.Millisecond
	case d >= time.Second:
		step = 10 * time.Millisecond
	}
	return schema.FormatDuration(d.Round(step))
}

// refused ends the explanation with an error of the gateway.
func (e *explaining) refused(by string, err error) {
	p := problemOf(err)
	a := &ExplainedAnswer{Status: p.Status, By: by, Problem: p.Name, Title: p.Title, Detail: e.mask(p.Detail)}
	if cause := p.Unwrap(); cause != nil {
		a.Cause = e.mask(cause.Error())
	}
	d := e.flow.dialectOf()
	if d != nil {
		a.Status = d.wording(e.flow, p).status
	}
	for _, h := range p.Header {
		if d == nil || said(h[0], a.Status) {
			a.Headers = append(a.Headers, policy.Fact{Name: h[0], Value: e.field(h[0], h[1])})
		}
	}
	e.out.Outcome, e.out.Answer = "refused", a
}

// answered ends the explanation with a response that nobody upstream made.
func (e *explaining) answered(by string, resp *wire.Response) {
	defer resp.Close()
	a := &ExplainedAnswer{Status: resp.Status, By: by}
	for name, value := range resp.Header.All() {
		a.Headers = append(a.Headers, policy.Fact{Name: name, Value: e.field(name, value)})
	}
	if resp.Body != nil {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, maxShown+1))
		a.Body = e.mask(readable(b))
	}
	e.out.Outcome, e.out.Answer = "answered", a
}

// readable is a body as text, or what it is instead.
func readable(b []byte) string {
	cut := len(b) > maxShown
	if cut {
		b = b[:maxShown]
		for len(b) > 0 && !utf8.RuneStart(b[len(b)-1]) {
			b = b[:len(b)-1]
		}
	}
	switch {
	case !utf8.Valid(b):
		return "(no text)"
	case cut:
		return string(b) + "…"
	}
	return string(b)
}

// mask hides what is secret in a text: of the document, and of the request.
func (e *explaining) mask(text string) string { return e.hide.text(e.doc.Mask(text)) }

func (e *explaining) field(name, value string) string {
	return e.doc.Mask(e.hide.field(name, value))
}

func (e *explaining) query(query string) string { return e.doc.Mask(e.hide.query(query)) }

// target is a path with its query.
func (e *explaining) target(target string) string {
	path, query, found := strings.Cut(target, "?")
	if !found {
		return e.mask(path)
	}
	return e.mask(path) + "?" + e.query(query)
}

func (e *explaining) facts(list []policy.Fact) (out []policy.Fact) {
	for _, f := range list {
		out = append(out, policy.Fact{Name: f.Name, Value: e.mask(f.Value)})
	}
	return out
}

func (e *explaining) changes(list []policy.Change) (out []policy.Change) {
	for _, c := range list {
		c.Value = e.field(c.Name, c.Value)
		out = append(out, c)
	}
	return out
}

// shown writes settings on one line, without what could be secret.
func (e *explaining) shown(n *schema.Node) string {
	var b strings.Builder
	showLine(&b, n, false)
	return e.mask(b.String())
}

// showLine writes n as YAML on one line; compare showNode.
func showLine(b *strings.Builder, n *schema.Node, hide bool) {
	switch {
	case n == nil:
	case n.Written != "":
		b.WriteString(n.Written)
	case n.Kind == schema.Map:
		b.WriteString("{")
		for i, f := range n.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.Name + ": ")
			showLine(b, f.Node, telemetry.SecretName(f.Name))
		}
		b.WriteString("}")
	case n.Kind == schema.List:
		b.WriteString("[")
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			showLine(b, item, hide)
		}
		b.WriteString("]")
	case n.Secret || n.Hashed || hide && n.Text != "":
		b.WriteString(masked)
	default:
		b.WriteString(n.Text)
	}
}

package routetest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"sallyport/config"
	"sallyport/route"
	"sallyport/schema"
)

// A comparing notes in a step what is not as expected.
type comparing struct {
	node *schema.Node // of what is expected
	step *Step
}

// wrong notes that what is expected by the setting at path, from the node on, is not so.
func (c *comparing) wrong(what, want, got string, path ...string) {
	place := c.node
	for _, name := range path {
		if next := place.Field(name); next != nil {
			place = next
		}
	}
	c.step.Failures = append(c.step.Failures, Failure{what, place.Pos.String(), want, got})
}

// same compares text, unless nothing is expected; "none" is the empty one.
func (c *comparing) same(what, want, got string) {
	if want == "" || want == got || want == "none" && got == "" {
		return
	}
	if got == "" {
		got = "none"
	}
	c.wrong(what, want, got, what)
}

func (c *comparing) expect(e *config.Expect, got *answered, calls []call, took time.Duration) {
	if e.Status != 0 && e.Status != got.status {
		c.wrong("status", spelt(e.Status), spelt(got.status), "status")
	}
	c.same("problem", e.Problem, c.step.Problem)
	c.same("route", e.Route, c.step.Route)
	last := lastOf(calls, "")
	called := ""
	if last != nil {
		called = last.upstream
	}
	if e.Upstream == called {
		last = lastOf(calls, e.Upstream)
	}
	c.same("upstream", e.Upstream, called)
	if e.Calls != nil && *e.Calls != len(calls) {
		c.wrong("calls", fmt.Sprint(*e.Calls), fmt.Sprint(len(calls)), "calls")
	}
	if e.Within > 0 && took > e.Within {
		c.wrong("within", schema.FormatDuration(e.Within), took.String(), "within")
	}
	c.headers("header ", e.Headers, got.header)
	c.body("", e.Body, e.JSON, e.Exact, got.body)
	if e.Sent != nil {
		c.sent(e.Sent, last)
	}
}

func spelt(status int) string {
	return strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
}

func (c *comparing) sent(s *config.Sent, last *call) {
	if last == nil {
		c.wrong("sent", "a call upstream", "none", "sent")
		return
	}
	if n := c.node.Field("sent"); n != nil {
		c.node = n
	}
	for _, part := range []struct{ what, want, got string }{{"method", s.Method, last.method}, {"path", s.Path, last.target}, {"host", s.Host, last.host}} {
		if part.want != "" && part.want != part.got {
			c.wrong("sent "+part.what, part.want, part.got, part.what)
		}
	}
	c.headers("sent header ", s.Headers, last.header)
	c.body("sent ", s.Body, s.JSON, s.Exact, last.body)
}

func (c *comparing) headers(what string, want route.Conditions, got http.Header) {
	for i := range want {
		w := &want[i]
		values := got.Values(w.Name)
		holds := len(values) == 0 && w.Holds("", false)
		for _, v := range values {
			holds = holds || w.Holds(v, true)
		}
		if holds {
			continue
		}
		text := "absent"
		if len(values) > 0 {
			text = strings.Join(values, "\n")
		}
		c.wrong(what+w.Name, wanted(w), text, "headers", w.Name)
	}
}

// wanted says what a condition asks for.
func wanted(c *route.Condition) string {
	switch c.Test {
	case route.Equals:
		return c.Value
	case route.Matches:
		return "something that matches " + c.Regex.String()
	case route.Present:
		return "present"
	}
	return "absent"
}

func (c *comparing) body(what string, text *string, json *schema.Node, exact bool, got []byte) {
	if text != nil && strings.TrimSuffix(*text, "\n") != strings.TrimSuffix(string(got), "\n") {
		c.wrong(what+"body", *text, string(got), "body")
	}
	if json == nil {
		return
	}
	value, err := unmarshal(got)
	if err != nil {
		c.wrong(what+"json", "a JSON document", fmt.Sprintf("%s\n(%v)", got, err), "json")
		return
	}
	for _, d := range differences(valueOf(json), value, exact) {
		c.wrong(what+"json"+d.path, d.want, d.got, "json")
	}
}

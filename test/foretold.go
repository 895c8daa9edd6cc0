package test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sallyport/gateway"
)

// Before a script's request is sent, the gateway is asked what would become of it; what it then answers itself has to be that. So
// every script tests explanations as well.

// foretell has the next request explained, nil when that is no plain question: several requests are under way, or its bytes matter.
func (p *player) foretell(name string, m *message) *gateway.Explanation {
	if name != "" || p.waiting > 0 || slices.ContainsFunc(m.directives, func(d string) bool {
		word, _, _ := strings.Cut(d, " ")
		return word != "from" && word != "to" && word != "same" && word != "tls"
	}) {
		return nil
	}
	line := strings.Fields(m.first)
	if len(line) < 2 || len(line) == 3 && line[2] != "HTTP/1.1" || !strings.HasPrefix(line[1], "/") || strings.Contains(line[1], "#") || m.has("Transfer-Encoding") || m.has("Expect") {
		return nil
	}
	q := &gateway.Question{Method: line[0], URL: line[1], Client: "192.0.2.1"}
	if to, found := m.directive("to"); found {
		q.URL = "http://x" + to[strings.LastIndexByte(to, ':'):] + line[1]
	}
	if from, found := m.directive("from"); found {
		if q.Client = from; strings.Contains(from, ":") {
			if a, err := netip.ParseAddrPort(from); err == nil {
				q.Client = a.Addr().String()
			}
		}
	}
	if m.hasBody {
		q.Body = m.body
	}
	for _, f := range m.fields {
		field, value, _ := strings.Cut(f, ":")
		q.Headers = append(q.Headers, [2]string{field, strings.Trim(value, " ")})
	}
	if !m.has("Host") {
		q.Headers = append(q.Headers, [2]string{"Host", "gateway.test"})
	}
	e, err := p.gate.Explain(q)
	if _, secure := m.directive("tls"); err != nil || secure != (e.Request.Scheme == "https") {
		return nil // what a listener says to the wrong scheme is no request's business
	}
	return e
}

// cameTrue compares an answer with what was foretold.
func cameTrue(e *gateway.Explanation, status string) error {
	if e == nil || e.Answer == nil {
		return nil
	}
	if slices.ContainsFunc(e.Policies, func(p gateway.ExplainedPolicy) bool { return p.Outcome == "asks" }) {
		return nil // nobody can tell
	}
	got := strings.Fields(status)
	if len(got) > 1 && got[1] != fmt.Sprint(e.Answer.Status) {
		return fmt.Errorf("it was explained as %s with %d by %s, and the response is %s", e.Outcome, e.Answer.Status, e.Answer.By, status)
	}
	for _, s := range e.Policies {
		if s.Outcome == "runs" {
			return fmt.Errorf("the policy %s cannot say what it would do; give it an Explain", s.Kind)
		}
	}
	return nil
}

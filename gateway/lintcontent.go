package gateway

import (
	"sallyport/lint"
	"sallyport/schema"
)

// This file finds what is unwise about content.

var (
	typeChosen = lint.Define(lint.Rule{Code: "SP801", Title: "Validation that a client can talk itself out of",
		Why:     "others is pass, so that a body of another type is not judged, and its type is for the client to say: many servers read JSON whatever it says.",
		Do:      "Leave others out, or match what takes other types by a route of its own.",
		Example: "policies:\n  - validate: { request: { file: order.json, others: pass } }"})
	mayLeak = lint.Define(lint.Rule{Code: "SP802", Title: "What is left out may stay",
		Why:     "A body policy has select or omit for responses and others: pass. A response whose type is another, or is not said well, goes to the client with all that is in it.",
		Do:      "Leave others out, or name the types that are read in content_types.",
		Example: "policies:\n  - body: { response: { omit: [password], others: pass } }"})
	refusesInVain = lint.Define(lint.Rule{Code: "SP803", Title: "A service that may refuse, and is passed over when it fails",
		Why:     "external has may_answer, so that the service can refuse requests, and on_error: pass. Who can make the service fail, by sending what it is slow about, is not refused.",
		Do:      "Write on_error: fail, or take may_answer away from a service that only changes messages.",
		Example: "policies:\n  - external: { upstream: hooks, on_error: pass, request: { may_answer: true } }"})
)

// content looks at one step.
func (b *builder) content(s step) {
	request, response := s.node.Field("request"), s.node.Field("response")
	switch s.kind {
	case "validate":
		if fieldText(s.node, "mode") == "report" {
			b.once(dryRun, s, "mode is report: it counts and does not act")
		}
		if fieldText(request, "others") == "pass" {
			b.once(typeChosen, s.within(request.Field("others"), "request.others"), "who says that a body is of another type is not validated")
		}
	case "body":
		if fieldText(response, "others") == "pass" && (response.Field("select") != nil || response.Field("omit") != nil) {
			b.once(mayLeak, s.within(response.Field("others"), "response.others"), "a response of another type goes out with all that is in it")
		}
	case "external":
		if fieldText(s.node, "on_error") == "pass" && fieldText(request, "may_answer") == "true" {
			b.once(refusesInVain, s.within(s.node.Field("on_error"), "on_error"), "the service may refuse requests, but who makes it fail passes")
		}
	}
}

// within is s for a finding about one of its settings.
func (s step) within(n *schema.Node, setting string) step {
	s.node, s.path = n, s.path+"."+setting
	return s
}

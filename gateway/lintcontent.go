package gateway

import "sallyport/lint"

// This file finds what is unwise about content.

var typeChosen = lint.Define(lint.Rule{Code: "SP801", Title: "Validation that a client can talk itself out of",
	Why:     "others is pass, so that a body of another type is not judged, and its type is for the client to say: many servers read JSON whatever it says.",
	Do:      "Leave others out, or match what takes other types by a route of its own.",
	Example: "policies:\n  - validate: { request: { file: order.json, others: pass } }"})

// content looks at one step.
func (b *builder) content(s step) {
	if s.kind == "validate" {
		if fieldText(s.node, "mode") == "report" {
			b.once(dryRun, s, "mode is report: it counts and does not act")
		}
		if r := s.node.Field("request"); fieldText(r, "others") == "pass" {
			at := s
			at.node, at.path = r.Field("others"), s.path+".request.others"
			b.once(typeChosen, at, "who says that a body is of another type is not validated")
		}
	}
}

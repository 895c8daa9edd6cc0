package gateway

import (
	"sallyport/policy"
	"sallyport/wire"
)

// version explains which version of an api the request is for.
func (e *explaining) version() {
	v := e.flow.version
	if e.out.Version = nil; v == nil {
		return
	}
	e.out.Version = &ExplainedVersion{API: v.api, Name: v.name, Why: v.by.Why(e.flow.x.Request)}
	var h wire.Header
	e.flow.mark(&h)
	for name, value := range h.All() {
		e.out.Version.Responses = append(e.out.Version.Responses, policy.Fact{Name: name, Value: e.field(name, value)})
	}
}

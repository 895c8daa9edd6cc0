package compose

import (
	"slices"
	"strings"

	"sallyport/expr"
	"sallyport/lint"
	"sallyport/plug"
	"sallyport/schema"
)

// This file finds what works but is unwise.

var (
	inVain = lint.Define(lint.Rule{Code: "SP221", Title: "A call that nothing uses",
		Why:     "A GET or HEAD is made for each request, and nothing of what it brings is in the answer or in another call. When it fails, and is not optional, so does the answer.",
		Do:      "Use what it answers, or take it out.",
		Example: "calls: { user: { upstream: users }, old: { upstream: legacy } }\nbody: { user: \"${calls.user.body}\" }"})
	alwaysSame = lint.Define(lint.Rule{Code: "SP222", Title: "A condition in a composition that never changes",
		Why:     "when of a call or view is the same for every request: the call is never made, or always; the view is for all, or for nobody.",
		Do:      "Write the condition that was meant, or take out the when, or what it keeps out.",
		Example: "calls: { extras: { upstream: extras, when: \"1 == 2\" } }"})
	noTimeLeft = lint.Define(lint.Rule{Code: "SP223", Title: "A time of a call that never comes",
		Why:     "The call has longer than all calls together, or one try has as long as the call with all of its tries, so that another time always ends it first.",
		Do:      "Make it shorter than what is around it, or take it out.",
		Example: "compose:\n  timeout: 2s\n  calls: { user: { upstream: users, timeout: 5s } }"})
	shadowed = lint.Define(lint.Rule{Code: "SP224", Title: "An answer that looks well when everything failed",
		Why: "Each call is left out or has a default when it fails, and the status does not depend on any, so clients and caches get a 200 also when no service answered at all.",
		Do:  "Let the call that the answer is about fail it, or make the status of calls.NAME.ok.", Severity: lint.Note,
		Example: "calls: { user: { upstream: users, on_error: omit } }\nbody: { user: \"${calls.user.body}\" }"})
	multiplied = lint.Define(lint.Rule{Code: "SP308", Title: "As many calls as a client wants",
		Why:     "for_each goes over a list that the client sends, and max_items lets it have a hundred items or more: one request becomes as many calls to the upstream, and a limit of requests does not see them.",
		Do:      "Set max_items to what one client needs.",
		Example: "calls: { each: { for_each: \"${request.body.ids}\", upstream: items, path: \"/${item}\" } }"})
	twiceMade = lint.Define(lint.Rule{Code: "SP506", Title: "A call that may happen twice",
		Why:     "The call's own retry lists its method, a POST or PATCH: it may be sent again although the target has carried it out already.",
		Do:      "Leave the method out of the call's retry.methods, unless the service knows the same call again, by an idempotency key for example.",
		Example: "order: { upstream: orders, method: POST, retry: { methods: [POST] } }"})
	mixedUp = lint.Define(lint.Rule{Code: "SP804", Title: "Views that caches mix up",
		Why:     "Which view a client gets depends on a header field of the request, and Vary does not name it: a cache on the way gives one client's view to another.",
		Do:      "Name the field in Vary: headers: { vary: X-Client }.",
		Example: "views: [{ when: 'request.header(\"x-client\") == \"mobile\"', body: { n: 1 } }]"})
)

// A finder reports that a rule holds at a setting of the composition.
type finder func(r *lint.Rule, at, format string, args ...any)

// lint finds what is unwise about b.
func (b *backend) lint(env *plug.Env) {
	find := finder(env.Finds)
	if find == nil {
		return
	}
	optional := b.status != 0
	for _, c := range b.written {
		at := schema.Join("calls", c.name)
		if !c.used && (c.Method == "GET" || c.Method == "HEAD") {
			find(inVain, at, "the call %s is made for nothing: nothing uses what it answers", c.name)
		}
		optional = optional && c.OnError.how != fail
		find.constant(at, "the call", c.When)
		if request := slices.ContainsFunc(c.ForEach.Uses(), func(r expr.Ref) bool { return r.Root == "request" }); request && c.MaxItems >= manyItems {
			find(multiplied, at+".for_each", "one request makes up to %d calls of %s, as many as the client likes", c.MaxItems, c.name)
		}
		b.times(find, c, at)
		if c.Retry != nil && c.Retry.Attempts > 0 && (c.Method == "POST" || c.Method == "PATCH") && slices.Contains(c.Retry.Methods, c.Method) {
			find(twiceMade, at+".retry", "a %s that the target has carried out already may be sent again", c.Method)
		}
	}
	if optional {
		find(shadowed, "calls", "the answer is %d also when every call failed", b.status)
	}
	for i, v := range b.Views {
		at := schema.Index("views", i)
		find.constant(at, "the view", v.When)
		for _, field := range b.unsaid(v.When) {
			find(mixedUp, at+".when", "the view depends on %s, which Vary does not name", field)
		}
	}
}

// manyItems is how many calls of one request are many: as many as for_each makes when nobody says how many.
const manyItems = 100

// constant finds a condition that is always the same.
func (f finder) constant(at, what string, when expr.Condition) {
	if v, constant := when.Constant(); constant && !when.IsZero() {
		f(alwaysSame, at+".when", "%s has a condition that is always %v", what, v)
	}
}

// times finds times of a call that never come.
func (b *backend) times(find finder, c *call, at string) {
	all := b.Timeout
	if c.Timeout > all {
		find(noTimeLeft, at+".timeout", "the call %s has a timeout of %s, but all calls together have %s", c.name, schema.FormatDuration(c.Timeout), schema.FormatDuration(all))
	} else if c.Timeout > 0 {
		all = c.Timeout
	}
	if c.Retry != nil && c.Retry.PerTryTimeout >= all {
		find(noTimeLeft, at+".retry.per_try_timeout", "one try of the call %s may take %s, and all of them have %s", c.name, schema.FormatDuration(c.Retry.PerTryTimeout), schema.FormatDuration(all))
	}
}

// unsaid are the fields of the request that a condition looks at and Vary does not name.
func (b *backend) unsaid(when expr.Condition) (fields []string) {
	said := []string{}
	for _, name := range b.headers {
		for _, t := range b.Headers[name] {
			if strings.EqualFold(name, "vary") {
				said = append(said, strings.Split(strings.ToLower(t.String()), ",")...)
			}
		}
	}
	named := func(field string) bool {
		return slices.ContainsFunc(said, func(s string) bool { s = strings.TrimSpace(s); return s == "*" || s == strings.ToLower(field) })
	}
	for _, r := range when.Uses() {
		field := r.Key
		switch {
		case r.Root != "request":
			continue
		case r.Field == "cookies":
			field = "cookie"
		case r.Field != "headers" && r.Field != "header":
			continue
		}
		if field != "" && !named(field) && !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	return fields
}

// Package plug is how anything that can be chosen in the document by name declares itself: policies and
// backends do it the same way.
package plug

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"sallyport/fetch"
	"sallyport/function"
	"sallyport/identity"
	"sallyport/lint"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/telemetry"
)

// An Env is what the gateway lends to what is plugged into it, at load.
type Env struct {
	Log   *slog.Logger
	Where string // names the place, such as "default/GET /users/{id}/policies[0]"; the same again after a reload
	// Identity knows consumers, their credentials and plans. It is never nil.
	Identity *identity.Book
	State    *store.State // counters and the like that live on across reloads, by name
	// Strain tells how hard it is for the process.
	Strain *telemetry.Strain
	// Errands are done beside requests.
	Errands *policy.Errands
	// Upstream returns the upstream of that name, nil when the document has none; see To.
	Upstream func(name string) policy.Upstream
	// Upstreams lists the names that Upstream knows, for "did you mean".
	Upstreams []string
	// Function returns the function of that name, nil when the document has none; Functions lists the names.
	Function  func(name string) function.Answerer
	Functions []string
	// Route is what the route matches whose backend is built.
	Route Route
	// Fetch gets documents from elsewhere.
	Fetch *fetch.Client
	// Tend has f run beside requests from when what is being built is put in service until nothing that is in service tends that name any
	// more; f has to end soon after ctx has. When what runs under the name already is to go on, it does, and f is not called: a name says
	// all that f depends on. A document that is only checked or explained runs nothing.
	Tend func(name string, f func(ctx context.Context))
	// Keys has metrics and status ask for the keys of an issuer while what is being built is in service.
	Keys func(ask func() telemetry.KeySet)
	// Denied counts a request that a policy stopped, or with dry_run would have; resolve it once, at build. See Denier.
	Denied Counters
	// Challenges are those of the policies that authenticate before this one.
	Challenges []string
	// Acted counts something else that a policy did; resolve it as well.
	Acted func(policy, action string) (count func())
	// Warn reports that the setting works but is unwise.
	Warn func(format string, args ...any)
	// Finds reports that a rule holds at one of the settings, such as calls.user. Nil when nobody wants to know.
	Finds func(r *lint.Rule, at, format string, args ...any)

	// Policies builds the policies that stand in the setting policies of another one, a list for each item: what a name or a list in it
	// stands for has to pass as a whole. They count what they stop by denied, in place of Denied. ok is false when something is wrong with
	// them, which has been reported.
	Policies func(items []*schema.Node, denied Counters) (lists [][]Step, ok bool)

	// Explainer is for the build of a backend to set: what says what the backend would do. A policy is one itself.
	Explainer policy.Explainer
}

// A Route is what a route matches, as far as its backend may want to know.
type Route struct {
	Methods []string // none: every method
	Path    string   // a template such as /users/{id}; "" for a regular expression
}

// Counters returns what counts requests that a policy stopped for a reason.
type Counters func(policy, reason string) (count func())

// Denier returns what the policy of that name calls when it stops a request: it counts that, and leaves word of it for the log.
func (e *Env) Denier(name, reason string) func(x *policy.Exchange) {
	count := e.Denied(name, reason)
	return func(x *policy.Exchange) {
		x.Denied = policy.Denial{Policy: name, Reason: reason}
		count()
	}
}

// To returns the upstream that a setting names, or an error for it.
func (e *Env) To(name string) (policy.Upstream, error) {
	if u := e.Upstream(name); u != nil {
		return u, nil
	}
	hint := ""
	if near := schema.Nearest(name, e.Upstreams); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, fmt.Errorf("there is no upstream %q%s", name, hint)
}

// A Step is a policy that stands in another one. Should it have a when that does not hold, it refuses, with ErrNotHeld: what does not run
// lets nobody in.
type Step struct {
	Kind   string
	Policy policy.Policy
	Bare   policy.Policy // without its conditions
	Node   *schema.Node  // its settings
}

// ErrNotHeld is the cause of a refusal by a Step whose condition does not hold.
var ErrNotHeld = errors.New("its condition does not hold")

// A Kind is one sort of T, such as the policy "rate_limit".
type Kind[T any] struct {
	Name    string // as in the document
	Summary string // one sentence
	Config  *schema.Type
	// Build makes a T of the settings at n, which stand at path in the document.
	Build func(n *schema.Node, path string, env *Env) (T, schema.Errors)
}

// Define makes a Kind out of a config struct C and a constructor, whose error is an error of the document: joined
// errors each by itself, those of schema.At at their setting.
func Define[C, T any](name, summary string, build func(C, *Env) (T, error)) *Kind[T] {
	config := schema.Of[C]()
	return &Kind[T]{name, summary, config, func(n *schema.Node, path string, env *Env) (t T, errs schema.Errors) {
		var c C
		if errs = config.Decode(n, &c, path); len(errs) > 0 {
			return t, errs
		}
		t, err := build(c, env)
		errs.Wrong(n, path, err)
		return t, errs
	}}
}

// Package timeout bounds how long the answer to a request may take to begin.
package timeout

import (
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/wire"
)

// Kind declares the policy timeout.
var Kind = plug.Define("timeout", "Ends a request whose answer has not begun in time with 504.", build)

// Config is what the document says.
type Config struct {
	After time.Duration `json:"after" short:"true" min:"1ms" doc:"How long what comes after this policy may take until the answer's head is there; of several timeouts the earliest counts."`
}

type timeout struct{ after time.Duration }

func build(c Config, _ *plug.Env) (policy.Policy, error) { return timeout{c.After}, nil }

// Handle sets the request's deadline, which whoever waits for something keeps.
func (t timeout) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	before := x.Deadline
	if by := time.Now().Add(t.after); before.IsZero() || by.Before(before) {
		x.Deadline = by
		defer func() { x.Deadline = before }() // policies in front may call next again
	}
	return next(x)
}

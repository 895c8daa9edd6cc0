package expr

import "sallyport/schema"

// An Option says more about the place where an expression stands.
type Option func(*compiler)

// OnResponse declares the variable response: the expression is evaluated when the answer's head is there.
func OnResponse() Option { return func(c *compiler) { c.response = true } }

// From lets env and file take their values from there, paths relative to dir. Without it they are errors.
func From(o *schema.Outside, dir string) Option {
	return func(c *compiler) { c.outside, c.dir = o, dir }
}

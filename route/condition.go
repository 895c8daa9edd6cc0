package route

import (
	"regexp"

	"sallyport/wire"
)

// A Condition asks something of one header, query parameter or cookie. Where the request has several of that name,
// the first one counts.
type Condition struct {
	Name  string
	Test  Test
	Value string         // for Equals
	Regex *regexp.Regexp // for Matches; it may match anywhere in the value
}

// Conditions must all hold.
type Conditions []Condition

// A Test is what a condition asks.
type Test uint8

// The tests.
const (
	Equals Test = iota
	Matches
	Present
	Absent
)

func (c *Condition) String() string {
	switch c.Test {
	case Equals:
		return c.Name + "=" + c.Value
	case Matches:
		return c.Name + "~" + c.Regex.String()
	case Present:
		return c.Name
	}
	return "!" + c.Name
}

func (c *Condition) holds(value string, found bool) bool {
	switch c.Test {
	case Equals:
		return found && value == c.Value
	case Matches:
		return found && c.Regex.MatchString(value)
	case Present:
		return found
	}
	return !found
}

// excludes says whether no value passes both c and d, which ask about the same thing.
func (c *Condition) excludes(d *Condition) bool {
	if (c.Test == Absent) != (d.Test == Absent) {
		return true
	}
	if c.Test == Equals {
		return d.Test == Equals && c.Value != d.Value || d.Test == Matches && !d.Regex.MatchString(c.Value)
	}
	return d.Test == Equals && d.Test != c.Test && d.excludes(c)
}

// implied says whether whatever passes d passes c as well.
func (c *Condition) implied(d *Condition) bool {
	switch {
	case c.Test == Present:
		return d.Test != Absent
	case c.Test == Matches && d.Test == Equals:
		return c.Regex.MatchString(d.Value)
	case c.Test != d.Test:
		return false
	case c.Test == Matches:
		return c.Regex.String() == d.Regex.String()
	}
	return c.Value == d.Value
}

// header returns what a condition on a header is about. The protocol that a client wants to switch to is a header
// to everyone but the engine, which keeps it apart.
func header(r *wire.Request, name string) (string, bool) {
	if len(name) == len("upgrade") && wire.EqualFold(name, "upgrade") {
		return r.Upgrade, r.Upgrade != ""
	}
	return r.Header.Lookup(name)
}

// Holds says whether a value, or the lack of one, passes c.
func (c *Condition) Holds(value string, found bool) bool { return c.holds(value, found) }

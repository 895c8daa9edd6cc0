package balance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/schema"
	"sallyport/wire"
)

// This file is the setting retry: which failures of a try lead to another one.

// Retry is when a call that failed is made again.
type Retry struct {
	Again
	Budget schema.Percent `json:"budget" default:"20%" doc:"Retries and hedged calls in ten seconds, as a share of the calls to the upstream in that time; ten are allowed in any case unless this is 0%."`
}

// Again is what of that may be said of single calls too. The budget is the upstream's: it protects its targets, whoever calls.
type Again struct {
	Attempts      Attempts      `json:"attempts" short:"true" default:"1" doc:"Tries after the first one at most; 0 or off for none. Targets that no connection can be made to do not count."`
	On            []Condition   `json:"on" default:"[connect_failure, reset, 502, 503, 504]" doc:"What is tried again: connect_failure (nothing was sent, so with every method), reset (the connection broke before a byte of the answer), timeout (the answer did not begin within timeouts.response_header), and statuses such as 503 or 5xx."`
	Methods       []string      `json:"methods" default:"[GET, HEAD, OPTIONS, PUT, DELETE]" doc:"Methods of calls that may be made again although the target may have seen them."`
	PerTryTimeout time.Duration `json:"per_try_timeout" default:"none" min:"1ms" doc:"For one try, up to the head of its response; one that takes longer is given up and made again, whether or not on says so."`
	Backoff       time.Duration `json:"backoff" default:"25ms" max:"10s" doc:"The wait before a retry is by chance up to this, and up to twice as much with each further one, at most ten times."`
}

// maxAttempts bounds the tries after the first one.
const maxAttempts = 5

// Check judges the settings.
func (r *Again) Check() error {
	var errs []error
	for i, m := range r.Methods {
		if !wire.ValidToken(m) || m != strings.ToUpper(m) {
			errs = append(errs, schema.At(schema.Index("methods", i), fmt.Errorf("%q is no method; they are written in capitals, such as GET", m)))
		}
	}
	return errors.Join(errs...)
}

// Attempts is a number of tries.
type Attempts int

// UnmarshalNode reads a number or off.
func (a *Attempts) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch text := n.Text; {
	case n.Kind == schema.Map || n.Kind == schema.List:
		errs.Add(n, path, "%s is given where a number is wanted; write 0 to %d, or off", n.Kind, maxAttempts)
	case text == "off":
		*a = 0
	default:
		i, err := strconv.Atoi(text)
		if err != nil || i < 0 || i > maxAttempts {
			errs.Add(n, path, "%q is not possible; write 0 to %d, or off", text, maxAttempts)
		}
		*a = Attempts(i)
	}
	return errs
}

// JSONSchema says the same.
func (a *Attempts) JSONSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 0, "maximum": maxAttempts},
		map[string]any{"const": "off"},
	}}
}

// SchemaKind is the type's name in the reference.
func (a *Attempts) SchemaKind() string { return "whole number or off" }

// A Condition is what leads to another try: a word, or the statuses from first to last.
type Condition struct {
	word        string // "" for statuses
	first, last int
}

// The words among conditions. They are also how the reason of a retry is told, in the log and the metrics.
const (
	connectFailure = "connect_failure"
	reset          = "reset"
	timeout        = "timeout"
)

// UnmarshalNode reads a word, a status or a class of them.
func (c *Condition) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	switch text := n.Text; text {
	case connectFailure, reset, timeout:
		c.word = text
	case "4xx", "5xx":
		c.first = int(text[0]-'0') * 100
		c.last = c.first + 99
	default:
		i, err := strconv.Atoi(text)
		if n.Kind == schema.Map || n.Kind == schema.List || err != nil || i < 400 || i > 599 {
			errs.Add(n, path, "%q is no reason to try again; write connect_failure, reset, timeout, a status from 400 to 599, 4xx or 5xx", text)
		}
		c.first, c.last = i, i
	}
	return errs
}

// JSONSchema says the same.
func (c *Condition) JSONSchema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"enum": []any{connectFailure, reset, timeout, "4xx", "5xx"}},
		map[string]any{"type": "integer", "minimum": 400, "maximum": 599},
	}}
}

// SchemaKind is the type's name in the reference.
func (c *Condition) SchemaKind() string {
	return "connect_failure, reset, timeout, a status, 4xx or 5xx"
}

// A retrying is the setting, ready for use.
type retrying struct {
	attempts int
	words    map[string]bool
	statuses [10]uint64 // a bit each
	methods  []string
	perTry   time.Duration
	backoff  time.Duration
}

func (r *Again) compile() retrying {
	c := retrying{attempts: int(r.Attempts), words: map[string]bool{}, methods: r.Methods, perTry: r.PerTryTimeout, backoff: r.Backoff}
	if c.attempts == 0 {
		return c
	}
	for _, on := range r.On {
		if on.word != "" {
			c.words[on.word] = true
			continue
		}
		for s := on.first; s <= on.last; s++ {
			c.statuses[s/64] |= 1 << (s % 64)
		}
	}
	return c
}

// status says whether an answer of that status is a reason for another try.
func (r *retrying) status(s int) bool {
	return uint(s) < 640 && r.statuses[s/64]>>(s%64)&1 != 0
}

// method says whether calls of that method may be made again although the target may have seen them.
func (r *retrying) method(m string) bool { return slices.Contains(r.methods, m) }

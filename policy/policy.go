// Package policy is the contract between the gateway and the steps that a request passes: a request
// goes in, and a response or an error comes out.
package policy

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"sallyport/wire"
)

// A Handler answers an exchange with a response or an error, never both. Whoever called it closes
// the response's body, also when throwing it away. A backend is a Handler.
type Handler func(*Exchange) (*wire.Response, error)

// A Policy is one step around a backend. It may answer itself, change the request before next, change the
// response after it, or call next more than once. It never writes to the client. All requests of a route share it,
// so it must not change once built.
type Policy interface {
	Handle(x *Exchange, next Handler) (*wire.Response, error)
}

// A Preflighter is a policy that answers browsers which ask whether a page may send a request (Fetch, CORS preflight). It is asked
// before the policies that find out who sends requests, since such a question shows no credentials.
type Preflighter interface {
	// Preflight returns the answer to the question x, nil for one that the backend is to answer. Meanwhile x has the method that
	// the page wants to use. The function methods lists those of the path. Like Explain, it counts nothing.
	Preflight(x *Exchange, methods func() string) (*wire.Response, error)
}

// Chain puts policies before last, the first outermost.
func Chain(policies []Policy, last Handler) Handler {
	for _, p := range slices.Backward(policies) {
		next := last
		last = func(x *Exchange) (*wire.Response, error) { return p.Handle(x, next) }
	}
	return last
}

// An Upstream sends calls to one of its targets.
type Upstream interface {
	Name() string
	// Send picks a target and sends c to it; c.Host may be left empty to mean the target's own. Failures come
	// back as problems. The response belongs to the connection that it came on; close its body.
	Send(x *Exchange, c *wire.Call) (*wire.Response, error)
}

// A Careful upstream does not send every call that somebody makes of a request.
type Careful interface {
	// Allows says whether a call that was made of the request of x may be sent, where that goes without saying for Send.
	Allows(x *Exchange, c *wire.Call) bool
}

// An Exchange is one request on its way through the gateway, and what is known of it so far. It is made by the
// edge, used by one goroutine, and reused for another request after the last byte went out: keep strings, not
// the Exchange.
type Exchange struct {
	Request *wire.Request
	ID      string     // X-Request-Id
	Client  netip.Addr // who sent it, proxies that we trust taken into account; unmapped
	Port    uint16     // the client's, 0 when it is behind a proxy
	Start   time.Time
	Log     *slog.Logger // without request fields; a policy that logs adds x.ID

	API     string
	Version string
	Route   string
	Params  []Param // of the route's path, in order

	Auth     Auth
	Consumer *Consumer // nil until a policy knows it
	Denied   Denial    // why a policy kept the request out; for the log, not for the client

	Trace    wire.Trace
	Deadline time.Time // when the answer must have begun at the latest; zero for none

	// Host is what the target is to be called by in the Host field; "" leaves it to the upstream's settings. Rewrites set it.
	Host string

	// BodyBound says that a policy has set Request.BodyLimit, which is the gateway's default before. Another one may
	// only lower it.
	BodyBound bool

	// Out is a call for the backend to fill, so that it needs none of its own.
	Out wire.Call

	// Fault is what was done to the request on purpose, such as "delay 250ms"; for the log.
	Fault string

	// Calls is what became of the calls of a composed answer.
	Calls []Told

	// What the backend tells to log and metrics.
	Function string        // name of the function that was asked
	Upstream string        // name of the upstream that answered or failed last
	Target   string        // its target; for the log only, never for the client
	Tries    int           // calls sent upstream
	Retried  string        // why the last of them was made again: "reset", "503"; "" when there was no need
	Hedged   string        // how it went to send a call to a second target as well: "won" or "lost"; "" when none was
	Waited   time.Duration // from the first byte sent upstream to the head of the response

	client string // Client as text, once somebody asked
	body   memory // of the request, once somebody read it
	holds  []Hold
}

// A Param is a path parameter of the route.
type Param struct {
	Name  string
	Value string // decoded, but for encoded slashes in one that spans segments
	Raw   string // as it stands in the canonical path; may be put into another path as it is
}

// Param returns the parameter of that name and whether the route has it.
func (x *Exchange) Param(name string) (string, bool) {
	for i := range x.Params {
		if x.Params[i].Name == name {
			return x.Params[i].Value, true
		}
	}
	return "", false
}

// A Told is what became of one call of several, for the log.
type Told struct {
	Name   string
	Status int // of the answer, 0 for none
	Took   time.Duration
	Items  int    // for how many items it was made, 0 for one that is made once
	Tries  int    // calls that were sent for it
	Again  string // why the last of them was made again, "" when there was no need
}

// Auth is what an authentication policy found out about the request.
type Auth struct {
	Type    string // "jwt", "api_key", …; "" for nobody
	Subject string
	Issuer  string
	Scopes  []string
	Claims  map[string]any
}

// A Denial says which policy kept a request out, and why, in the words of the metric sallyport_policy_denials_total.
type Denial struct {
	Policy string // "api_key"; "" when none did
	Reason string // "expired"
	// Foreign says that the credentials look as if they were meant for another policy, such as a token of another issuer or a key of
	// another form; any_of asks its next policy then.
	Foreign bool
	// Whose credentials they were, where that is known although they are not good, such as a key that is expired.
	Subject, Consumer string
}

// An Asserter is a policy that tells the upstream who sent the request, in fields that a client must not say itself.
type Asserter interface {
	// Asserts names the fields. Handle removes them, in every spelling, whatever comes of the request; see wire.Header.DelAlike.
	Asserts() []string
}

// A Challenger is a policy that asks for credentials.
type Challenger interface {
	// Challenge is what it says in WWW-Authenticate where there are none (RFC 9110 §11.6.1).
	Challenge() string
}

// A Taker is a policy that takes credentials out of requests.
type Taker interface {
	// Takes lists where it looks for them, such as header:X-API-Key.
	Takes() []string
	// Clear takes out whatever stands there, good or not.
	Clear(r *wire.Request)
	// Keeps says whether Handle leaves good ones in the request.
	Keeps() bool
}

// A Teller is a policy that passes fields of a request to somebody who decides by them.
type Teller interface {
	// Tells names the fields.
	Tells() []string
}

// A Consumer is a registered client application.
type Consumer struct {
	Name string
	Plan string
	Tags []string
}

// Now is the time, for what a request costs: one look at a clock, where time.Now takes one at that of the wall as well.
func (x *Exchange) Now() time.Time {
	if x.Start.IsZero() {
		return time.Now()
	}
	return x.Start.Add(time.Since(x.Start))
}

// Reset makes x empty for another request, keeping the room of its lists.
func (x *Exchange) Reset() {
	clear(x.Params)
	clear(x.Calls)
	clear(x.holds)
	params, calls, holds := x.Params[:0], x.Calls[:0], x.holds[:0]
	*x = Exchange{} // in place: with the lists in it, it would be made elsewhere and copied
	x.Params, x.Calls, x.holds = params, calls, holds
}

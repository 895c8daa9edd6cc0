// Package apikey lets in who shows an API key that a consumer has.
package apikey

import (
	"strconv"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "api_key"

// Kind declares the policy api_key.
var Kind = plug.Define(name, "Lets in who shows an API key, and finds out which consumer that is.", build)

// Config is what the document says.
type Config struct {
	In            []identity.Place `json:"in" one:"true" default:"[header:X-API-Key]" min:"1" max:"8" doc:"Where the key stands: header:NAME, query:NAME or cookie:NAME; of several, the first that has one. Keys in URLs end up in logs and histories of others."`
	Authorization bool             `json:"authorization" default:"true" doc:"Whether it may also stand in the Authorization field, as ApiKey KEY or Bearer KEY, where the places of in have none."`
	Optional      bool             `json:"optional" doc:"Lets requests without a key pass, as nobody's; a wrong one is refused all the same."`
	Keep          bool             `json:"keep" doc:"Leaves the key in the request; without, no upstream gets to see it."`
}

type apiKey struct {
	places        []identity.Place
	authorization bool
	optional      bool
	keep          bool
	book          *identity.Book
	guard         *identity.Guard
	challenge     string
	deny          map[identity.Why]func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	p := &apiKey{
		places: c.In, authorization: c.Authorization, optional: c.Optional, keep: c.Keep,
		challenge: `ApiKey realm="` + identity.Realm(env.Where) + `"`, book: env.Identity, guard: identity.GuardOf(env.State), deny: map[identity.Why]func(*policy.Exchange){},
	}
	for _, why := range []identity.Why{
		identity.Missing, identity.Ambiguous, identity.Guessing,
		identity.Malformed, identity.Unknown, identity.Expired, identity.Revoked, identity.Orphaned, identity.Address, identity.Route,
	} {
		p.deny[why] = env.Denier(name, string(why))
	}
	return p, nil
}

// Handle looks the key up and says whose it is.
func (p *apiKey) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	now := time.Now()
	v, found, err := p.judge(x, now)
	if err != nil {
		foreign, token := p.foreign(x.Request)
		foreign = foreign && v.Why == identity.Unknown
		p.remove(x.Request) // neither does the log get to see it
		p.deny[v.Why](x)
		x.Denied.Foreign, x.Denied.Subject, x.Denied.Consumer = foreign, v.ID, v.Owner
		if (v.Why == identity.Unknown || v.Why == identity.Malformed) && !(foreign && token) {
			p.guard.Failed(x.Client, "", now)
		}
		return nil, err
	}
	if !found {
		return next(x)
	}
	v.Use(now)
	if !v.Made() {
		p.guard.Passed(x.Client, v.ID, now)
	}
	p.admit(x, &v)
	return next(x)
}

// admit makes the request one of the key's consumer.
func (p *apiKey) admit(x *policy.Exchange, v *identity.KeyVerdict) {
	x.Auth = policy.Auth{Type: name, Subject: v.ID}
	x.Consumer = v.Consumer
	if !p.keep {
		p.remove(x.Request)
	}
}

// judge finds the key and says whether it is good. It changes nothing.
func (p *apiKey) judge(x *policy.Exchange, now time.Time) (v identity.KeyVerdict, found bool, err error) {
	text, found, err := p.take(x.Request)
	switch {
	case err != nil:
		return identity.KeyVerdict{Why: identity.Ambiguous}, found, err
	case !found && p.optional:
		return v, false, nil
	case !found:
		v.Why = identity.Missing
		return v, false, p.unauthorized(problem.NoCredentials)
	}
	v = p.book.Key(text, x, now)
	if wait := p.wait(x, &v, now); wait > 0 {
		seconds := int64((wait + time.Second - 1) / time.Second)
		v = identity.KeyVerdict{Why: identity.Guessing}
		return v, true, problem.Limited.New("Too many wrong keys came from there. Try again in %d s.", seconds).With("Retry-After", strconv.FormatInt(seconds, 10))
	}
	switch v.Why {
	case "":
		return v, true, nil
	case identity.Address, identity.Route:
		return v, true, problem.Forbidden.New("")
	}
	return v, true, p.unauthorized(problem.BadCredentials)
}

// wait is how long who sent x has to wait since somebody guesses there. Keys of the gateway's own making cannot be guessed, so one that is good does not wait; one
// that the document has from elsewhere may be short, so it does, unless it was good there before.
func (p *apiKey) wait(x *policy.Exchange, v *identity.KeyVerdict, now time.Time) time.Duration {
	wait := p.guard.Wait(x.Client, "", now)
	if wait > 0 && v.ID != "" && (v.Made() || p.guard.Trusts(x.Client, v.ID, now)) {
		return 0
	}
	return wait
}

func (p *apiKey) unauthorized(t *problem.Type) error {
	return t.New("").With("WWW-Authenticate", p.challenge)
}

// Challenge is what is asked for where there is no key.
func (p *apiKey) Challenge() string { return p.challenge }

// Takes lists where keys may stand.
func (p *apiKey) Takes() (list []string) {
	for _, place := range p.places {
		list = append(list, place.String())
	}
	if p.authorization {
		list = append(list, "header:Authorization")
	}
	return list
}

// Clear takes out what may be a key.
func (p *apiKey) Clear(r *wire.Request) { p.remove(r) }

// Keeps says whether a good key goes on to the upstream.
func (p *apiKey) Keeps() bool { return p.keep }

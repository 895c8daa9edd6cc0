// Package jwt lets requests in that show a token which a trusted issuer has signed (RFC 7519, RFC 6750).
//
// token.go reads a token, claims.go judges what it says, algorithm.go its signature, by keys of key.go; keyring.go and publisher.go are where those come from. verifier.go puts that
// together, cache.go remembers it. wanted.go and forward.go are what one route makes of a token.
package jwt

import (
	"slices"
	"strings"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

const name = "jwt"

// The problems of requests whose token is not good enough. The client is not told why, but for what it can read in the token itself.
var (
	invalidToken = problem.Define("invalid_token", 401, "Invalid token", "The request shows a token that is malformed, expired, revoked, for somebody else, or not signed by an issuer that is trusted here.")
	insufficient = problem.Define("insufficient_scope", 403, "Insufficient scope", "The token is good but not for this: it lacks a scope that the route needs.")
	unavailable  = problem.Define("keys_unavailable", 503, "Keys unavailable", "The keys that tokens are checked by could not be fetched from their issuer, so that nobody can tell which tokens are good.")
)

// Kind declares the policy jwt.
var Kind = plug.Define(name, "Lets requests in that show a token (JWT) which a trusted issuer has signed.", build)

// A gate is the policy of one place.
type gate struct {
	verifier *verifier
	book     *identity.Book
	from     []identity.Place
	forward  []field
	scopes   Scopes
	claims   []demand
	keep     bool
	optional bool
	deny     map[reason]func(*policy.Exchange)
}

// A demand is one rule on a claim.
type demand struct {
	name   string
	wanted Wanted
}

// Handle checks the token.
func (g *gate) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	why, err := g.admit(x, x.Now(), func(begin func() <-chan struct{}) error {
		ready := begin()
		if ready == nil {
			return nil
		}
		_, err := x.Await(ready, patience)
		return err
	})
	if why != good {
		g.deny[why](x)
		x.Denied.Foreign = foreign(why)
	}
	if err != nil {
		g.hide(x.Request)
		return nil, err
	}
	return next(x)
}

// hide takes a token out of the query of a request that goes no further, since the log has the query: one that is no good here may be good elsewhere.
func (g *gate) hide(r *wire.Request) {
	for _, p := range g.from {
		if p.In() == "query" {
			p.Remove(r)
		}
	}
}

// admit judges the request and changes it as it is to go on. With a reason it comes with the problem for the client.
func (g *gate) admit(x *policy.Exchange, now time.Time, w wait) (reason, error) {
	for i := range g.forward {
		x.Request.Header.DelAlike(g.forward[i].name)
	}
	token, place, err := g.take(x.Request)
	switch {
	case err != nil:
		return malformed, problem.From(err).With("WWW-Authenticate", `Bearer error="invalid_request"`) // RFC 6750 §3.1
	case place < 0 && g.optional:
		return good, nil
	case place < 0:
		return missing, problem.NoCredentials.New("A token is needed.").With("WWW-Authenticate", challenge)
	}
	t, why, err := g.verifier.check(token, now, w)
	if err != nil {
		return good, err
	}
	if why == good && g.book.Revoked(t.issuer, t.id, t.subject, t.issued) {
		why = revoked
	}
	if why != good {
		return why, refusal(why)
	}
	return g.allow(x, t, place)
}

// foreign says whether a token that is no good for this reason may be good for another policy, or be no token at all.
func foreign(why reason) bool {
	return why == issuerNo || why == malformed || why == typeNo || why == audienceNo
}

// Asserts names the fields that claims are forwarded in.
func (g *gate) Asserts() (names []string) {
	for _, f := range g.forward {
		names = append(names, f.name)
	}
	return names
}

// challenge is what a request without a token is told (RFC 6750 §3).
const challenge = `Bearer realm="api"`

// Challenge asks for a token.
func (g *gate) Challenge() string { return challenge }

// allow asks what is wanted here beyond a good token, which stood at a place of from.
func (g *gate) allow(x *policy.Exchange, t *verified, place int) (reason, error) {
	if lack := g.scopes.missing(t.scopes); lack != nil {
		scope := strings.Join(slices.Concat(g.scopes.All, g.scopes.Any), " ")
		return scopeNo, insufficient.New("The token is good, but not for this.").With("WWW-Authenticate", `Bearer error="insufficient_scope", error_description="The token lacks a scope", scope="`+scope+`"`)
	}
	for i := range g.claims {
		if err := g.claims[i].judge(x, t); err != nil {
			return claimNo, err
		}
	}
	if !g.keep {
		g.strip(x.Request, place)
	}
	for i := range g.forward {
		f := &g.forward[i]
		text, found, ok := f.value(t.claims)
		if !ok {
			return claimNo, problem.Forbidden.New("A claim of the token cannot be passed on.")
		}
		if found {
			x.Request.Header.Set(f.name, text)
		}
	}
	x.Auth = t.auth()
	if c := g.book.ByClaim(t.issuer, t.claims); c != nil {
		x.Consumer = c
	}
	return good, nil
}

// judge returns the problem of a token whose claim is not what is wanted.
func (d *demand) judge(x *policy.Exchange, t *verified) error {
	claim, there := find(t.claims, d.name)
	if !there {
		return problem.Forbidden.New("The token is good, but not for this.")
	}
	ok, err := d.wanted.holds(claim, x)
	if err != nil {
		return plug.Failed(err)
	}
	if !ok {
		return problem.Forbidden.New("The token is good, but not for this.")
	}
	return nil
}

// take returns the token of a request, and the first place that has one; -1 for none.
func (g *gate) take(r *wire.Request) (token string, place int, err error) {
	for i, p := range g.from {
		var found bool
		if bearer(p) {
			token, found, err = identity.Authorization(r, "Bearer")
		} else if token, found, err = p.Take(r); found && p.In() == "header" {
			token = withoutScheme(token)
		}
		if found || err != nil {
			return token, i, err
		}
	}
	return "", -1, nil
}

// bearer says whether a token stands behind the scheme Bearer at p.
func bearer(p identity.Place) bool {
	return p.In() == "header" && wire.EqualFold(p.Name(), "Authorization")
}

// withoutScheme takes a Bearer away that people write in other fields as well.
func withoutScheme(value string) string {
	const scheme = "Bearer "
	if len(value) > len(scheme) && wire.EqualFold(value[:len(scheme)], scheme) {
		return value[len(scheme):]
	}
	return value
}

// strip takes the token out, from where it stood and from every other place that one can stand at.
func (g *gate) strip(r *wire.Request, place int) {
	for i, p := range g.from {
		if !bearer(p) {
			p.Remove(r)
			continue
		}
		found := i == place
		if !found {
			_, found, _ = identity.Authorization(r, "Bearer")
		}
		if found {
			identity.RemoveAuthorization(r)
		}
	}
}

// refusal is the problem of a token that is no good (RFC 6750 §3.1).
func refusal(why reason) error {
	detail := "The token is not valid"
	switch why {
	case noKeys:
		return unavailable.New("Tokens cannot be checked right now.").With("Retry-After", "1")
	case expired:
		detail = "The token has expired"
	}
	return invalidToken.New("%s.", detail).With("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+detail+`"`)
}

// Takes lists where tokens may stand.
func (g *gate) Takes() (list []string) {
	for _, place := range g.from {
		list = append(list, place.String())
	}
	return list
}

// Clear takes out what may be a token.
func (g *gate) Clear(r *wire.Request) { g.strip(r, -1) }

// Keeps says whether a good token goes on to the upstream.
func (g *gate) Keeps() bool { return g.keep }

// Package basicauth lets in who shows a user name and its password, by HTTP's Basic scheme (RFC 7617).
package basicauth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

const name = "basic_auth"

// Kind declares the policy basic_auth.
var Kind = plug.Define(name, "Lets in who shows a user name and its password, by HTTP's Basic scheme.", build)

// Config is what the document says.
type Config struct {
	Users     map[string]*identity.Hash `json:"users" min:"1" doc:"Hashes of passwords by user name: bcrypt, as htpasswd -nB makes, or argon2id."`
	Htpasswd  *File                     `json:"htpasswd" doc:"A file with more of them, a line NAME:HASH each, read again when it changes. Other hashes than bcrypt and argon2id are refused."`
	Consumers *bool                     `json:"consumers" doc:"Whether the basic credentials of consumers, in the document and in the store, are good here; they are when neither users nor htpasswd is given."`
	Realm     string                    `json:"realm" default:"sallyport" min:"1" max:"200" doc:"What clients show to people who are to type a password."`
	Optional  bool                      `json:"optional" doc:"Lets requests without credentials pass as nobody's. Wrong ones are refused all the same."`
	Keep      bool                      `json:"keep" doc:"Sends the credentials on to the upstream. They are taken out otherwise."`
}

// Check judges names and realm.
func (c *Config) Check() error {
	var errs []error
	for _, user := range slices.Sorted(maps.Keys(c.Users)) {
		if err := checkUser(user); err != nil {
			errs = append(errs, schema.At("users", err))
		}
		if c.Htpasswd != nil && c.Htpasswd.users[user] != nil {
			errs = append(errs, schema.At("users", fmt.Errorf("%q stands in the file of htpasswd as well", user)))
		}
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' }) {
		errs = append(errs, schema.At("realm", errors.New("it is of printable ASCII characters, since it has to stand in a header")))
	}
	if !c.consumers() && len(c.Users) == 0 && c.Htpasswd == nil {
		errs = append(errs, schema.At("consumers", errors.New("nobody could come in; give users or htpasswd, or leave consumers out")))
	}
	return errors.Join(errs...)
}

// consumers says whether their credentials are good here.
func (c *Config) consumers() bool {
	if c.Consumers != nil {
		return *c.Consumers
	}
	return len(c.Users) == 0 && c.Htpasswd == nil
}

type guard struct {
	users     map[string]identity.Account // of users and htpasswd
	book      *identity.Book
	consumers bool // the book's users count as well
	strangers *identity.Strangers
	challenge string
	optional  bool
	keep      bool
	guesses   *identity.Guard
	deny      map[identity.Why]func(*policy.Exchange)
}

func build(c Config, env *plug.Env) (policy.Policy, error) {
	g := &guard{
		users: map[string]identity.Account{}, book: env.Identity, consumers: c.consumers(), optional: c.Optional, keep: c.Keep,
		challenge: `Basic realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Realm) + `", charset="UTF-8"`,
		guesses:   identity.GuardOf(env.State), deny: map[identity.Why]func(*policy.Exchange){},
	}
	all := maps.Clone(c.Users)
	if f := c.Htpasswd; f != nil {
		all = maps.Clone(f.users)
		maps.Copy(all, c.Users)
	}
	for user, h := range all {
		g.users[user] = identity.Account{Name: user, Hash: h}
	}
	g.strangers = g.book.Strangers(g.consumers, slices.Collect(maps.Values(all)))
	for _, why := range []identity.Why{identity.Missing, identity.Ambiguous, identity.Guessing, identity.Malformed, identity.Unknown, identity.Password, identity.Orphaned, identity.Crowded} {
		g.deny[why] = env.Denier(name, string(why))
	}
	return g, nil
}

// Handle lets x in, or says why not.
func (g *guard) Handle(x *policy.Exchange, next policy.Handler) (*wire.Response, error) {
	a, why, err := g.judge(x)
	switch {
	case err != nil:
		g.deny[why](x)
		return nil, err
	case why == "":
		g.guesses.Passed(x.Client, a.Name, x.Start)
		g.pass(x, &a)
		return next(x)
	case why == identity.Missing && g.optional:
		return next(x)
	case why == identity.Unknown || why == identity.Password:
		g.guesses.Failed(x.Client, a.Name, x.Start)
	}
	g.deny[why](x)
	return nil, g.refusal(why)
}

// judge finds out who sent x, or why it is nobody's. An error is a problem that is told instead of the refusal: the request shows credentials
// twice, or its sender has guessed too often.
func (g *guard) judge(x *policy.Exchange) (a identity.Account, why identity.Why, err error) {
	text, found, err := identity.Authorization(x.Request, "Basic")
	switch {
	case err != nil:
		return a, identity.Ambiguous, err
	case !found:
		return a, identity.Missing, nil
	}
	d := room.Get().(*decoded)
	defer d.free()
	if !d.read(text) {
		return a, identity.Malformed, nil
	}
	a, known := g.account(d.user())
	if !known {
		a.Name = string(d.user())
		a.Hash = g.strangers.Of(a.Name)
	}
	if wait := g.guesses.Wait(x.Client, a.Name, x.Start); wait > 0 {
		return a, identity.Guessing, tooOften(wait)
	}
	switch match := g.book.Passwords().Check(a.Name, d.password(), a.Hash); {
	case match == identity.Busy:
		return a, identity.Crowded, nil
	case !known:
		return a, identity.Unknown, nil
	case match != identity.Right:
		return a, identity.Password, nil
	case a.Orphaned:
		return a, identity.Orphaned, nil
	}
	return a, "", nil
}

// tooOften tells a client to wait. Whether it did not guess this time is not looked at: that would be an answer to a guess.
func tooOften(wait time.Duration) error {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return problem.Limited.New("Too many wrong passwords. Try again in %d s.", seconds).With("Retry-After", strconv.FormatInt(seconds, 10))
}

// account is that of a user.
func (g *guard) account(user []byte) (a identity.Account, known bool) {
	if a, known = g.users[string(user)]; known {
		return a, true
	}
	if g.consumers {
		return g.book.Account(user)
	}
	return a, false
}

// pass notes who x is of.
func (g *guard) pass(x *policy.Exchange, a *identity.Account) {
	x.Auth = policy.Auth{Type: name, Subject: a.Name}
	x.Consumer = a.Consumer
	if !g.keep {
		identity.RemoveAuthorization(x.Request)
	}
}

// refusal is what a client is told. Whether there is such a user is not.
func (g *guard) refusal(why identity.Why) error {
	switch why {
	case identity.Missing:
		return problem.NoCredentials.New("").With("WWW-Authenticate", g.challenge)
	case identity.Crowded:
		return problem.Overloaded.New("Too many passwords are being checked.").With("Retry-After", "2")
	default:
		return problem.BadCredentials.New("").With("WWW-Authenticate", g.challenge)
	}
}

// Challenge is what clients are told to show.
func (g *guard) Challenge() string { return g.challenge }

// Takes says where credentials stand.
func (g *guard) Takes() []string { return []string{"header:Authorization"} }

// Clear takes out what may be credentials.
func (g *guard) Clear(r *wire.Request) {
	if _, found, _ := identity.Authorization(r, "Basic"); found {
		identity.RemoveAuthorization(r)
	}
}

// Keeps says whether good credentials go on to the upstream.
func (g *guard) Keeps() bool { return g.keep }

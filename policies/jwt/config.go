package jwt

// What the document says.

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/identity"
	"sallyport/schema"
	"sallyport/wire"
)

// Config is what the document says.
type Config struct {
	Trust
	Issuers []Trust `json:"issuers" doc:"Several issuers in place of one, each with its own keys and, if it wants, audience and algorithms; those given beside issuers hold for the others."`

	Scopes  Scopes            `json:"scopes" doc:"What the token must be good for, by its claim scope or scp; without it the answer is 403 insufficient_scope."`
	Claims  map[string]Wanted `json:"claims" doc:"What claims must be: a value, a list of which one will do, or an expression; a claim that is a list must hold it. A name such as realm_access.roles leads into a claim."`
	From    []identity.Place  `json:"from" one:"true" default:"[\"header:Authorization\"]" doc:"Where the token stands: the first place that has one counts. In Authorization it follows Bearer."`
	Forward map[string]string `json:"forward" doc:"Header fields for the upstream and the claim that each is made of; the client's own fields of these names never pass."`
	Keep    bool              `json:"keep" doc:"Whether the token goes on to the upstream; otherwise it is taken out."`

	Optional bool          `json:"optional" doc:"Lets requests without a token pass, as nobody's; one that is there must be good all the same."`
	Leeway   time.Duration `json:"leeway" default:"60s" min:"0s" max:"1h" doc:"How much clocks may differ when the times in a token are judged."`
	Require  []string      `json:"require" one:"true" default:"[exp]" doc:"Claims that must be there; with audience aud must be as well, and with issuer iss, whatever stands here."`
	MaxAge   time.Duration `json:"max_age" default:"0s" min:"0s" doc:"How long after it was issued a token is good at most, whatever its exp; tokens without iat are refused then. 0s for as long as exp says."`
	Typ      []string      `json:"typ" one:"true" min:"1" default:"[JWT, at+jwt]" doc:"What the typ in a token's header may be; one without is taken for JWT."`
	Cache    Cache         `json:"cache" doc:"How many checked tokens are remembered, so that they are not checked in full each time."`
}

// Trust is whose tokens are good, and by which keys.
type Trust struct {
	Issuer     string        `json:"issuer" default:"" max:"1024" doc:"Who issued the token, exactly as in its claim iss; without keys in the settings they are found by its /.well-known/openid-configuration."`
	JWKSURL    *url.URL      `json:"jwks_url" enum:"https,http" doc:"Where the issuer's keys are published (RFC 7517)."`
	JWKSFile   *schema.File  `json:"jwks_file" doc:"A file with the issuer's keys, as a JWK set (RFC 7517); a change of it counts as one of the document."`
	Key        string        `json:"key" default:"" doc:"The issuer's public key, as PEM or as a JWK; ${file(\"issuer.pem\")} reads it from a file."`
	KeyFile    *schema.File  `json:"key_file" doc:"A file with the issuer's public key, as PEM or as a JWK."`
	Secret     schema.Secret `json:"secret" default:"" doc:"The secret that issuer and gateway share, for HS256, HS384 and HS512; at least 32, 48 or 64 bytes."`
	Audience   []string      `json:"audience" one:"true" min:"1" doc:"Whom the token must be for: its claim aud must hold one of these."`
	Algorithms []string      `json:"algorithms" one:"true" min:"1" enum:"RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA,Ed25519,HS256,HS384,HS512" doc:"How tokens may be signed; every asymmetric way by default, and with secret every HS that it is long enough for."`
	JWKS       Publication   `json:"jwks" doc:"How the issuer's keys are fetched."`
}

// Publication says how keys are fetched.
type Publication struct {
	Refresh   time.Duration `json:"refresh" default:"10m" min:"30s" max:"24h" doc:"When the keys are fetched again at the latest; sooner if the issuer's Cache-Control says so, but not within 30s."`
	Timeout   time.Duration `json:"timeout" default:"5s" min:"100ms" max:"1m" doc:"How long one fetch may take."`
	Stale     time.Duration `json:"stale" default:"24h" min:"0s" max:"30d" doc:"How long the last good keys are used while the issuer does not answer."`
	AllowHTTP bool          `json:"allow_http" doc:"Lets keys come over plain HTTP from other machines, where somebody between could put in their own."`
	CAFile    *schema.File  `json:"ca_file" doc:"The certificates, in PEM, of those who vouch for the issuer's server, in place of the machine's."`
}

// Cache bounds what is remembered.
type Cache struct {
	Tokens int         `json:"tokens" default:"10000" min:"0" max:"1000000" doc:"How many checked tokens are remembered at most; 0 for none."`
	Size   schema.Size `json:"size" default:"32MiB" min:"64KiB" doc:"How much memory they may take together."`
}

// Scopes are rules on scopes. A plain list is one of which all are needed.
type Scopes struct {
	All []string `json:"all" one:"true" min:"1" short:"true" doc:"Scopes that the token must have, all of them; a list in place of the settings means this."`
	Any []string `json:"any" one:"true" min:"1" doc:"Scopes of which the token must have one."`
}

// Check judges the settings together.
func (c *Config) Check() error {
	var errs []error
	switch {
	case len(c.Issuers) > 0:
		errs = append(errs, c.checkIssuers())
	case c.Issuer == "" && c.keys() == 0:
		errs = append(errs, errors.New("it trusts nobody; give issuer, issuers, or keys by jwks_url, jwks_file, key or secret"))
	default:
		errs = append(errs, c.Trust.Check())
	}
	for _, t := range c.Typ {
		if t == "" || strings.ContainsAny(t, " \t") {
			errs = append(errs, schema.At("typ", fmt.Errorf("%q is no type of a token; write one such as at+jwt", t)))
		}
	}
	if len(c.From) == 0 {
		errs = append(errs, schema.At("from", errors.New("it names no place; leave it out for the field Authorization")))
	}
	errs = append(errs, checkForward(c.Forward), c.checkOverlap(), c.checkAudience())
	return errors.Join(errs...)
}

// checkOverlap wants no field to be made of a claim where tokens stand: the client's own is taken out there before anything is read.
func (c *Config) checkOverlap() error {
	for _, name := range slices.Sorted(maps.Keys(c.Forward)) {
		for _, p := range c.From {
			if p.In() == "header" && wire.Alike(p.Name(), name) || p.In() == "cookie" && wire.Alike("Cookie", name) {
				return schema.At("forward", fmt.Errorf("%s is where tokens stand, by from", name))
			}
		}
	}
	return nil
}

// checkAudience wants names: an empty one is what comes of a variable that nobody has set.
func (t *Trust) checkAudience() error {
	if slices.Contains(t.Audience, "") {
		return schema.At("audience", errors.New("it is empty; write what the issuer puts into the claim aud, or leave it out"))
	}
	return nil
}

// checkIssuers wants settings of several issuers to be told apart, and not mixed with those of one.
func (c *Config) checkIssuers() error {
	var errs []error
	if t := &c.Trust; t.Issuer != "" || t.keys() > 0 {
		errs = append(errs, errors.New("issuer and keys belong into the entries of issuers when there are several"))
	}
	for i := range c.Issuers {
		t := &c.Issuers[i]
		at := schema.Index("issuers", i)
		if t.Issuer == "" {
			errs = append(errs, schema.At(at, errors.New("\"issuer\" is missing: among several it says whose tokens these settings are for")))
		}
		if err := t.checkAudience(); err != nil {
			errs = append(errs, schema.At(at, err))
		}
		if len(t.Audience) == 0 {
			t.Audience = c.Audience
		}
		if len(t.Algorithms) == 0 && len(c.Algorithms) > 0 {
			t.Algorithms = c.Algorithms
			if err := t.checkAlgorithms(); err != nil {
				errs = append(errs, schema.At(at, err))
			}
		}
		if slices.ContainsFunc(c.Issuers[:i], func(o Trust) bool { return o.Issuer == t.Issuer && t.Issuer != "" }) {
			errs = append(errs, schema.At(at+".issuer", errors.New("this issuer stands above already")))
		}
	}
	return errors.Join(errs...)
}

// keys counts the ways in which keys are given.
func (t *Trust) keys() (n int) {
	for _, given := range []bool{t.JWKSURL != nil, t.JWKSFile != nil, t.Key != "", t.KeyFile != nil, !t.Secret.Empty()} {
		if given {
			n++
		}
	}
	return n
}

// Check judges the settings of one issuer. Those of none are judged by Config.
func (t *Trust) Check() error {
	var errs []error
	if n := t.keys(); n > 1 {
		errs = append(errs, errors.New("the keys are given in several ways; keep one of jwks_url, jwks_file, key, key_file and secret"))
	}
	if t.keys() > 0 || t.Issuer != "" {
		errs = append(errs, t.checkAlgorithms())
	}
	if !t.Secret.Empty() {
		errs = append(errs, t.checkSecret())
	}
	if t.JWKSURL != nil {
		if err := t.JWKS.permits(t.JWKSURL); err != nil {
			errs = append(errs, schema.At("jwks_url", err))
		}
	}
	if t.keys() == 0 && t.Issuer != "" {
		if err := t.checkDiscovery(); err != nil {
			errs = append(errs, schema.At("issuer", err))
		}
	}
	return errors.Join(errs...)
}

// checkAlgorithms wants HMAC for a secret and for nothing else: a public key is known to everybody (RFC 8725 §3.2).
func (t *Trust) checkAlgorithms() error {
	for _, a := range t.Algorithms {
		if (algorithms[a].family == familyHMAC) == t.Secret.Empty() {
			return schema.At("algorithms", fmt.Errorf("%s does not fit: HS256, HS384 and HS512 are for a secret, and nothing else is", a))
		}
	}
	return nil
}

// checkSecret wants a secret as long as what it makes (RFC 7518 §3.2).
func (t *Trust) checkSecret() error {
	n := len(t.Secret.Reveal())
	if n < 32 {
		return schema.At("secret", fmt.Errorf("it has %d bytes, and HS256 needs at least 32: a shorter one can be guessed from any token", n))
	}
	for _, a := range t.Algorithms {
		if size := algorithms[a].hash.Size(); n < size {
			return schema.At("secret", fmt.Errorf("it has %d bytes, and %s needs at least %d", n, a, size))
		}
	}
	return nil
}

// checkDiscovery wants an issuer whose metadata can be asked for.
func (t *Trust) checkDiscovery() error {
	u, err := url.Parse(t.Issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("its keys cannot be found by its name, which is no URL; give jwks_url, jwks_file, key or secret")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("an issuer whose keys are found by its name has no query, fragment or user in it")
	}
	return t.JWKS.permits(u)
}

// permits says why keys may not be fetched from u, nil when they may.
func (p *Publication) permits(u *url.URL) error {
	if u.User != nil {
		return errors.New("no user and password may stand in the URL")
	}
	if u.Scheme == "https" || p.AllowHTTP || loopback(u.Hostname()) {
		return nil
	}
	return errors.New("keys that come over plain HTTP may be anybody's; write https, or jwks: { allow_http: true }")
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

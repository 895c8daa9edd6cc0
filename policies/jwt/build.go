package jwt

// From settings to what checks tokens.

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
)

func build(c Config, env *plug.Env) (policy.Policy, error) {
	v, err := newVerifier(&c, env)
	if err != nil {
		return nil, err
	}
	g := &gate{
		verifier: v, book: env.Identity, from: c.From, forward: fields(c.Forward), scopes: c.Scopes, keep: c.Keep, optional: c.Optional,
		deny: map[reason]func(*policy.Exchange){},
	}
	for _, claim := range slices.Sorted(maps.Keys(c.Claims)) {
		g.claims = append(g.claims, demand{claim, c.Claims[claim]})
	}
	for _, why := range reasons {
		g.deny[why] = env.Denier(name, string(why))
	}
	return g, nil
}

// newVerifier returns the verifier of these settings, which may be there already.
func newVerifier(c *Config, env *plug.Env) (*verifier, error) {
	d := demands{types: c.Typ, require: c.Require, leeway: c.Leeway, maxAge: c.MaxAge}
	all := c.Issuers
	if len(all) == 0 {
		all = []Trust{c.Trust}
	}
	v := verifier{demands: d, issuers: map[string]*trusted{}}
	text := fmt.Appendf(nil, "%q %v %v %q %v", d.require, d.leeway, d.maxAge, d.types, c.Cache)
	var errs []error
	for i := range all {
		t := &all[i]
		ring, err := t.ring(env)
		if err != nil {
			if len(c.Issuers) > 0 {
				err = schema.At(schema.Index("issuers", i), err)
			}
			errs = append(errs, err)
			continue
		}
		one := &trusted{issuer: t.Issuer, audience: t.Audience, ring: ring}
		for _, a := range t.allowed() {
			one.algorithms = append(one.algorithms, algorithms[a])
		}
		if v.issuers[t.Issuer] = one; t.Issuer == "" {
			v.whoever = one
		}
		text = fmt.Appendf(text, "\n%q %q %q %s", t.Issuer, t.Audience, t.allowed(), t.digest())
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return store.Shared(env.State, fmt.Sprintf("jwt %x", sha256.Sum256(text)), func() *verifier {
		v.cache = newCache(c.Cache.Tokens, int64(c.Cache.Size))
		return &v
	}), nil
}

// ring returns the keys of an issuer: those of the document, or those that it publishes, which are fetched once for all who need them.
func (t *Trust) ring(env *plug.Env) (*keyring, error) {
	switch {
	case !t.Secret.Empty():
		return fixed([]*key{{public: secret(t.Secret.Reveal())}}, true), nil
	case t.JWKSFile != nil:
		var left error
		keys, err := parseSet(t.JWKSFile.Data, func(kid string, why error) {
			left = errors.Join(left, fmt.Errorf("the key %q: %w", shortID(kid), why))
		})
		if err = errors.Join(err, left); err != nil {
			return nil, schema.At("jwks_file", err)
		}
		return fixed(keys, false), nil
	case t.Key != "":
		return t.only("key", []byte(t.Key))
	case t.KeyFile != nil:
		return t.only("key_file", t.KeyFile.Data)
	}
	return t.published(env)
}

func (t *Trust) only(setting string, data []byte) (*keyring, error) {
	k, err := parseOne(data)
	if err != nil {
		return nil, schema.At(setting, err)
	}
	return fixed([]*key{k}, k.id == ""), nil
}

func (t *Trust) published(env *plug.Env) (*keyring, error) {
	var roots *x509.CertPool
	if f := t.JWKS.CAFile; f != nil {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(f.Data) {
			return nil, schema.At("jwks.ca_file", errors.New("it holds no certificate in PEM"))
		}
	}
	named := fmt.Sprintf("jwks %x", t.digest())
	p := store.Shared(env.State, named, func() *publisher {
		p := newPublisher(t, env.Fetch, env.Log)
		p.roots = roots
		return p
	})
	env.Tend(named, p.Tend)
	env.Keys(p.KeySet)
	return p.ring, nil
}

// digest stands for all that the keys of an issuer depend on, secrets included, without telling any.
func (t *Trust) digest() []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v %q %q %v %v %v %v", t.Issuer, t.JWKSURL, t.Key, t.Secret.Reveal(), t.JWKS.Refresh, t.JWKS.Timeout, t.JWKS.Stale, t.JWKS.AllowHTTP)
	for _, f := range []*schema.File{t.JWKSFile, t.KeyFile, t.JWKS.CAFile} {
		fmt.Fprint(h, "\n")
		if f != nil {
			fmt.Fprintf(h, "%x", sha256.Sum256(f.Data))
		}
	}
	return h.Sum(nil)
}

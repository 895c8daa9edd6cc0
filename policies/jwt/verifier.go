package jwt

// The check of a token, and what is known of those that passed it.

import (
	"bytes"
	"slices"
	"time"

	"sallyport/policy"
)

// A trusted issuer is one whose tokens are good.
type trusted struct {
	issuer     string // "" for whoever has the keys
	audience   []string
	algorithms []*algorithm
	ring       *keyring
}

// A verifier checks tokens of some issuers, with one set of demands. All policies that say the same of them share one, across reloads.
type verifier struct {
	demands
	issuers map[string]*trusted
	whoever *trusted // has the keys, and may be any issuer; nil when issuers are named
	cache   *cache
	heads   heads
}

// A verified token is one that passed.
type verified struct {
	times
	trust   *trusted
	key     *key
	id      string // jti
	subject string
	issuer  string
	scopes  []string
	claims  map[string]any
	size    int64 // about what it takes in memory
}

// A wait has something begin and holds a request back until it has happened, at most for a while; what began returns nil when there is nothing to
// wait for.
type wait func(begin func() (ready <-chan struct{})) error

// none does not wait, nor has anything begin.
func none(func() <-chan struct{}) error { return nil }

// check returns what token says, or why it is no good. An error is one of waiting for keys.
func (v *verifier) check(token string, now time.Time, w wait) (*verified, reason, error) {
	if len(token) > maxToken {
		return nil, malformed, nil
	}
	t := v.cache.tagOf(token)
	if known := v.cache.get(t); known != nil {
		if why := known.still(now.UnixNano()); why != keyNo {
			return known, why, nil
		}
		v.cache.drop(t) // its key went, but another may have come
	}
	known, why, err := v.full(token, now, w)
	if known != nil && why == good {
		v.cache.put(t, known, now.UnixNano())
	}
	return known, why, err
}

// still says whether a token is as good as when it was checked.
func (t *verified) still(now int64) reason {
	switch {
	case now < t.from || now >= t.until:
		return t.at(now, t.claims)
	case t.key.gone.Load():
		return keyNo
	case now >= t.trust.ring.until.Load():
		return noKeys
	}
	return good
}

// full checks a token from the beginning: what is cheap first, and nothing that depends on what it says before the signature is known to be good, so that
// a token that is made up costs no more than a good one.
func (v *verifier) full(token string, now time.Time, w wait) (*verified, reason, error) {
	p, why := parse(token, &v.heads)
	if why != good {
		return nil, why, nil
	}
	trust := v.trustOf(&p)
	switch {
	case trust == nil:
		return nil, issuerNo, nil
	case !slices.Contains(trust.algorithms, p.algorithm):
		return nil, algorithmNo, nil
	case !p.is(v.types):
		return nil, typeNo, nil
	}
	keys, why, err := trust.keys(&p, w)
	if why != good || err != nil {
		return nil, why, err
	}
	i := slices.IndexFunc(keys, func(k *key) bool { return p.algorithm.verify(k, p.signed, p.signature) })
	if i < 0 {
		return nil, signatureNo, nil
	}
	if why := p.open(); why != good {
		return nil, why, nil
	}
	when, why := v.judge(p.claims, trust, now.UnixNano())
	if why != good {
		return nil, why, nil
	}
	if v.heads.get(p.part) == nil {
		v.heads.put(p.part, p.head)
	}
	return made(&p, trust, keys[i], when, len(token))
}

// trustOf returns the issuer by whose keys the signature is to be checked, nil for none: the one that the token says it is from. Nothing else of it is
// believed so far. A token of somebody else's has no keys looked for, nor asked for again: it may be for another policy.
func (v *verifier) trustOf(p *parsed) *trusted {
	if v.whoever != nil {
		return v.whoever
	}
	return v.issuers[issuerOf(p.text)]
}

// keys returns those that the token may be signed by. When it names one that is not known they are fetched again first.
func (t *trusted) keys(p *parsed, w wait) ([]*key, reason, error) {
	if t.ring.publisher != nil && t.ring.keys.Load() == nil {
		if err := w(t.ring.publisher.first); err != nil {
			return nil, good, err
		}
	}
	if !t.ring.usable(time.Now().UnixNano()) {
		return nil, noKeys, nil
	}
	keys := t.ring.fitting(p)
	if len(keys) == 0 && p.hasKid && t.ring.publisher != nil {
		if err := w(t.ring.publisher.again); err != nil {
			return nil, good, err
		}
		keys = t.ring.fitting(p)
	}
	if len(keys) == 0 {
		return nil, keyNo, nil
	}
	return keys, good, nil
}

// made is what is kept of a token whose signature is good.
func made(p *parsed, trust *trusted, k *key, when times, size int) (*verified, reason, error) {
	v := &verified{times: when, trust: trust, key: k, claims: p.claims, size: weight(p.text, size)}
	var ok bool
	if v.scopes, ok = scopes(p.claims); !ok {
		return nil, malformed, nil
	}
	for name, to := range map[string]*string{"iss": &v.issuer, "sub": &v.subject, "jti": &v.id} {
		text, is := p.claims[name].(string)
		if !is && p.claims[name] != nil {
			return nil, malformed, nil
		}
		*to = text
	}
	return v, good, nil
}

// weight is about what a token takes in memory once it is read, rather too much than too little: each object and each item has a price beside its text.
func weight(text []byte, size int) int64 {
	return int64(512 + 2*size + 400*bytes.Count(text, []byte{'{'}) + 100*bytes.Count(text, []byte{','}))
}

// auth is what expressions and the log know of a request with the token.
func (t *verified) auth() policy.Auth {
	return policy.Auth{Type: "jwt", Subject: t.subject, Issuer: t.issuer, Scopes: t.scopes, Claims: t.claims}
}

package identity

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/policy"
)

// A Why is the reason for which a credential is not good, in the words of log and metrics; "" when it is.
type Why string

// The reasons. Clients are told Address and Route apart from the others, since their credential is theirs.
const (
	Malformed Why = "malformed" // it cannot be anybody's
	Unknown   Why = "unknown"   // it is nobody's
	Expired   Why = "expired"
	Revoked   Why = "revoked"
	Orphaned  Why = "no_consumer" // its consumer is gone
	Address   Why = "address"     // it may not be used from there
	Route     Why = "route"       // or for this route
	Password  Why = "password"    // it is not that of the user
	Crowded   Why = "busy"        // nobody could check it: too many others are being checked

	// What policies find before they ask.
	Missing   Why = "missing_credentials"
	Ambiguous Why = "ambiguous" // there are two
	Guessing  Why = "guessing"  // its sender guesses, and has to wait
)

// A KeyVerdict is what comes of an API key.
type KeyVerdict struct {
	Why      Why
	ID       string           // of the key, "" when it is unknown
	Owner    string           // the name of the consumer that it was made for, also when it is not good
	Consumer *policy.Consumer // nil when it is not good

	key  *key  // of the store, nil for others
	ring *ring // what has it
	roll *roll
}

// Made says whether the key is one that a gateway made, which nobody can guess.
func (v KeyVerdict) Made() bool { return v.key != nil }

// Use notes that the key was good for a request at some time.
func (v KeyVerdict) Use(now time.Time) {
	if v.key != nil {
		v.roll.used(v.ring, v.key, now.UnixMilli())
	}
}

// Key says whose API key text is, and whether it is good for x. It takes as long for a key that is nobody's.
func (b *Book) Key(text string, x *policy.Exchange, now time.Time) KeyVerdict {
	if text == "" || len(text) > maxKey {
		return KeyVerdict{Why: Malformed}
	}
	if len(text) == keyLength && text[:len(keyPrefix)] == keyPrefix {
		if v, found := b.stored(text, x, now); found {
			return v
		}
	}
	if len(b.keys) > 0 {
		if k := b.keys[sha256.Sum256([]byte(text))]; k != nil {
			return k.verdict(x, now)
		}
	}
	if shapeOf(text) == broken {
		return KeyVerdict{Why: Malformed}
	}
	return KeyVerdict{Why: Unknown}
}

// stored looks a key of the store up.
func (b *Book) stored(text string, x *policy.Exchange, now time.Time) (v KeyVerdict, found bool) {
	k := b.registry.roll.Load()
	if k.digests == nil {
		return v, false
	}
	sum := k.digests.of(text)
	r := k.keys.Load()
	one := r.byHash(&sum)
	if one == nil {
		return v, false
	}
	h := r.holderOf(one)
	v = KeyVerdict{ID: r.idOf(one), Owner: h.name, key: one, ring: r, roll: k}
	if v.Why = one.why(now.UnixMilli()); v.Why != "" {
		return v, true
	}
	if rest := r.restOf(one); rest != nil {
		if v.Why = fits(rest.allowIPs, rest.routes, x); v.Why != "" {
			return v, true
		}
	}
	if v.Consumer = b.consumerOf(h); v.Consumer == nil {
		v.Why = Orphaned
	}
	return v, true
}

// consumerOf is the consumer of a holder: the document's, or else the store's.
func (b *Book) consumerOf(h *holder) *policy.Consumer {
	if len(b.consumers) > 0 {
		if c := b.consumers[h.name]; c != nil {
			return c
		}
	}
	return h.consumer.Load()
}

// why says what time has done to a key.
func (k *key) why(at int64) Why {
	if k.revoked.Load() != 0 {
		return Revoked
	}
	if end := k.expires.Load(); end != 0 && end <= at {
		return Expired
	}
	return ""
}

func (k *declaredKey) verdict(x *policy.Exchange, now time.Time) KeyVerdict {
	v := KeyVerdict{ID: k.id, Owner: k.consumer.Name}
	if v.Why = fits(k.allowIPs, k.routes, x); !k.expires.IsZero() && !now.Before(k.expires) {
		v.Why = Expired
	}
	if v.Why == "" {
		v.Consumer = k.consumer
	}
	return v
}

// fits says whether x comes from where, and goes to what, a key is for.
func fits(from []netip.Prefix, routes []string, x *policy.Exchange) Why {
	if len(from) > 0 {
		client := x.Client.Unmap().WithZone("")
		if !slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(client) }) {
			return Address
		}
	}
	if len(routes) > 0 && !slices.ContainsFunc(routes, func(r string) bool { return means(r, x) }) {
		return Route
	}
	return ""
}

// means says whether a name is that of x's route: as it is, or behind the name of its api and a slash, since routes of several apis may have one name.
func means(name string, x *policy.Exchange) bool {
	api, _ := strings.CutSuffix(name, x.Route)
	return name == x.Route || x.API != "" && len(api) == len(x.API)+1 && strings.HasPrefix(api, x.API) && api[len(x.API)] == '/'
}

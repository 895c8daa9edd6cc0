package identity

import (
	"cmp"
	"strings"

	"sallyport/policy"
)

func compareNames(a, b string) int { return cmp.Compare(a, b) }

// ByClaim returns the consumer that the claims of a token tell, nil when none do. The document's credentials come first, in its order, then
// those of the store, by the name of the claim. Only text tells a consumer.
func (b *Book) ByClaim(issuer string, claims map[string]any) *policy.Consumer {
	for _, name := range b.claimNames[issuer] {
		value, ok := claimText(claims, name)
		if !ok {
			continue
		}
		if consumer := b.claims[claim{issuer, name, value}]; consumer != "" {
			return b.Consumer(consumer)
		}
	}
	k := b.registry.roll.Load()
	names, _ := k.claimNames.find(issuer)
	for _, name := range names {
		value, ok := claimText(claims, name)
		if !ok {
			continue
		}
		if c, found := k.claims.find(claim{issuer, name, value}); found {
			return b.Consumer(c.Consumer)
		}
	}
	return nil
}

// claimText is what a claim says: that of the very name or, with dots, one within others.
func claimText(claims map[string]any, name string) (text string, ok bool) {
	if v, found := claims[name]; found {
		text, ok = v.(string)
		return text, ok
	}
	outer, inner, dotted := strings.Cut(name, ".")
	if !dotted {
		return "", false
	}
	within, ok := claims[outer].(map[string]any)
	if !ok {
		return "", false
	}
	return claimText(within, inner)
}

// ByCertificate returns the consumer that a client certificate tells, nil when it tells none: by the SHA-256 of it in hex digits, its subject, or
// one of its alternative names, in this order.
func (b *Book) ByCertificate(subject, fingerprint string, sans []string) *policy.Consumer {
	if c := b.certified(certificate{"fingerprint", plainFingerprint(fingerprint)}); c != nil && fingerprint != "" {
		return c
	}
	if c := b.certified(certificate{"subject", subject}); c != nil && subject != "" {
		return c
	}
	for _, san := range sans {
		if c := b.certified(certificate{"san", san}); c != nil {
			return c
		}
	}
	return nil
}

func (b *Book) certified(key certificate) *policy.Consumer {
	if name := b.certificates[key]; name != "" {
		return b.Consumer(name)
	}
	if c, found := b.registry.roll.Load().certificate.find(key); found {
		return b.Consumer(c.Consumer)
	}
	return nil
}

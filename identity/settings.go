package identity

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sallyport/schema"
)

// What the document says of consumers and plans. What the store keeps of credentials and plans is the same, as JSON.

// A Consumer is a registered client application as it stands in the document.
type Consumer struct {
	Name        string       `json:"name" required:"true" min:"1" max:"128" doc:"What the consumer is called in logs, metrics, expressions and listings."`
	Plan        string       `json:"plan" default:"" doc:"The plan whose limits hold for it."`
	Tags        []string     `json:"tags" one:"true" max:"64" doc:"Words for expressions to tell consumers apart by."`
	Credentials []Credential `json:"credentials" doc:"What it proves itself with: any number, of any kind; those that the store has for it count as well."`
}

// Check judges the name.
func (c *Consumer) Check() error {
	if err := checkName(c.Name); err != nil {
		return schema.At("name", err)
	}
	return nil
}

// checkName wants a name that needs no quotes anywhere.
func checkName(name string) error {
	if name == "" || len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd || r == '"' || r == '\\' }) {
		return fmt.Errorf("%q is no name; it is up to 128 characters without spaces, quotes and backslashes", name)
	}
	return nil
}

// A Credential is one proof of a consumer, of one kind.
type Credential struct {
	APIKey      *KeySettings         `json:"api_key" doc:"An API key, for the policy api_key."`
	Basic       *BasicSettings       `json:"basic" doc:"A user name and password, for the policy basic_auth."`
	JWT         *JWTSettings         `json:"jwt" doc:"A claim of a token, for the policy jwt."`
	Certificate *CertificateSettings `json:"certificate" doc:"A client certificate."`
}

// Check wants one kind.
func (c *Credential) Check() error {
	n := 0
	for _, given := range []bool{c.APIKey != nil, c.Basic != nil, c.JWT != nil, c.Certificate != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("a credential is of one kind: api_key, basic, jwt or certificate; this one has %d", n)
	}
	return nil
}

// KeySettings are an API key in the document.
type KeySettings struct {
	Value    schema.Secret  `json:"value" default:"" doc:"The key itself; better from outside, as ${env.ACME_KEY}."`
	Hash     KeyHash        `json:"hash" default:"" doc:"In place of the key, its hash: sha256: and 64 hex digits, as of printf %s KEY | sha256sum."`
	Expires  Moment         `json:"expires" default:"" doc:"When it ceases to be good."`
	AllowIPs []netip.Prefix `json:"allow_ips" one:"true" min:"1" doc:"Networks and addresses that it may be used from; from anywhere without."`
	Routes   []string       `json:"routes" one:"true" min:"1" doc:"Names of the routes that it is good for, API/NAME where several apis have one of a name; for all without."`
}

// Check wants the key in one way.
func (k *KeySettings) Check() error {
	if k.Value.Empty() != k.Hash.given {
		return errors.New("give the key as value or its hash as hash, one of the two")
	}
	if k.Value.Empty() {
		return nil
	}
	if why := badKey(k.Value.Reveal()); why != "" {
		return schema.At("value", errors.New(why))
	}
	return nil
}

// badKey says why nobody can use a key, "" when somebody can.
func badKey(text string) string {
	switch {
	case len(text) < 8:
		return "a key of fewer than 8 characters can be guessed; take a longer one, such as that of sallyport keys create"
	case len(text) > maxKey:
		return fmt.Sprintf("a key has at most %d characters", maxKey)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "a key is of printable ASCII characters without spaces, since it has to stand in a header"
	}
	return ""
}

// BasicSettings are a user name and password.
type BasicSettings struct {
	Username     string `json:"username" min:"1" max:"255" doc:"The user name, which no other consumer has."`
	PasswordHash Hash   `json:"password_hash" required:"true" doc:"The hash of the password: bcrypt ($2b$…) or argon2id ($argon2id$…)."`
}

// Check judges the name.
func (b *BasicSettings) Check() error {
	if strings.Contains(b.Username, ":") || strings.ContainsFunc(b.Username, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return schema.At("username", errors.New("a user name has no colon and no control characters (RFC 7617 §2)"))
	}
	return nil
}

// JWTSettings say which tokens are a consumer's.
type JWTSettings struct {
	Issuer string `json:"issuer" min:"1" doc:"The issuer of the token, as in its claim iss."`
	Claim  string `json:"claim" default:"sub" min:"1" doc:"The claim that tells the consumer, such as azp; one within another is written with dots."`
	Value  string `json:"value" min:"1" doc:"What the claim says in tokens of this consumer."`
}

// CertificateSettings say which client certificate is a consumer's.
type CertificateSettings struct {
	Subject     string `json:"subject" default:"" doc:"The certificate's subject, such as CN=acme,O=Acme."`
	Fingerprint string `json:"fingerprint" default:"" doc:"The SHA-256 of the certificate in hex digits; colons between them do not count."`
	SAN         string `json:"san" default:"" doc:"A subject alternative name: a host name, address, mail address or URI."`
}

// Check wants one way to know it.
func (c *CertificateSettings) Check() error {
	n := 0
	for _, text := range []string{c.Subject, c.Fingerprint, c.SAN} {
		if text != "" {
			n++
		}
	}
	if n != 1 {
		return errors.New("give subject, fingerprint or san, one of them")
	}
	if c.Fingerprint != "" {
		if b, err := hex.DecodeString(plainFingerprint(c.Fingerprint)); err != nil || len(b) != 32 {
			return schema.At("fingerprint", errors.New("it is no SHA-256: 64 hex digits, as of openssl x509 -noout -fingerprint -sha256"))
		}
	}
	return nil
}

// plainFingerprint is a fingerprint in one spelling.
func plainFingerprint(text string) string {
	text = strings.TrimPrefix(strings.ToLower(text), "sha256:")
	return strings.ReplaceAll(text, ":", "")
}

// A KeyHash is the SHA-256 of an API key, written as sha256: and hex digits. The zero value is none.
type KeyHash struct {
	sum   [32]byte
	given bool
}

// UnmarshalNode reads the setting. Its error does not repeat the text, which may be a key.
func (h *KeyHash) UnmarshalNode(n *schema.Node, path string) (errs schema.Errors) {
	n.Hashed = true
	if n.Text == "" && n.Kind == schema.String {
		return nil
	}
	digits, ok := strings.CutPrefix(strings.ToLower(n.Text), "sha256:")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != len(h.sum) {
		errs.Add(n, path, "write sha256: and the 64 hex digits of the key's SHA-256, as of printf %%s KEY | sha256sum")
		return errs
	}
	*h = KeyHash{[32]byte(b), true}
	return nil
}

// JSONSchema describes the setting for editors.
func (*KeyHash) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": "^(sha256:[0-9a-fA-F]{64}|.*\\$\\{.*)?$"}
}

// SchemaKind says what the setting is, for the reference.
func (*KeyHash) SchemaKind() string { return "sha256:HEX" }

// String does not show it.
func (h KeyHash) String() string { return "•••" }

// A Moment is a point in time in the document: a day, which begins in UTC, or RFC 3339.
type Moment struct{ time.Time }

// UnmarshalText reads it.
func (m *Moment) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*m = Moment{}
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if m.Time, err = time.Parse(layout, string(text)); err == nil {
			return nil
		}
	}
	return errors.New("write a time such as 2027-06-30 or 2027-06-30T12:00:00Z")
}

// PlanSettings are what a plan allows.
type PlanSettings struct {
	RateLimit *RateSettings `json:"rate_limit" doc:"How many requests each of its consumers may make in which time, over all routes together."`
	Quota     struct{}      `json:"quota" later:"quotas, which have to survive restarts, come with a later version; give a rate_limit such as 30000/day"`
}

// RateSettings are a plan's limits. They mean what those of the policy rate_limit do.
type RateSettings struct {
	Rate          *schema.Rate  `json:"rate" short:"true" doc:"How many requests in which time."`
	Limits        []schema.Rate `json:"limits" max:"8" doc:"Several rates in place of one: a request passes when all of them have room."`
	Burst         *int64        `json:"burst" min:"1" doc:"How many requests may come at once after a rest; as many as the rate has when it is not given."`
	Algorithm     string        `json:"algorithm" enum:"gcra,sliding_window,fixed_window" default:"gcra" doc:"How it is counted, as in the policy rate_limit."`
	LegacyHeaders bool          `json:"legacy_headers" doc:"Adds X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset to the answers."`
}

// Check judges the limits together.
func (r *RateSettings) Check() error {
	var errs []error
	switch {
	case r.Rate == nil && len(r.Limits) == 0:
		errs = append(errs, errors.New("it limits nothing; give rate or limits"))
	case r.Rate != nil && len(r.Limits) > 0:
		errs = append(errs, schema.At("limits", errors.New("rate is given as well; put all rates into limits")))
	}
	for i, a := range r.Limits {
		for _, b := range r.Limits[:i] {
			if a.Per == b.Per {
				errs = append(errs, schema.At(fmt.Sprintf("limits[%d]", i), fmt.Errorf("%v and %v are for the same time; keep the smaller one", b, a)))
			}
		}
	}
	switch {
	case r.Burst != nil && r.Algorithm != "gcra":
		errs = append(errs, schema.At("burst", fmt.Errorf("only the algorithm gcra knows a burst, %s does not", r.Algorithm)))
	case r.Burst != nil && len(r.Limits) > 0:
		errs = append(errs, schema.At("burst", errors.New("a burst belongs to rate; among limits, the rate for the shortest time bounds it")))
	}
	return errors.Join(errs...)
}

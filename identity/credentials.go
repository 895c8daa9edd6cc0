package identity

import (
	"cmp"
	"context"
	"slices"

	"sallyport/schema"
	"sallyport/store"
)

// A CredentialSpec is a credential of another kind than an API key.
type CredentialSpec struct {
	Consumer string
	Kind     string // basic, jwt or certificate
	Settings []byte // JSON, as in the document; basic may have password in place of password_hash
}

var (
	basicType       = schema.Of[BasicSettings]()
	jwtType         = schema.Of[JWTSettings]()
	certificateType = schema.Of[CertificateSettings]()
	planType        = schema.Of[PlanSettings]()
)

// readCredential reads the settings of a record.
func readCredential(kind string, settings []byte) (c Credential, errs schema.Errors) {
	n, errs := schema.Parse("", settings)
	if len(errs) > 0 {
		return c, errs
	}
	return decodeCredential(kind, n)
}

func decodeCredential(kind string, n *schema.Node) (c Credential, errs schema.Errors) {
	switch kind {
	case "basic":
		c.Basic = &BasicSettings{}
		errs = basicType.Decode(n, c.Basic, kind)
	case "jwt":
		c.JWT = &JWTSettings{}
		errs = jwtType.Decode(n, c.JWT, kind)
	case "certificate":
		c.Certificate = &CertificateSettings{}
		errs = certificateType.Decode(n, c.Certificate, kind)
	default:
		errs.Add(n, "kind", "a credential is basic, jwt or certificate; API keys are made as keys")
	}
	return c, errs
}

// hashPassword replaces the password in the settings of a basic credential by its hash, which takes as long as to check one.
func (r *Registry) hashPassword(n *schema.Node) error {
	password := n.Field("password")
	if password == nil || n.Field("password_hash") != nil {
		return nil // decoding reports both as well as neither
	}
	if password.Kind != schema.String {
		return wrong("settings.password", "a password is text")
	}
	if !r.passwords.enter() {
		return ErrBusy
	}
	hash, err := HashPassword(password.Text)
	r.passwords.leave()
	if err != nil {
		return wrong("settings.password", "%v", err)
	}
	fields := slices.DeleteFunc(slices.Clone(n.Fields), func(f *schema.Field) bool { return f.Name == "password" })
	n.Fields = append(fields, &schema.Field{Name: "password_hash", Node: &schema.Node{Kind: schema.String, Text: hash, Literal: true}})
	return nil
}

// CreateCredential gives a consumer a credential that nobody has.
func (r *Registry) CreateCredential(ctx context.Context, spec CredentialSpec) (rec store.CredentialRecord, err error) {
	n, errs := schema.Parse("settings", spec.Settings)
	if len(errs) > 0 || n.Kind != schema.Map {
		return rec, wrong("settings", "they are no JSON object")
	}
	if spec.Kind == "basic" { // before the lock: it takes a while
		if err := r.hashPassword(n); err != nil {
			return rec, err
		}
	}
	settings, errs := decodeCredential(spec.Kind, n)
	if len(errs) > 0 {
		return rec, &Invalid{errs[0].Path, errs[0].Msg}
	}
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if !r.hasConsumer(k, spec.Consumer) {
			return store.Change{}, nil, wrong("consumer", "there is no consumer %q", spec.Consumer)
		}
		if what, name, taken := r.taken(k, &settings); taken {
			return store.Change{}, nil, there(what, name)
		}
		rec = store.CredentialRecord{ID: newID("c"), Consumer: spec.Consumer, Kind: spec.Kind, Settings: schema.AppendJSON(nil, n), Created: now()}
		return store.Change{Put: store.Records{Credentials: []store.CredentialRecord{rec}}}, func() {
			k.putCredential(&credential{rec, settings})
		}, nil
	})
	return rec, err
}

// taken says whether somebody has such a credential, in the store or in the document in service.
func (r *Registry) taken(k *roll, c *Credential) (what, name string, taken bool) {
	b := r.served.Load()
	if b == nil {
		b = &Book{}
	}
	switch {
	case c.Basic != nil:
		_, taken = k.users.find(c.Basic.Username)
		return "user", c.Basic.Username, taken || b.users[c.Basic.Username] != nil
	case c.JWT != nil:
		_, taken = k.claims.find(c.JWT.key())
		return "claim", c.JWT.Claim + "=" + c.JWT.Value, taken || b.claims[c.JWT.key()] != ""
	}
	key := c.Certificate.key()
	_, taken = k.certificate.find(key)
	return "certificate", key.value, taken || b.certificates[key] != ""
}

func (j *JWTSettings) key() claim { return claim{j.Issuer, j.Claim, j.Value} }

func (c *CertificateSettings) key() certificate {
	switch {
	case c.Fingerprint != "":
		return certificate{"fingerprint", plainFingerprint(c.Fingerprint)}
	case c.SAN != "":
		return certificate{"san", c.SAN}
	}
	return certificate{"subject", c.Subject}
}

func (k *roll) putCredential(c *credential) {
	k.credentials.put(c.ID, c)
	switch s := &c.settings; {
	case s.Basic != nil:
		k.users.put(s.Basic.Username, c)
		k.rehash()
	case s.JWT != nil:
		k.claims.put(s.JWT.key(), c)
		before, _ := k.claimNames.find(s.JWT.Issuer)
		k.claimNames.put(s.JWT.Issuer, withName(before, s.JWT.Claim))
	case s.Certificate != nil:
		k.certificate.put(s.Certificate.key(), c)
	}
}

func (k *roll) dropCredential(c *credential) {
	k.credentials.drop(c.ID)
	switch s := &c.settings; {
	case s.Basic != nil:
		if now, _ := k.users.find(s.Basic.Username); now == c {
			k.users.drop(s.Basic.Username)
			k.rehash()
		}
	case s.JWT != nil:
		if now, _ := k.claims.find(s.JWT.key()); now == c {
			k.claims.drop(s.JWT.key())
		}
	case s.Certificate != nil:
		if now, _ := k.certificate.find(s.Certificate.key()); now == c {
			k.certificate.drop(s.Certificate.key())
		}
	}
}

func (k *roll) credentialsOf(consumer string) (all []*credential) {
	for _, c := range k.credentials.all() {
		if consumer == "" || c.Consumer == consumer {
			all = append(all, c)
		}
	}
	return all
}

// RemoveCredential takes a credential back: the next request with it is refused.
func (r *Registry) RemoveCredential(ctx context.Context, id string) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		c, found := k.credentials.find(id)
		if !found {
			return store.Change{}, nil, none("credential", id)
		}
		return store.Change{Remove: store.Removed{Credentials: []string{id}}}, func() { k.dropCredential(c) }, nil
	})
}

// Credentials returns the records of a consumer's credentials, of all with "", the oldest first. Their settings hold hashes of passwords, which are
// to be shown to nobody; see Shown.
func (r *Registry) Credentials(consumer string) []store.CredentialRecord {
	var out []store.CredentialRecord
	for _, c := range r.roll.Load().credentialsOf(consumer) {
		out = append(out, c.CredentialRecord)
	}
	slices.SortFunc(out, func(a, b store.CredentialRecord) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Shown is the settings of a credential without what would help to guess a password.
func Shown(rec *store.CredentialRecord) map[string]string {
	c, errs := readCredential(rec.Kind, rec.Settings)
	switch {
	case len(errs) > 0:
		return map[string]string{}
	case c.Basic != nil:
		return map[string]string{"username": c.Basic.Username}
	case c.JWT != nil:
		return map[string]string{"issuer": c.JWT.Issuer, "claim": c.JWT.Claim, "value": c.JWT.Value}
	}
	key := c.Certificate.key()
	return map[string]string{key.what: key.value}
}

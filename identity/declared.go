package identity

import (
	"cmp"
	"slices"

	"sallyport/schema"
	"sallyport/store"
)

// This file is what the document says, in the shape of what the store has, for those who list both.

// declare keeps a credential of the document, of another kind than an API key.
func (m *bookMaker) declare(id, consumer, kind string, settings *schema.Node) {
	m.declared.credentials = append(m.declared.credentials, store.CredentialRecord{ID: id, Consumer: consumer, Kind: kind, Settings: schema.AppendJSON(nil, settings)})
}

// declared is what only listings need.
type declared struct {
	credentials []store.CredentialRecord
	plans       []store.PlanRecord
}

// DeclaredKeys are the API keys of the document, by ID. Nothing of the keys themselves is in them.
func (b *Book) DeclaredKeys() []store.KeyRecord {
	var out []store.KeyRecord
	for _, k := range b.keys {
		out = append(out, store.KeyRecord{ID: k.id, Consumer: k.consumer.Name, AllowIPs: k.allowIPs, Routes: k.routes, Expires: k.expires})
	}
	slices.SortFunc(out, func(a, b store.KeyRecord) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// DeclaredCredentials are the others of the document, in its order; see Shown.
func (b *Book) DeclaredCredentials() []store.CredentialRecord { return b.declared.credentials }

// DeclaredPlans are those of the document, by name.
func (b *Book) DeclaredPlans() []store.PlanRecord { return b.declared.plans }

package store

import (
	"net/netip"
	"time"
)

// This file is what the durable store keeps of who may come in. Records are values: what is read from a store and what is
// written to it share no memory with anything else. None holds a secret that could be shown.

// A ConsumerRecord is a registered client application.
type ConsumerRecord struct {
	Name    string // unique, as in the document
	Plan    string // "" for none
	Tags    []string
	Created time.Time
	Updated time.Time
}

// A KeyRecord is an API key, never the key itself.
type KeyRecord struct {
	ID       string   // names the key to people; unique and no secret
	Consumer string   // of which consumer, who may stand in the document
	Label    string   // what somebody wants to know it by
	Prefix   string   // the first characters of the key, to recognise a leaked one by
	Hash     [32]byte // HMAC-SHA256 of the key under the store's pepper
	AllowIPs []netip.Prefix
	Routes   []string // names of routes that it is good for, all when empty
	Created  time.Time
	Expires  time.Time // zero for never
	Revoked  time.Time // zero for not
	LastUsed time.Time // zero for never; may lag behind by a minute
	Replaces string    // the ID of the key that it was made to replace, "" for none
}

// A CredentialRecord is a credential of another kind: basic, jwt or certificate.
type CredentialRecord struct {
	ID       string
	Consumer string
	Kind     string // as in the document
	Settings []byte // JSON of its settings as in the document; passwords are hashed
	Created  time.Time
}

// A PlanRecord is a plan.
type PlanRecord struct {
	Name     string
	Settings []byte // JSON of its settings as in the document
	Created  time.Time
	Updated  time.Time
}

// A RevocationRecord takes tokens back before they expire: that with ID, or all of Subject that were issued before Before.
type RevocationRecord struct {
	Issuer  string
	ID      string // jti, "" when a subject is meant
	Subject string
	Before  time.Time // for a subject: tokens issued before it are not good any more
	Until   time.Time // when the record may be forgotten
	Created time.Time
}

// Records are everything that a store keeps of who may come in.
type Records struct {
	Consumers   []ConsumerRecord
	Keys        []KeyRecord
	Credentials []CredentialRecord
	Plans       []PlanRecord
	Revocations []RevocationRecord
}

// A Change is what is written in one transaction: all of it or nothing. Records that are put replace those of the same name or
// ID; what is removed need not be there. A consumer that is removed takes keys and credentials of the store along.
type Change struct {
	Put    Records
	Remove Removed
}

// Removed names records.
type Removed struct {
	Consumers   []string           // names
	Keys        []string           // IDs
	Credentials []string           // IDs
	Plans       []string           // names
	Revocations []RevocationRecord // by Issuer, ID and Subject
}

package test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"path/filepath"
	"time"

	"sallyport/identity"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/store/sqlite"
)

// This file gives the gateway of a script a store, a real one in a folder of its own, and has somebody change what is in it.

// A seeding is what a store section says.
type seeding struct {
	Plans       map[string]*schema.Node `json:"plans" doc:"Plans, as in the document."`
	Consumers   []seedConsumer          `json:"consumers" doc:"Consumers; one that is there is changed."`
	Keys        []seedKey               `json:"keys" doc:"API keys."`
	Credentials []*schema.Node          `json:"credentials" doc:"Credentials of other kinds, each with its consumer."`
	Revoke      []string                `json:"revoke" doc:"IDs of keys that are revoked."`
	Tokens      []seedRevocation        `json:"tokens" doc:"Tokens that are taken back."`
	Remove      struct {
		Consumers []string `json:"consumers" doc:"Names."`
		Keys      []string `json:"keys" doc:"IDs."`
	} `json:"remove" doc:"What is removed."`
}

type seedConsumer struct {
	Name string   `json:"name" doc:"Its name."`
	Plan string   `json:"plan" default:"" doc:"Its plan."`
	Tags []string `json:"tags" doc:"Its tags."`
}

type seedKey struct {
	Key      string         `json:"key" doc:"The key."`
	ID       string         `json:"id" doc:"Its ID."`
	Consumer string         `json:"consumer" doc:"Whose it is."`
	Expires  time.Duration  `json:"expires" default:"none" doc:"After which time it is no good any more."`
	AllowIPs []netip.Prefix `json:"allow_ips" doc:"Where it may come from."`
	Routes   []string       `json:"routes" doc:"What it is good for."`
}

type seedRevocation struct {
	Issuer  string        `json:"issuer" default:"" doc:"Whose tokens; everybody's without."`
	ID      string        `json:"id" default:"" doc:"The jti of one."`
	Subject string        `json:"subject" default:"" doc:"Whose tokens of before now."`
	For     time.Duration `json:"for" default:"24h" doc:"How long."`
}

var seedingType = schema.Of[seeding]()

// keep plays a store section.
func (p *player) keep(_ string, data []byte) error {
	n, errs := schema.Parse("store", data)
	var s seeding
	if len(errs) == 0 {
		errs = seedingType.Decode(n, &s, "")
	}
	if len(errs) > 0 {
		return errs
	}
	if p.gate == nil {
		p.gate = newGate(p)
	}
	if p.store == nil {
		var err error
		if p.store, err = sqlite.Create(context.Background(), filepath.Join(p.t.TempDir(), "sallyport.db"), p.gate.Log()); err != nil {
			return err
		}
		if err := p.gate.Identity().Attach(p.store, p.store.Pepper()); err != nil {
			return err
		}
	}
	return s.plant(p.gate.Identity(), p.store)
}

// plant makes the changes one by one, as the admin side would.
func (s *seeding) plant(r *identity.Registry, real *sqlite.Store) error {
	ctx := context.Background()
	var all []error
	did := func(err error) { all = append(all, err) }
	for name, n := range s.Plans {
		_, err := r.PutPlan(ctx, name, schema.AppendJSON(nil, n))
		did(err)
	}
	for _, c := range s.Consumers {
		_, err := r.CreateConsumer(ctx, identity.ConsumerSpec(c))
		if errors.Is(err, identity.ErrThere) {
			_, err = r.UpdateConsumer(ctx, identity.ConsumerSpec(c))
		}
		did(err)
	}
	for _, n := range s.Credentials {
		did(plantCredential(r, n))
	}
	for _, v := range s.Tokens {
		_, err := r.Revoke(ctx, store.RevocationRecord{Issuer: v.Issuer, ID: v.ID, Subject: v.Subject, Until: time.Now().Add(v.For)})
		did(err)
	}
	did(s.plantKeys(r, real))
	for _, id := range s.Revoke {
		did(r.RevokeKey(ctx, id))
	}
	for _, id := range s.Remove.Keys {
		did(r.RemoveKey(ctx, id))
	}
	for _, name := range s.Remove.Consumers {
		did(r.RemoveConsumer(ctx, name))
	}
	return errors.Join(all...)
}

// plantCredential makes what has the kind and its settings beside the consumer.
func plantCredential(r *identity.Registry, n *schema.Node) error {
	spec := identity.CredentialSpec{}
	for _, f := range n.Entries() {
		if f.Name == "consumer" {
			spec.Consumer = f.Node.Text
			continue
		}
		spec.Kind, spec.Settings = f.Name, schema.AppendJSON(nil, f.Node)
	}
	_, err := r.CreateCredential(context.Background(), spec)
	return err
}

// plantKeys writes keys past the registry, which would choose them itself, and has it read the store anew.
func (s *seeding) plantKeys(r *identity.Registry, real *sqlite.Store) error {
	if len(s.Keys) == 0 {
		return nil
	}
	var c store.Change
	for _, k := range s.Keys {
		rec := store.KeyRecord{
			ID: k.ID, Consumer: k.Consumer, Prefix: k.Key[:min(11, len(k.Key))],
			AllowIPs: k.AllowIPs, Routes: k.Routes, Created: time.Now(),
		}
		if k.Expires > 0 {
			rec.Expires = time.Now().Add(k.Expires)
		}
		mac := hmac.New(sha256.New, real.Pepper())
		mac.Write([]byte(k.Key))
		mac.Sum(rec.Hash[:0])
		c.Put.Keys = append(c.Put.Keys, rec)
	}
	if err := real.Apply(context.Background(), c); err != nil {
		return err
	}
	return r.Attach(real, real.Pepper())
}

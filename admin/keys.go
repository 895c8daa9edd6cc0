package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"sallyport/identity"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
)

// This file is API keys. A key is shown once, in the answer to the request that makes it.

// A Key is an API key as it is shown: what is known of it, never the key.
type Key struct {
	ID       string         `json:"id"`
	Consumer string         `json:"consumer"`
	Label    string         `json:"label,omitempty"`
	Prefix   string         `json:"prefix,omitempty"` // its first characters
	State    string         `json:"state"`            // "good", "expired" or "revoked"
	Source   string         `json:"source"`           // "document" or "store"
	AllowIPs []netip.Prefix `json:"allow_ips,omitempty"`
	Routes   []string       `json:"routes,omitempty"`
	Created  *time.Time     `json:"created,omitempty"`
	Expires  *time.Time     `json:"expires,omitempty"`
	Revoked  *time.Time     `json:"revoked,omitempty"`
	LastUsed *time.Time     `json:"last_used,omitempty"` // may lag behind by a minute
	Replaces string         `json:"replaces,omitempty"`  // the ID of the key that it was made to replace
}

// Keys is a page of them.
type Keys struct {
	Keys []Key  `json:"keys"`
	Next string `json:"next,omitempty"` // what to ask for after, for the next page
}

// A NewKey is a key that was just made.
type NewKey struct {
	Key
	Secret   string   `json:"key"` // the key itself, this once
	Warnings []string `json:"warnings,omitempty"`
}

func storedKey(rec *store.KeyRecord) Key {
	k := Key{
		ID: rec.ID, Consumer: rec.Consumer, Label: rec.Label, Prefix: rec.Prefix, State: "good", Source: fromStore, AllowIPs: rec.AllowIPs, Routes: rec.Routes,
		Created: moment(rec.Created), Expires: moment(rec.Expires), Revoked: moment(rec.Revoked), LastUsed: moment(rec.LastUsed), Replaces: rec.Replaces,
	}
	switch {
	case !rec.Revoked.IsZero():
		k.State = "revoked"
	case !rec.Expires.IsZero() && !rec.Expires.After(time.Now()):
		k.State = "expired"
	}
	return k
}

// declaredKeys are those of the document, by ID.
func (s *Server) declaredKeys(f identity.KeyFilter) (all []Key) {
	for _, rec := range s.book().DeclaredKeys() {
		k := storedKey(&rec)
		k.Source = fromDocument
		if (f.Consumer == "" || f.Consumer == k.Consumer) && (!f.Good || k.State == "good") {
			all = append(all, k)
		}
	}
	return all
}

// keys lists those of the document first, then those of the store, the oldest first.
func (s *Server) keys(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p, filters, bad := asked(r, "consumer", "state", "source")
	if bad != nil {
		return bad
	}
	state := filters["state"]
	if state != "" && state != "good" {
		return problem.BadRequest.New("state can be good, for keys that are neither revoked nor expired.")
	}
	f := identity.KeyFilter{Consumer: filters["consumer"], Good: state == "good", After: p.after}
	registry := s.book().Registry()
	_, stored := registry.Key(p.after)
	var shown []Key
	if !stored && filters["source"] != fromStore {
		f.After = ""
		if shown, _, bad = cut(s.declaredKeys(f), page{p.after, p.limit + 1}, func(k *Key) string { return k.ID }); bad != nil {
			return bad
		}
	} else if !stored && p.after != "" {
		return lost()
	}
	if filters["source"] != fromDocument && len(shown) <= p.limit {
		f.Limit = p.limit + 1 - len(shown)
		for _, rec := range registry.Keys(f) {
			shown = append(shown, storedKey(&rec))
		}
	}
	out := Keys{Keys: list(shown)}
	if len(shown) > p.limit {
		out.Keys = shown[:p.limit]
		out.Next = out.Keys[p.limit-1].ID
	}
	return s.show(w, out)
}

// key returns one by its ID, nil when there is none.
func (s *Server) key(id string) *Key {
	if rec, found := s.book().Registry().Key(id); found {
		k := storedKey(&rec)
		return &k
	}
	for _, k := range s.declaredKeys(identity.KeyFilter{}) {
		if k.ID == id {
			return &k
		}
	}
	return nil
}

func (s *Server) showKey(w http.ResponseWriter, r *http.Request) *problem.Problem {
	k := s.key(r.PathValue("key"))
	if k == nil {
		return noKey(r)
	}
	return s.show(w, k)
}

func noKey(r *http.Request) *problem.Problem {
	return notFound.New("There is no key %q; the ID of a key is meant, such as k_…, not the key.", shortened(r.PathValue("key")))
}

// shortened keeps a key that was sent in place of its ID out of answers and logs.
func shortened(id string) string {
	if strings.HasPrefix(id, "sp_") {
		return id[:min(len(id), 3)] + "…"
	}
	return id
}

// A keyOrder is what a key is to be like.
type keyOrder struct {
	Consumer string    `json:"consumer"`
	Label    string    `json:"label"`
	Expires  later     `json:"expires"`
	AllowIPs []network `json:"allow_ips"`
	Routes   []string  `json:"routes"`
}

// A later moment is written as a time, or as how long it is until then.
type later struct{ time.Time }

// UnmarshalJSON reads it.
func (l *later) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return &wrongValue{"a time is text"}
	}
	if text == "" || text == "never" {
		return nil
	}
	if d, err := schema.ParseDuration(text); err == nil {
		if d <= 0 {
			return &wrongValue{"a time that is over when it begins"}
		}
		l.Time = time.Now().Add(d)
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			l.Time = t
			return nil
		}
	}
	return &wrongValue{"a time is written as 90d, 2027-06-30 or 2027-06-30T12:00:00Z"}
}

// A network is one, or an address.
type network struct{ netip.Prefix }

// UnmarshalJSON reads it.
func (n *network) UnmarshalJSON(b []byte) (err error) {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return &wrongValue{"a network is text"}
	}
	if n.Prefix, err = schema.ParsePrefix(text); err != nil {
		return &wrongValue{"allow_ips: " + err.Error()}
	}
	return nil
}

func (s *Server) createKey(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o keyOrder
	if p := order(w, r, &o, `{"consumer": "acme", "label": "ci", "expires": "90d", "allow_ips": ["10.0.0.0/8"], "routes": ["GET /orders"]}`); p != nil {
		return p
	}
	r.SetPathValue("consumer", o.Consumer)
	spec := identity.KeySpec{Consumer: o.Consumer, Label: o.Label, Routes: o.Routes, Expires: o.Expires.Time}
	for _, n := range o.AllowIPs {
		spec.AllowIPs = append(spec.AllowIPs, n.Prefix)
	}
	secret, rec, err := s.book().Registry().CreateKey(r.Context(), spec)
	if err != nil {
		return refusedChange(err)
	}
	return s.madeKey(w, r, secret, &rec)
}

func (s *Server) madeKey(w http.ResponseWriter, r *http.Request, secret string, rec *store.KeyRecord) *problem.Problem {
	r.SetPathValue("key", rec.ID)
	r.SetPathValue("consumer", rec.Consumer)
	return s.made(w, "/api/keys/"+rec.ID, NewKey{storedKey(rec), secret, s.unknownRoutes(rec.Routes)})
}

// usualOverlap is how long a key that was replaced stays good when nobody says.
const usualOverlap = 24 * time.Hour

func (s *Server) rotateKey(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o struct {
		Overlap *lasting `json:"overlap"`
	}
	if p := order(w, r, &o, `{"overlap": "24h"}`); p != nil {
		return p
	}
	overlap := usualOverlap
	if o.Overlap != nil {
		overlap = o.Overlap.Duration
	}
	if p := s.mutableKey(r); p != nil {
		return p
	}
	secret, rec, err := s.book().Registry().RotateKey(r.Context(), r.PathValue("key"), overlap)
	if err != nil {
		return refusedChange(err)
	}
	r.SetPathValue("replaces", rec.Replaces)
	return s.madeKey(w, r, secret, &rec)
}

// A lasting time is written as 24h, or as 0 for none.
type lasting struct{ time.Duration }

// UnmarshalJSON reads it.
func (l *lasting) UnmarshalJSON(b []byte) (err error) {
	text := strings.Trim(string(b), `"`)
	if text == "0" {
		return nil
	}
	if l.Duration, err = schema.ParseDuration(text); err != nil {
		return &wrongValue{"overlap is how long, such as 24h, or 0 to revoke the key at once"}
	}
	return nil
}

// mutableKey says why the key that r names cannot be changed.
func (s *Server) mutableKey(r *http.Request) *problem.Problem {
	k := s.key(r.PathValue("key"))
	switch {
	case k == nil:
		return noKey(r)
	case k.Source == fromDocument:
		return inDocument("key", k.ID)
	}
	r.SetPathValue("consumer", k.Consumer)
	return nil
}

func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request) *problem.Problem {
	if p := s.mutableKey(r); p != nil {
		return p
	}
	if err := s.book().Registry().RevokeKey(r.Context(), r.PathValue("key")); err != nil {
		return refusedChange(err)
	}
	return s.showKey(w, r)
}

// deleteKey forgets a key; it is refused from then on as one that there never was.
func (s *Server) deleteKey(w http.ResponseWriter, r *http.Request) *problem.Problem {
	if p := s.mutableKey(r); p != nil {
		return p
	}
	if err := s.book().Registry().RemoveKey(r.Context(), r.PathValue("key")); err != nil {
		return refusedChange(err)
	}
	return gone(w)
}

package admin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"sallyport/identity"
	"sallyport/problem"
	"sallyport/store"
)

// This file is credentials of other kinds than API keys. Passwords come in and are hashed; neither they nor their hashes are shown.

// A Credential is one as it is shown.
type Credential struct {
	ID       string            `json:"id"`
	Consumer string            `json:"consumer"`
	Kind     string            `json:"kind"`     // "basic", "jwt" or "certificate"
	Settings map[string]string `json:"settings"` // as in the document, without passwords and their hashes
	Source   string            `json:"source"`   // "document" or "store"
	Created  *time.Time        `json:"created,omitempty"`
}

// Credentials is a page of them.
type Credentials struct {
	Credentials []Credential `json:"credentials"`
	Next        string       `json:"next,omitempty"`
}

func shownCredential(rec *store.CredentialRecord, source string) Credential {
	return Credential{rec.ID, rec.Consumer, rec.Kind, identity.Shown(rec), source, moment(rec.Created)}
}

// allCredentials are those of the document and of the store.
func (s *Server) allCredentials() (all []Credential) {
	b := s.book()
	for _, rec := range b.DeclaredCredentials() {
		all = append(all, shownCredential(&rec, fromDocument))
	}
	for _, rec := range b.Registry().Credentials("") {
		all = append(all, shownCredential(&rec, fromStore))
	}
	slices.SortFunc(all, func(a, b Credential) int { return cmp.Or(cmp.Compare(a.Consumer, b.Consumer), cmp.Compare(a.ID, b.ID)) })
	return all
}

// credential returns one by its ID, nil when there is none.
func (s *Server) credential(id string) *Credential {
	for _, c := range s.allCredentials() {
		if c.ID == id {
			return &c
		}
	}
	return nil
}

func (s *Server) credentials(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p, filters, bad := asked(r, "consumer", "kind", "source")
	if bad != nil {
		return bad
	}
	all := slices.DeleteFunc(s.allCredentials(), func(c Credential) bool {
		return other(filters, "consumer", c.Consumer) || other(filters, "kind", c.Kind) || other(filters, "source", c.Source)
	})
	some, next, bad := cut(all, p, func(c *Credential) string { return c.ID })
	if bad != nil {
		return bad
	}
	return s.show(w, Credentials{list(some), next})
}

func (s *Server) showCredential(w http.ResponseWriter, r *http.Request) *problem.Problem {
	c := s.credential(r.PathValue("credential"))
	if c == nil {
		return noCredential(r)
	}
	return s.show(w, c)
}

func noCredential(r *http.Request) *problem.Problem {
	return notFound.New("There is no credential %q.", r.PathValue("credential"))
}

func (s *Server) createCredential(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o struct {
		Consumer string          `json:"consumer"`
		Kind     string          `json:"kind"`
		Settings json.RawMessage `json:"settings"`
	}
	if p := order(w, r, &o, `{"consumer": "acme", "kind": "basic", "settings": {"username": "acme", "password": "…"}}`); p != nil {
		return p
	}
	r.SetPathValue("consumer", o.Consumer)
	if len(o.Settings) == 0 || o.Settings[0] != '{' {
		return problem.BadRequest.New("settings are missing.")
	}
	rec, err := s.book().Registry().CreateCredential(r.Context(), identity.CredentialSpec{Consumer: o.Consumer, Kind: o.Kind, Settings: o.Settings})
	if err != nil {
		return refusedChange(err)
	}
	r.SetPathValue("credential", rec.ID)
	return s.made(w, "/api/credentials/"+rec.ID, shownCredential(&rec, fromStore))
}

func (s *Server) deleteCredential(w http.ResponseWriter, r *http.Request) *problem.Problem {
	now := s.credential(r.PathValue("credential"))
	switch {
	case now == nil:
		return noCredential(r)
	case now.Source == fromDocument:
		return inDocument("credential", now.ID)
	}
	r.SetPathValue("consumer", now.Consumer)
	if err := s.book().Registry().RemoveCredential(r.Context(), now.ID); err != nil {
		return refusedChange(err)
	}
	return gone(w)
}

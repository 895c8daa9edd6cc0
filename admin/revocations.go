package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sallyport/problem"
	"sallyport/store"
)

// This file takes tokens back before they expire: one by its ID, or all of a subject that were issued up to some time.

// A Revocation is one as it is shown.
type Revocation struct {
	ID      string     `json:"id"` // of the revocation
	Issuer  string     `json:"issuer,omitempty"`
	JTI     string     `json:"jti,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Before  *time.Time `json:"before,omitempty"` // tokens of the subject issued until then are not good any more
	Until   *time.Time `json:"until,omitempty"`  // when it is forgotten
	Created *time.Time `json:"created,omitempty"`
}

// Revocations is a page of them.
type Revocations struct {
	Revocations []Revocation `json:"revocations"`
	Next        string       `json:"next,omitempty"`
}

func shownRevocation(rec *store.RevocationRecord) Revocation {
	return Revocation{revocationID(rec), rec.Issuer, rec.ID, rec.Subject, moment(rec.Before), moment(rec.Until), moment(rec.Created)}
}

// revocationID names a revocation by what it is of.
func revocationID(rec *store.RevocationRecord) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", rec.Issuer, rec.ID, rec.Subject))
	return "r_" + hex.EncodeToString(sum[:10])
}

func (s *Server) revocations(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p, filters, bad := asked(r, "issuer", "subject", "jti")
	if bad != nil {
		return bad
	}
	all := slices.DeleteFunc(s.book().Registry().Revocations(), func(rec store.RevocationRecord) bool {
		return other(filters, "issuer", rec.Issuer) || other(filters, "subject", rec.Subject) || other(filters, "jti", rec.ID)
	})
	some, next, bad := cut(all, p, revocationID)
	if bad != nil {
		return bad
	}
	out := Revocations{[]Revocation{}, next}
	for i := range some {
		out.Revocations = append(out.Revocations, shownRevocation(&some[i]))
	}
	return s.show(w, out)
}

// revocation returns the record of one by its ID, nil when there is none.
func (s *Server) revocation(id string) *store.RevocationRecord {
	for _, rec := range s.book().Registry().Revocations() {
		if revocationID(&rec) == id {
			return &rec
		}
	}
	return nil
}

func (s *Server) showRevocation(w http.ResponseWriter, r *http.Request) *problem.Problem {
	rec := s.revocation(r.PathValue("revocation"))
	if rec == nil {
		return noRevocation(r)
	}
	return s.show(w, shownRevocation(rec))
}

func noRevocation(r *http.Request) *problem.Problem {
	return notFound.New("There is no revocation %q.", r.PathValue("revocation"))
}

// usuallyKept is how long a revocation is kept when nobody says: longer than tokens are good.
const usuallyKept = 366 * 24 * time.Hour

func (s *Server) createRevocation(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o struct {
		Issuer  string `json:"issuer"`
		JTI     string `json:"jti"`
		Subject string `json:"subject"`
		Before  later  `json:"before"`
		Until   later  `json:"until"`
	}
	if p := order(w, r, &o, `{"issuer": "https://idp.example.com", "jti": "…"}, or with "subject" and "before" in place of jti`); p != nil {
		return p
	}
	switch {
	case !o.Before.IsZero() && o.Subject == "":
		return problem.BadRequest.New("before goes with a subject; a token that is named by its jti is taken back whenever it was issued.")
	case o.Until.IsZero():
		o.Until.Time = time.Now().Add(usuallyKept)
	}
	rec, err := s.book().Registry().Revoke(r.Context(), store.RevocationRecord{Issuer: o.Issuer, ID: o.JTI, Subject: o.Subject, Before: o.Before.Time, Until: o.Until.Time})
	if err != nil {
		return refusedChange(err)
	}
	shown := shownRevocation(&rec)
	for name, value := range map[string]string{"revocation": shown.ID, "issuer": rec.Issuer, "jti": rec.ID, "subject": rec.Subject} {
		r.SetPathValue(name, value)
	}
	return s.made(w, "/api/revocations/"+shown.ID, shown)
}

func (s *Server) deleteRevocation(w http.ResponseWriter, r *http.Request) *problem.Problem {
	rec := s.revocation(r.PathValue("revocation"))
	if rec == nil {
		return noRevocation(r)
	}
	if err := s.book().Registry().Unrevoke(r.Context(), *rec); err != nil {
		return refusedChange(err)
	}
	return gone(w)
}

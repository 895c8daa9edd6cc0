package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"sallyport/gateway"
	"sallyport/identity"
	"sallyport/schema"
	"sallyport/wire"
)

// This file is who may come in: consumers, keys, credentials, plans and revocations. A gateway that runs is asked for them; while none
// does, a command that opened the store itself asks the same way (Direct), so that keys can be made before the first start.

// A people is what the endpoints about who may come in ask.
type people struct {
	log        *slog.Logger
	book       func() *identity.Book
	routeNames func() []string                              // nil when nobody knows
	data       func() string                                // a folder for what is written for a moment
	copyStore  func(ctx context.Context, file string) error // into a file that is not there
	changing   sync.Mutex                                   // held from the look at what is to change until it is changed
}

// aboutPeople are the endpoints about who may come in.
var aboutPeople = []endpoint{
	{"GET", "/api/consumers", Viewer, "", (*Server).consumers},
	{"POST", "/api/consumers", Operator, "create consumer", (*Server).createConsumer},
	{"GET", "/api/consumers/{consumer}", Viewer, "", (*Server).showConsumer},
	{"PUT", "/api/consumers/{consumer}", Operator, "put consumer", (*Server).putConsumer},
	{"DELETE", "/api/consumers/{consumer}", Operator, "delete consumer", (*Server).deleteConsumer},

	{"GET", "/api/keys", Viewer, "", (*Server).keys},
	{"POST", "/api/keys", Operator, "create key", (*Server).createKey},
	{"GET", "/api/keys/{key}", Viewer, "", (*Server).showKey},
	{"DELETE", "/api/keys/{key}", Operator, "delete key", (*Server).deleteKey},
	{"POST", "/api/keys/{key}/rotate", Operator, "rotate key", (*Server).rotateKey},
	{"POST", "/api/keys/{key}/revoke", Operator, "revoke key", (*Server).revokeKey},

	{"GET", "/api/credentials", Viewer, "", (*Server).credentials},
	{"POST", "/api/credentials", Operator, "create credential", (*Server).createCredential},
	{"GET", "/api/credentials/{credential}", Viewer, "", (*Server).showCredential},
	{"DELETE", "/api/credentials/{credential}", Operator, "delete credential", (*Server).deleteCredential},

	{"GET", "/api/plans", Viewer, "", (*Server).plans},
	{"POST", "/api/plans", Admin, "create plan", (*Server).createPlan},
	{"GET", "/api/plans/{plan}", Viewer, "", (*Server).showPlan},
	{"PUT", "/api/plans/{plan}", Admin, "put plan", (*Server).putPlan},
	{"DELETE", "/api/plans/{plan}", Admin, "delete plan", (*Server).deletePlan},

	{"GET", "/api/revocations", Viewer, "", (*Server).revocations},
	{"POST", "/api/revocations", Operator, "create revocation", (*Server).createRevocation},
	{"GET", "/api/revocations/{revocation}", Viewer, "", (*Server).showRevocation},
	{"DELETE", "/api/revocations/{revocation}", Operator, "delete revocation", (*Server).deleteRevocation},

	{"POST", "/api/store/backup", Admin, "back up store", (*Server).backup},
}

// Direct returns a handler of what the admin listener has under /api/ about who may come in, for a command that knows book while no gateway
// runs. Whoever can open the store needs no token. Backups it has none.
func Direct(book *identity.Book, log *slog.Logger) http.Handler {
	s := &Server{people: people{
		log: log, book: func() *identity.Book { return book }, routeNames: func() []string { return nil }, data: os.TempDir,
		copyStore: func(context.Context, string) error { return errors.ErrUnsupported },
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, p := find(aboutPeople, r)
		if p == nil {
			p = e.serve(s, w, r)
		}
		if p != nil {
			refuse(w, r, p, wire.NewID(new(wire.Request), time.Now()))
		}
	})
}

// unknownRoutes warns of routes that the document in service does not have.
func (s *Server) unknownRoutes(names []string) (warnings []string) {
	known := s.routeNames()
	if known == nil {
		return nil
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			hint := ""
			if near := schema.Nearest(name, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			warnings = append(warnings, "the document in service has no route named "+name+hint)
		}
	}
	return warnings
}

// routeNames are those of the document in service.
func routeNames(g *gateway.Gateway) []string {
	names := []string{}
	for _, r := range g.Routes() {
		names = append(names, r.Name)
	}
	return names
}

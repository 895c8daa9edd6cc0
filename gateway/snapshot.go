package gateway

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"sallyport/balance"
	"sallyport/config"
	"sallyport/function"
	"sallyport/function/invoke"
	"sallyport/identity"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
)

// A snapshot is everything that one document means to a request. It never changes; a new document makes a
// new one. Requests keep the one that they began with.
type snapshot struct {
	doc       *config.Document
	table     *route.Table[*served]
	edge      *wire.Edge
	bodyLimit int64 // default of Request.BodyLimit, 0 for none
	upstreams *balance.Set
	book      *identity.Book // consumers and plans
	functions map[string]*function.Function
	invoked   map[string]*invoke.Function // those in AWS
	unrouted  *telemetry.Route            // counts the requests that no route takes
	warnings  schema.Errors
	notes     schema.Errors
	sharing   bool                             // some route is for pages of other origins
	apis      []sharedAPI                      // those whose policies say so
	dialects  []dialectPlace                   // of all apis, none when nobody has one
	versioned []*versioned                     // apis that have versions
	tended    map[string]func(context.Context) // what runs beside requests while it is in service, by name
	keySets   []func() telemetry.KeySet        // of the issuers whose keys are fetched
	number    uint64                           // counts the documents that were served
	kept      *LastGood                        // set when the document is one of an earlier day
}

// A served is a route ready to serve.
type served struct {
	api, name string
	handler   policy.Handler
	counts    *telemetry.Route
	raw       bool              // the client's bytes of the path go upstream
	add       map[string]string // members for every problem of the api
	dialect   *dialect          // that its errors are told in, nil for the gateway's own
	version   *version          // of the api that it belongs to, nil for an api without versions
	follows   bool              // the version that succeeds a deprecated one has the route as well

	backend  string   // name of the kind of backend
	forwards bool     // the backend sends requests on; others answer themselves
	hosts    []string // that the match names
	guards   []string // what stands between a client and the backend: kind and settings of each policy
	kinds    []string // of the policies, in order
	to       string   // what the backend refers to, for listings
	// Where the backend sends to, and whether instead of that it answers all with an error: a path that nobody shall reach.
	upstreams []string
	blocks    bool
	copies    []string // upstreams that get copies
	// rewritten is the route as it is asked about for a path that it has rewritten; in that one, asked is true. copied is the same for
	// copies, nil when there are none.
	rewritten *rule
	copied    *rule
	asked     bool

	// For explanations: the policies, and what says what the backend would do.
	steps     []step
	explainer policy.Explainer

	guardsOfPreflights []policy.Policy

	pos schema.Pos
	at  string            // in the document
	sum [sha256.Size]byte // tells two versions of the route apart
}

// stricter says whether the route of other guards more than found does, so that a path that some server could read as
// other's must not pass as found's.
func stricter(found, other *served) bool {
	switch {
	case found.asked:
		return exposes(found, other)
	case found.forwards && !other.forwards:
		return true // a route that answers itself may be there to keep requests from the upstream
	case len(other.hosts) > 0 && !slices.Equal(found.hosts, other.hosts):
		return true
	}
	for _, g := range other.guards {
		if !slices.Contains(found.guards, g) {
			return true
		}
	}
	return false
}

// extend adds the api's own members to a problem.
func (v *served) extend(p *problem.Problem) *problem.Problem {
	q := *p
	q.Extra = maps.Clone(p.Extra)
	if q.Extra == nil {
		q.Extra = map[string]any{}
	}
	for name, value := range v.add {
		if _, taken := q.Extra[name]; !taken {
			q.Extra[name] = value
		}
	}
	return &q
}

// A hostSet is the hosts that a listener serves.
type hostSet struct {
	exact map[string]bool
	wild  []string // ".example.com"
}

func newHostSet(hosts []string) *hostSet {
	if len(hosts) == 0 {
		return nil
	}
	s := &hostSet{exact: map[string]bool{}}
	for _, h := range hosts {
		host, err := route.ParseHost(h)
		if err != nil {
			continue // config has checked it
		}
		if host[0] == '*' {
			s.wild = append(s.wild, host[1:])
		} else {
			s.exact[host] = true
		}
	}
	return s
}

func (s *hostSet) has(host string) bool {
	if s.exact[host] {
		return true
	}
	for _, w := range s.wild {
		if len(host) > len(w) && host[len(host)-len(w):] == w {
			return true
		}
	}
	return false
}

// sameEdge says whether requests of a and b are let in by one rule, so that what was learnt of a connection stays.
func sameEdge(a, b *wire.Edge) bool {
	return a != nil && slices.Equal(a.Trusted, b.Trusted) && slices.Equal(a.Pass, b.Pass)
}

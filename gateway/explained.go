package gateway

import "sallyport/policy"

// This file is what an explanation consists of, as JSON has it. docs/explain.md describes it: what stands there stays.

// An Explanation is what the gateway would do with a request.
type Explanation struct {
	Outcome   string            `json:"outcome"` // "forwarded", "answered" by the route itself, or "refused"
	Request   ExplainedRequest  `json:"request"`
	Routes    []ExplainedRoute  `json:"routes"`                 // the candidates, the chosen one first
	Others    int               `json:"other_routes"`           // that are none, since host or path are not theirs
	Route     *ChosenRoute      `json:"route,omitempty"`        // the one that takes the request
	Version   *ExplainedVersion `json:"version,omitempty"`      // of the api that it is for
	Policies  []ExplainedPolicy `json:"policies,omitempty"`     // of the route, in the order in which they run
	Upstreams []ExplainedCall   `json:"upstreams,omitempty"`    // where the request goes; several with a split
	Balance   string            `json:"split_choice,omitempty"` // how one of several is chosen
	Graph     []policy.Fact     `json:"graph,omitempty"`        // of a composed answer: its calls, by level; upstreams are those of the first
	Beside    []policy.Fact     `json:"beside,omitempty"`       // what the backend does besides, such as copies
	Answer    *ExplainedAnswer  `json:"answer,omitempty"`       // what the gateway answers itself
}

// An ExplainedRequest is the request as the gateway reads it.
type ExplainedRequest struct {
	Method   string `json:"method"`
	Scheme   string `json:"scheme"`
	Host     string `json:"host"`
	Path     string `json:"path"`               // canonical: what routes and policies see
	Raw      string `json:"raw_path,omitempty"` // as it was asked for, where that differs
	Query    string `json:"query,omitempty"`
	Client   string `json:"client"` // proxies that are trusted taken into account
	Peer     string `json:"peer"`   // who connects
	Listener string `json:"listener"`
}

// An ExplainedRoute is a route that could take the request.
type ExplainedRoute struct {
	API    string `json:"api"`
	Name   string `json:"name"`
	Match  string `json:"match"`
	Place  string `json:"place"`
	Chosen bool   `json:"chosen"`
	Lacks  string `json:"lacks,omitempty"`  // what of the match the request does not meet
	Behind string `json:"behind,omitempty"` // in what the chosen one is more specific: host, path, method, conditions, priority
}

// A ChosenRoute is the route that takes the request.
type ChosenRoute struct {
	API     string        `json:"api"`
	Name    string        `json:"name"`
	Backend string        `json:"backend"`
	Params  []policy.Fact `json:"params,omitempty"`
}

// An ExplainedVersion is the version of an api that a request is for.
type ExplainedVersion struct {
	API       string        `json:"api"`
	Name      string        `json:"name"`
	Why       string        `json:"why"`                 // what says so
	Responses []policy.Fact `json:"responses,omitempty"` // the fields by which answers tell of it
}

// An ExplainedPolicy is what one policy would do.
type ExplainedPolicy struct {
	Kind    string          `json:"kind"`
	Use     string          `json:"use,omitempty"` // the name that it has under policies
	Of      string          `json:"of"`            // "api", "version" or "route"
	Place   string          `json:"place"`
	Outcome string          `json:"outcome"` // "passes", "changes", "refuses", "answers", "skipped", "not reached", "asks": somebody else decides, "may refuse": it depends on that, or "runs": it cannot tell
	Why     string          `json:"why,omitempty"`
	When    string          `json:"when,omitempty"`
	Facts   []policy.Fact   `json:"facts,omitempty"`
	Changes []policy.Change `json:"changes,omitempty"`
}

// An ExplainedCall is a request to an upstream.
type ExplainedCall struct {
	Upstream string            `json:"upstream"`
	Share    float64           `json:"share"` // of the requests of the route
	Chosen   bool              `json:"chosen"`
	Method   string            `json:"method"`
	Path     string            `json:"path"` // with the query
	Host     string            `json:"host"` // "" where it is each target's own
	Protocol string            `json:"protocol"`
	Headers  []ExplainedField  `json:"headers"`
	Removed  []RemovedField    `json:"headers_removed,omitempty"`
	Body     string            `json:"body,omitempty"` // its size
	Balance  string            `json:"balance"`
	Targets  []ExplainedTarget `json:"targets"`
	Settings []policy.Fact     `json:"settings"` // timeouts, retries and the like
}

// An ExplainedField is a header field of a request to an upstream.
type ExplainedField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // "client", "changed" or "added"
}

// A RemovedField is a header field of the client's that does not go upstream.
type RemovedField struct {
	Name string `json:"name"`
	By   string `json:"by"` // "gateway": clients may not say it, see client_headers; or "route"
}

// An ExplainedTarget is a target that may get the request.
type ExplainedTarget struct {
	URL     string  `json:"url"`
	Share   float64 `json:"share"`
	Healthy bool    `json:"healthy"`
	Why     string  `json:"why,omitempty"`     // it gets no new calls, as in /api/status
	Out     string  `json:"out,omitempty"`     // for how much longer it gets nothing
	Latency string  `json:"latency,omitempty"` //
	Host    string  `json:"host"`
	Path    string  `json:"path"`
}

// An ExplainedAnswer is an answer of the gateway's own.
type ExplainedAnswer struct {
	Status  int           `json:"status"`
	By      string        `json:"by"`                // "parser", "listener", "routes", the kind of a policy, or of the backend
	Problem string        `json:"problem,omitempty"` // its name
	Title   string        `json:"title,omitempty"`
	Detail  string        `json:"detail,omitempty"` // what the client is told
	Cause   string        `json:"cause,omitempty"`  // what it is not
	Headers []policy.Fact `json:"headers,omitempty"`
	Body    string        `json:"body,omitempty"`
}

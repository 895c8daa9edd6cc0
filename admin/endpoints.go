package admin

import (
	"net/http"
	"net/url"
	"strings"

	"sallyport/problem"
)

// An endpoint is one thing that may be asked for.
type endpoint struct {
	method string // GET stands for HEAD as well
	path   string // {name} is one segment, which Request.PathValue returns
	role   Role   // at least needed
	does   string // what it changes, for the log; empty when it only shows
	serve  func(*Server, http.ResponseWriter, *http.Request) *problem.Problem
}

// endpoints are all there are, with aboutPeople.
var endpoints = append([]endpoint{
	{"GET", "/metrics", Anyone, "", (*Server).metrics},
	{"GET", "/live", Anyone, "", (*Server).live},
	{"GET", "/ready", Anyone, "", (*Server).ready},

	{"GET", "/api/status", Viewer, "", (*Server).status},
	{"GET", "/api/routes", Viewer, "", (*Server).routes},
	{"GET", "/api/upstreams", Viewer, "", (*Server).upstreams},
	{"GET", "/api/config", Viewer, "", (*Server).config},
	{"POST", "/api/explain", Viewer, "", (*Server).explain},
	{"POST", "/api/config/check", Admin, "", (*Server).check}, // a document may read files and variables, and its errors quote them
	{"POST", "/api/reload", Operator, "reload", (*Server).reload},
	{"POST", "/api/upstreams/{name}/targets/drain", Operator, "drain", (*Server).drain},
	{"POST", "/api/upstreams/{name}/targets/restore", Operator, "restore", (*Server).restore},
}, aboutPeople...)

// find returns the one of these endpoints that a request is for, or what to tell instead.
func find(endpoints []endpoint, r *http.Request) (*endpoint, *problem.Problem) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for i := range endpoints {
		e := &endpoints[i]
		if !e.takes(r) {
			continue
		}
		if e.method == method {
			return e, nil
		}
		if allow = append(allow, e.method); e.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	if allow != nil {
		return nil, notAllowed(allow)
	}
	return nil, noPage()
}

// takes says whether the path of r is the endpoint's, and notes what stands for its parameters.
func (e *endpoint) takes(r *http.Request) bool {
	if !strings.Contains(e.path, "{") {
		return r.URL.EscapedPath() == e.path
	}
	want, got := strings.Split(e.path, "/"), strings.Split(r.URL.EscapedPath(), "/")
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		if name, ok := strings.CutPrefix(w, "{"); ok {
			value, err := url.PathUnescape(got[i])
			if err != nil || value == "" {
				return false
			}
			r.SetPathValue(strings.TrimSuffix(name, "}"), value)
		} else if w != got[i] {
			return false
		}
	}
	return true
}

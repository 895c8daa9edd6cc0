package admin

import (
	"errors"
	"net/http"

	"sallyport/balance"
	"sallyport/problem"
	"sallyport/route"
)

// This file is the targets of upstreams, which an operator may take out and put back.

func (s *Server) upstreams(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	list := s.gateway.Status().Upstreams
	if list == nil {
		list = []balance.Status{}
	}
	return s.show(w, list)
}

func (s *Server) drain(w http.ResponseWriter, r *http.Request) *problem.Problem {
	return s.target(w, r, true)
}

func (s *Server) restore(w http.ResponseWriter, r *http.Request) *problem.Problem {
	return s.target(w, r, false)
}

func (s *Server) target(w http.ResponseWriter, r *http.Request, drain bool) *problem.Problem {
	var o struct {
		URL string `json:"url"`
	}
	const example = `{"url": "http://10.0.0.7:8080"}`
	if p := order(w, r, &o, example); p != nil {
		return p
	}
	if o.URL == "" {
		return problem.BadRequest.New("The body is to name the target: %s.", example)
	}
	done, err := s.gateway.DrainTarget(r.PathValue("name"), o.URL, drain)
	switch {
	case errors.Is(err, balance.ErrUnknown):
		return route.NoRoute.New("%v", err)
	case err != nil:
		return problem.Internal.Wrap(err)
	}
	return s.show(w, done)
}

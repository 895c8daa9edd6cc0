package admin

import (
	"encoding/json"
	"errors"
	"io"
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

// maxOrder bounds the body of a request that names a target.
const maxOrder = 16 << 10

func (s *Server) target(w http.ResponseWriter, r *http.Request, drain bool) *problem.Problem {
	var order struct {
		URL string `json:"url"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil || order.URL == "" {
		return badOrder()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badOrder()
	}
	done, err := s.gateway.DrainTarget(r.PathValue("name"), order.URL, drain)
	switch {
	case errors.Is(err, balance.ErrUnknown):
		return route.NoRoute.New("%v", err)
	case err != nil:
		return problem.Internal.Wrap(err)
	}
	return s.show(w, done)
}

func badOrder() *problem.Problem {
	return problem.BadRequest.New(`The body is to name the target: {"url": "http://10.0.0.7:8080"}.`)
}

package admin

import (
	"fmt"
	"net/http"

	"sallyport/gateway"
	"sallyport/problem"
)

// This file is what shows how the gateway is doing.

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) *problem.Problem {
	s.counts.ServeHTTP(w, r)
	return nil
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	write(w, "text/plain; charset=utf-8", http.StatusOK, []byte("live\n"))
	return nil
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	if !s.gateway.Ready() {
		return problem.Draining.New("").With("Retry-After", "1")
	}
	text := "ready\n"
	if kept := s.gateway.LastGood(); kept != nil {
		text = fmt.Sprintf("ready, with the last good document, of %s: the one at hand was broken at the start\n", kept.Saved.Format("2006-01-02 15:04:05 MST"))
	}
	write(w, "text/plain; charset=utf-8", http.StatusOK, []byte(text))
	return nil
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	return s.show(w, s.gateway.Status())
}

func (s *Server) routes(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	list := s.gateway.Routes()
	if list == nil {
		list = []gateway.Route{}
	}
	return s.show(w, list)
}

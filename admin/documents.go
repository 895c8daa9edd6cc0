package admin

import (
	"errors"
	"io"
	"net/http"

	"sallyport/gateway"
	"sallyport/problem"
	"sallyport/schema"
)

// This file is documents: the one in service, one that is to be checked, and the one that is to take over.

var refused = problem.Define("document_refused", 409, "Document refused", "The admin listener was asked to serve a document that has errors; the one before stays in service.")

// A spot is one thing that is wrong with a document.
type spot struct {
	Pos     string `json:"pos,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Code    string `json:"code,omitempty"` // of a warning
}

func spots(errs schema.Errors) []spot {
	all := []spot{}
	for _, e := range errs {
		all = append(all, spot{e.Pos.String(), e.Path, e.Msg, e.Code})
	}
	return all
}

// reload has the document read anew and answers when it is in service, or refused.
func (s *Server) reload(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	done, err := s.gateway.Reload()
	var errs schema.Errors
	switch {
	case err == nil:
		return s.show(w, struct {
			*gateway.Reloaded
			Warnings []spot `json:"warnings"`
		}{done, spots(done.Warnings)})
	case errors.Is(err, gateway.ErrUpgrading):
		return problem.Draining.New("Another program is about to take over; it reads the document itself.").With("Retry-After", "1")
	case errors.As(err, &errs):
		p := refused.New("The document before stays in service.")
		p.Extra = map[string]any{"errors": spots(errs)}
		return p
	}
	return problem.Internal.Wrap(err)
}

// config shows the document in service, without its secrets.
func (s *Server) config(w http.ResponseWriter, _ *http.Request) *problem.Problem {
	c := s.gateway.Shown()
	if c == nil {
		return problem.Draining.New("There is no document in service.")
	}
	return s.show(w, c)
}

// checkedName stands for a document that was sent, in messages.
const checkedName = "document"

// check says what a document would make of the gateway. Nothing of it is served.
func (s *Server) check(w http.ResponseWriter, r *http.Request) *problem.Problem {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, schema.MaxDocument))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.BodyTooBig.New("A document has at most %d bytes.", tooLarge.Limit)
	case err != nil:
		return problem.BadRequest.New("The document cannot be read.").Because(err)
	}
	report := s.gateway.CheckDocument(checkedName, body)
	return s.show(w, struct {
		Good     bool   `json:"good"`
		Routes   int    `json:"routes"`
		Errors   []spot `json:"errors"`
		Warnings []spot `json:"warnings"`
		Notes    []spot `json:"notes"`
	}{len(report.Errors) == 0, len(report.Routes), spots(report.Errors), spots(report.Warnings), spots(report.Notes)})
}

package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"sallyport/gateway"
	"sallyport/problem"
)

// maxQuestion bounds a request that is to be explained.
const maxQuestion = 1 << 20

// explain says what would become of a request right now. Nothing is sent or counted.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var q gateway.Question
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return badQuestion(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badQuestion(nil)
	}
	e, err := s.gateway.Explain(&q)
	var odd *gateway.QuestionError
	switch {
	case errors.As(err, &odd):
		return problem.BadRequest.New("%s.", odd.Error())
	case err != nil:
		return problem.Draining.New("There is no document in service.")
	}
	return s.show(w, e)
}

func badQuestion(err error) *problem.Problem {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return problem.BodyTooBig.New("A question has at most %d bytes.", tooLarge.Limit)
	}
	return problem.BadRequest.New(`The body is to be a request: {"method": "GET", "url": "/users/42", "headers": {"Accept": "text/html"}, "body": "", "client": "192.0.2.1"}.`).Because(err)
}

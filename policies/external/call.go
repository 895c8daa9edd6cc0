package external

import (
	"errors"
	"fmt"
	"strconv"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

// This file is the call: what the service needs to know of the message, and what it says.

// Fields of the call that are ours.
const fieldStage, fieldStatus = "Sallyport-Stage", "Sallyport-Status"

// An answer is what the service says, kept apart from the connection that it came on.
type answer struct {
	status int
	header wire.Header
	body   []byte
}

// ask calls the service about the message that of is the header of: a response if it has a status. A nil answer with an error is its failure;
// ends(err) says whether it is the request's own.
func (e *external) ask(x *policy.Exchange, s *side, of *wire.Header, status int, body []byte) (*answer, error) {
	r := x.Request
	q := x.Ask("POST", s.Path, e.timeout, true)
	defer q.End()
	switch {
	case s.all:
		q.AllFields(r, of)
	case body != nil:
		q.Fields(r, of, s.withBody)
	default:
		q.Fields(r, of, s.Headers)
	}
	if body != nil {
		q.Body(body)
	}
	if status > 0 {
		q.Say(fieldStage, "response")
		q.Say(fieldStatus, strconv.Itoa(status))
	} else {
		q.Say(fieldStage, "request")
	}
	resp, err := q.Send(r, e.to)
	if err != nil {
		return nil, err
	}
	return s.read(resp)
}

var (
	errEncoded = errors.New("its answer has a Content-Encoding")
	errTwice   = errors.New("its answer has several Content-Type fields")
)

// read makes an answer of the response and closes that.
func (s *side) read(resp *wire.Response) (*answer, error) {
	defer resp.Close()
	a := &answer{status: resp.Status}
	answers := s.mayAnswer && a.status >= 300 && a.status < 500 && a.status != 304
	if a.status != 200 && a.status != 204 && !answers {
		return nil, fmt.Errorf("it answers %d, which says nothing here", a.status)
	}
	a.header = resp.Header.Clone()
	if a.status == 204 || !answers && !s.TakeBody || resp.Body == nil {
		return a, nil
	}
	switch d := policy.Describe(&resp.Header); {
	case d.Twice:
		return nil, errTwice
	case d.Encoded && !answers:
		return nil, errEncoded
	}
	var err error
	if a.body, err = policy.ReadAll(resp.Body, resp.Length, int64(s.Size)); err != nil {
		return nil, fmt.Errorf("reading its answer: %w", err)
	}
	return a, nil
}

// ends says whether an error of the call is the request's own: its client went away.
func ends(err error) bool {
	return errors.Is(err, wire.ErrClientGone) || problem.From(err).Status < 500
}

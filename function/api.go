package function

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/function/event"
)

// This file is the gateway's side of the AWS Lambda Runtime API: what one process says, and what it is told.

const apiPath = "/2018-06-01/runtime/"

// Bounds of what a process may say at once.
const (
	maxResult = 16 << 20
	maxError  = 256 << 10
)

// An api serves one process.
type api struct{ w *worker }

// ServeHTTP answers the process.
func (a *api) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, apiPath)
	id, what, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
	switch {
	case !ours:
		refuse(rw, http.StatusNotFound, "there is no such path in the Runtime API")
	case r.Method == "GET" && path == "invocation/next":
		a.next(rw, r)
	case r.Method != "POST":
		refuse(rw, http.StatusNotFound, "there is no such path in the Runtime API")
	case path == "init/error":
		a.initError(rw, r)
	case what == "error":
		a.error(rw, r, id)
	case what == "response" && streams(r):
		a.stream(rw, r, id)
	case what == "response":
		a.response(rw, r, id)
	default:
		refuse(rw, http.StatusNotFound, "there is no such path in the Runtime API")
	}
}

// streams says whether a result comes in parts. aws-lambda-go says so by the type alone.
func streams(r *http.Request) bool {
	return r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming" || r.Header.Get("Content-Type") == event.Streamed
}

func refuse(rw http.ResponseWriter, status int, message string) {
	reply(rw, status, map[string]string{"errorMessage": message, "errorType": "InvalidRequest"})
}

func reply(rw http.ResponseWriter, status int, said any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(said)
}

func accepted(rw http.ResponseWriter) {
	reply(rw, http.StatusAccepted, map[string]string{"status": "OK"})
}

// next hands out an event, however long that takes.
func (a *api) next(rw http.ResponseWriter, r *http.Request) {
	w := a.w
	w.f.ready(w)
	select {
	case v := <-w.work:
		deadline, heard := w.hand(r.Context(), v)
		if !heard {
			return
		}
		h := rw.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(v.Event)))
		h.Set("Lambda-Runtime-Aws-Request-Id", v.ID)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", w.f.arn())
		if v.Trace != "" {
			h.Set("Lambda-Runtime-Trace-Id", v.Trace)
		}
		_, _ = rw.Write(v.Event)
	case <-w.over: // it is told to end by a signal; of an answer it would complain
		select {
		case <-r.Context().Done():
		case <-time.After(grace):
			refuse(rw, http.StatusGone, "there are no more events")
		}
	case <-r.Context().Done():
	}
}

func (a *api) response(rw http.ResponseWriter, r *http.Request, id string) {
	result, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxResult))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		a.w.answer(id, func(v *Invocation) { v.err = errors.New("the function's result is larger than 16 MiB") })
		reply(rw, http.StatusRequestEntityTooLarge, map[string]string{"errorMessage": "the result is larger than 16 MiB", "errorType": "Function.ResponseSizeTooLarge"})
		return
	}
	if err != nil {
		return // the process is gone
	}
	if wrong := a.within(r, id); wrong != nil {
		a.settle(rw, id, func(v *Invocation) { v.err = wrong })
		return
	}
	a.settle(rw, id, func(v *Invocation) { v.result = result })
}

// settle ends a call.
func (a *api) settle(rw http.ResponseWriter, id string, set func(v *Invocation)) {
	if !a.w.answer(id, set) {
		reply(rw, http.StatusBadRequest, map[string]string{"errorMessage": "this is no event that has no answer yet", "errorType": "InvalidRequestID"})
		return
	}
	accepted(rw)
}

// stream hands a result on as it comes.
func (a *api) stream(rw http.ResponseWriter, r *http.Request, id string) {
	from, to := io.Pipe()
	if !a.w.answer(id, func(v *Invocation) { v.stream, v.kind, a.w.open = from, r.Header.Get("Content-Type"), true }) {
		refuse(rw, http.StatusBadRequest, "this is no event that has no answer yet")
		return
	}
	stop := a.w.watchStream(to)
	_, err := io.Copy(to, r.Body)
	stop()
	switch {
	case errors.Is(err, io.ErrClosedPipe): // nobody wants the rest
		_, _ = io.Copy(io.Discard, r.Body)
	case err != nil:
		_ = to.CloseWithError(errors.New("the function's process ended within its answer"))
		return
	}
	failed := a.within(r, id) != nil
	if failed {
		_ = to.CloseWithError(errors.New("the function failed within its answer"))
	}
	_ = to.Close()
	a.w.complete(failed)
	accepted(rw)
}

// within returns the error that came while a result was made, which a trailer tells of, nil when there was none.
func (a *api) within(r *http.Request, id string) *Failure {
	kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		return nil
	}
	text, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")) // what cannot be read is left out
	wrong := ReadFailure(text, kind)
	a.w.tell(id, wrong, text)
	return wrong
}

func (a *api) error(rw http.ResponseWriter, r *http.Request, id string) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxError))
	if err != nil {
		return // the process is gone
	}
	wrong := ReadFailure(text, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	a.w.tell(id, wrong, text)
	a.settle(rw, id, func(v *Invocation) { v.err = wrong })
}

func (a *api) initError(rw http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxError))
	if err != nil {
		return // the process is gone
	}
	wrong := ReadFailure(text, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	a.w.tell("", wrong, text)
	if !a.w.failStart(wrong) {
		reply(rw, http.StatusForbidden, map[string]string{"errorMessage": "the start of this process is over", "errorType": "InvalidStateTransition"})
		return
	}
	accepted(rw)
}

// tell logs an error of the function, with what it says of where that happened.
func (w *worker) tell(id string, wrong *Failure, text []byte) {
	w.f.registry.log.Error("a function failed", "function", w.f.name, "id", id, "process", w.number, "type", wrong.Type, "error", wrong.Message, "said", string(text[:min(len(text), 8<<10)]))
}

// ReadFailure reads the error that a function told of; kind is its type when it does not say itself.
func ReadFailure(text []byte, kind string) *Failure {
	var said struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	_ = json.Unmarshal(text, &said) // what cannot be read is in the log as it is
	if said.Type == "" {
		said.Type = kind
	}
	return &Failure{said.Type[:min(len(said.Type), 200)], said.Message[:min(len(said.Message), 2000)]}
}

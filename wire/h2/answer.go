package h2

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"sallyport/wire"
)

// This file makes responses and errors of what net/http says of a call.

var (
	errStatus = errors.New("the status is not 200 to 599")
	errLength = errors.New("content-length is malformed or given twice")
	errFields = errors.New("the response has more fields than allowed")
)

const maxFields = 200

// response makes k's response. Whoever has it has the call until it is closed.
func (k *call) response(from *http.Response) error {
	r := &k.resp
	r.Status = from.StatusCode
	if r.Status < 200 || r.Status > 599 {
		return errStatus
	}
	if n := take(from.Header, &r.Header); n > maxFields {
		return errFields
	}
	lengths := from.Header["Content-Length"]
	if len(lengths) > 1 {
		return errLength
	}
	r.Length = -1
	if len(lengths) == 1 {
		n, ok := wire.ParseLength(lengths[0])
		if !ok {
			return errLength
		}
		r.Length = n
	}
	if r.Length < 0 && from.ContentLength == 0 && k.Method != "HEAD" {
		r.Length = 0 // the stream has ended with its head
	}
	k.mu.Lock()
	k.head = true
	cause := k.cause
	k.mu.Unlock()
	if cause != nil {
		return cause // it came while the head did, and the stream is reset
	}
	if k.up != nil && k.up.ended() {
		k.up.unshare() // so that the client's connection can have another request
	}
	empty := from.StatusCode == 204 || from.StatusCode == 304 || k.Method == "HEAD"
	r.Body = &answer{call: k, from: from, empty: empty}
	return nil
}

// take puts the end-to-end fields of from into h and returns how many there are of all.
func take(from http.Header, h *wire.Header) (count int) {
	for name, values := range from {
		id := wire.NameOf(name)
		for _, v := range values {
			count++
			if id.EndToEnd() && wire.ValidToken(name) && wire.ValidValue(v) {
				h.AddRead(id, name, strings.Trim(v, " \t"))
			}
		}
	}
	return count
}

// An answer is a response's body.
type answer struct {
	call  *call
	from  *http.Response
	empty bool
	got   int64
	err   error
}

// Read reads. The trailer is complete when it returns io.EOF.
func (a *answer) Read(p []byte) (int, error) {
	switch {
	case a.err != nil:
		return 0, a.err
	case a.empty:
		a.err = io.EOF
		return 0, io.EOF
	}
	k := a.call
	k.awaits()
	n, err := a.from.Body.Read(p)
	k.waits(&k.asked, time.Time{}, n)
	a.got += int64(n)
	if err == io.EOF {
		for name, values := range a.from.Trailer {
			for _, v := range values {
				f := wire.Field{Name: name, Value: v}
				if id := wire.NameOf(name); f.Valid() && id.EndToEnd() {
					k.resp.Trailer.Add(name, v)
				}
			}
		}
	} else if err != nil {
		err = k.readFailure(err)
	}
	a.err = err
	return n, err
}

// Lift has BodyBy of the call not count any more.
func (a *answer) Lift() {
	k := a.call
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lifted = true
	k.rearm()
}

// Buffered returns how many bytes can be read without waiting: none for sure.
func (a *answer) Buffered() int { return 0 }

// Close ends the call. A stream that is not at its end is reset.
func (a *answer) Close() error {
	k := a.call
	if a.err == nil && a.got == k.resp.Length { // the end may be in a frame of its own, which is as good as here
		t := time.AfterFunc(50*time.Millisecond, k.end)
		_, _ = a.Read(make([]byte, 1))
		t.Stop()
	}
	if k.up != nil {
		k.up.settle()
	}
	err := a.from.Body.Close()
	k.finish()
	return err
}

// readFailure is what the reading of a response ended with.
func (k *call) readFailure(err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cause != nil {
		return k.cause
	}
	return err
}

// failure makes an error of a call without a response.
func (k *call) failure(err error) *wire.CallError {
	k.mu.Lock()
	cause, sent, began := k.cause, k.sent, k.first
	k.mu.Unlock()
	failed := &wire.CallError{Op: wire.OpRead, Sent: sent, Began: began, Err: err}
	var reset streamError
	switch {
	case cause == wire.ErrClientGone:
		failed.Op, failed.Err = wire.OpRequest, cause
	case cause != nil:
		failed.Op, failed.Err = wire.OpTimeout, os.ErrDeadlineExceeded
	case k.up != nil && k.up.failed() != nil:
		failed.Op, failed.Err = wire.OpRequest, k.up.failed()
	case says(err, "client conn not usable", "client conn could not be established", "client conn is closed", "graceful shutdown GOAWAY"):
		failed.Op, failed.Sent = wire.OpConnect, false // the target has not looked at the call (RFC 9113 §6.8)
	case says(err, "request header list larger"):
		failed.Op, failed.Err = wire.OpRequest, wire.FaultHead
	case errors.As(err, &reset):
		failed.Op, failed.Sent = reset.judge(sent)
	case err == errStatus, err == errLength, err == errFields, says(err, "malformed", "PROTOCOL_ERROR", "header list too large", "response header list", errInterim.Error()):
		failed.Op = wire.OpProtocol
	case !sent:
		failed.Op = wire.OpWrite
	}
	if !failed.Sent && !k.atHand() {
		failed.Op, failed.Sent = wire.OpWrite, true // of the body, which is gone
	}
	return failed
}

// A streamError has the fields of net/http's error of a stream, whose type has no name outside; errors.As fills it in.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return "stream error" }

// judge says what the reset of a stream means for its call.
func (e streamError) judge(sent bool) (wire.Op, bool) {
	const http11Required = 0xd
	fromTarget := e.Cause != nil && strings.Contains(e.Cause.Error(), "received from peer")
	switch {
	case e.Code == codeRefusedStream:
		return wire.OpQueue, false // RFC 9113 §8.7
	case !fromTarget, e.Code == http11Required:
		return wire.OpProtocol, sent
	}
	return wire.OpRead, sent
}

// says whether an error of net/http, which has neither type nor value outside, is one of some.
func says(err error, texts ...string) bool {
	s := err.Error()
	for _, t := range texts {
		if strings.Contains(s, t) {
			return true
		}
	}
	return false
}

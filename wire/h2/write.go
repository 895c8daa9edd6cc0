package h2

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
)

// This file writes a response as it comes: what is there goes out before the next wait for more.

// An output watches over the writing of one response.
type output struct {
	by   atomic.Int64 // when the write under way has to end, in Unix nanoseconds; 0 for none
	late atomic.Bool  // that time was over
}

var blocks = sync.Pool{New: func() any { return new([smallBlock]byte) }}

var (
	errSwitch  = errors.New("a switch of protocols, which HTTP/2 does not have")
	errBroken  = errors.New("the stream was broken on purpose")
	errPanic   = errors.New("reading the response panicked")
	errTooMuch = errors.New("the body is longer than it was said to be")
)

// respond writes resp to the client. An error means that the client got less than the whole response.
func (x *exchange) respond(resp *wire.Response) (sent int64, err error) {
	r := &x.req
	defer func() {
		if what := recover(); what != nil { // of a body that a handler made
			x.panicked(r, what)
			err = errPanic
		}
	}()
	switch {
	case resp.Break:
		return 0, errBroken
	case resp.Status < 200:
		return 0, errSwitch
	}
	x.before.Lock()
	x.wrote = true
	x.before.Unlock()
	x.out.late.Store(false)
	body, length := resp.Body, resp.Length
	switch {
	case resp.Status == 204, resp.Status == 304 && (r.Method != "HEAD" || length == 0):
		body, length = nil, -1 // RFC 9110 §8.6
	case r.Method == "HEAD":
		body = nil
	case resp.Status == 205, body == nil && !trailersOnly(resp):
		body, length = nil, 0 // RFC 9110 §15.3.6
	}
	h := x.w.Header()
	put(h, &resp.Header)
	if length >= 0 && !trailersOnly(resp) {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	} else {
		h["Content-Length"] = nil // net/http shall not add one
	}
	if !resp.Header.HasKnown(wire.ContentType) {
		h["Content-Type"] = nil // nor guess
	}
	if x.conn.late {
		h["Connection"] = closing // no field of the answer: net/http takes it for GOAWAY
	}
	x.w.WriteHeader(resp.Status)
	if body != nil {
		if sent, err = x.copy(body, length); err != nil {
			return sent, err
		}
	}
	if r.Method != "HEAD" {
		putTrailer(h, &resp.Trailer)
	}
	x.last(sent)
	return sent, nil
}

var closing = []string{"close"}

// trailersOnly says whether resp is one of gRPC that has its status in the header: it has no length.
func trailersOnly(resp *wire.Response) bool {
	return resp.Length <= 0 && resp.Header.Has("Grpc-Status")
}

// put puts the end-to-end fields of from into h.
func put(h http.Header, from *wire.Header) {
	values := make([]string, from.Len())
	for i := range from.Len() {
		f := from.At(i)
		if !f.Valid() || !f.ID().EndToEnd() {
			continue
		}
		name := f.Name
		if id := f.ID(); id != wire.Other {
			name = id.String()
		}
		if was := h[name]; was != nil {
			h[name] = append(was, f.Value)
			continue
		}
		values[i] = f.Value
		h[name] = values[i : i+1 : i+1]
	}
}

// putTrailer puts the fields of a trailer into h.
func putTrailer(h http.Header, from *wire.Header) {
	for i := range from.Len() {
		f := from.At(i)
		if f.Valid() && f.ID().EndToEnd() && wire.TrailerAllowed(f) {
			name := http.TrailerPrefix + http.CanonicalHeaderKey(f.Name)
			h[name] = append(h[name], f.Value)
		}
	}
}

// copy writes the body: length bytes, or all there are when length is below zero. It reads on to the end, behind which the
// trailer is.
func (x *exchange) copy(body io.Reader, length int64) (sent int64, err error) {
	b := blocks.Get().(*[smallBlock]byte)
	defer blocks.Put(b)
	for {
		if waits(body) && (length < 0 || sent < length) {
			if err := x.flush(); err != nil {
				return sent, err
			}
		}
		n, end := body.Read(b[:])
		if length >= 0 && int64(n) > length-sent {
			return sent, errTooMuch
		}
		if n > 0 {
			if err := x.write(b[:n]); err != nil {
				return sent, err
			}
			sent += int64(n)
		}
		switch {
		case end == io.EOF && length >= 0 && sent < length:
			return sent, io.ErrUnexpectedEOF
		case end == io.EOF:
			return sent, nil
		case end != nil:
			return sent, end
		}
	}
}

// waits says whether reading from body may have to wait.
func waits(body io.Reader) bool {
	b, ok := body.(interface{ Buffered() int })
	return !ok || b.Buffered() == 0
}

// write gives a piece of the body to net/http. A piece that it does not hold back waits for the client.
func (x *exchange) write(p []byte) error {
	x.guard()
	_, err := x.w.Write(p)
	x.unguard()
	return x.writeError(err)
}

// flush has net/http send what it holds back.
func (x *exchange) flush() error {
	x.guard()
	err := http.NewResponseController(x.w).Flush()
	x.unguard()
	return x.writeError(err)
}

func (x *exchange) guard() {
	x.out.by.Store(time.Now().Add(x.conn.srv.limits.WriteIdle).UnixNano())
}

func (x *exchange) unguard() {
	x.out.by.Store(0)
}

func (x *exchange) writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case x.out.late.Load():
		return errors.Join(wire.ErrClientGone, errors.New("it takes nothing of the response"))
	}
	return errors.Join(wire.ErrClientGone, err)
}

// last gives a stream that net/http has no deadline for any more one for what it still holds back.
func (x *exchange) last(sent int64) {
	x.before.Lock()
	defer x.before.Unlock()
	if x.extended && sent > 0 {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.conn.srv.limits.WriteIdle))
	}
}

package h1

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// An outBuf is where a message is put together before it is written. It has a block only while there is something in it.
type outBuf struct{ b []byte }

func (o *outBuf) start() {
	o.begin()
	o.b = o.b[:0]
}

// begin makes sure that there is a block.
func (o *outBuf) begin() {
	if o.b == nil {
		o.take(smallBlock)
	}
}

// take makes sure that there is a block of the size given or another. What outgrows it goes on elsewhere.
func (o *outBuf) take(size int) {
	if o.b == nil {
		o.b = socket.Take(size)[:0]
	}
}

func (o *outBuf) free() {
	if o.b != nil {
		socket.Give(o.b)
		o.b = nil
	}
}

// respond writes resp to the client. again says that the connection is fit for another request. An error means that the
// client got less than the whole response and has to see that from how the connection ends.
func (k *conn) respond(x *exchange, resp *wire.Response, last bool) (sent int64, again bool, err error) {
	r := &x.req
	defer func() {
		if what := recover(); what != nil { // of a body that a handler made
			k.panicked(r, what)
			again, err = false, errPanic
		}
	}()
	if resp.Break {
		return 0, false, k.breakOff()
	}
	if resp.Status == 101 {
		return k.switchProtocols(x, resp)
	}
	k.final()
	if k.s.thrifty() && !x.body.shared && !k.looking.Load() {
		k.s.release() // a body that a call had to keep at hand
	}
	body, length := resp.Body, resp.Length
	chunks := false
	switch {
	case r.Method == "HEAD", resp.Status == 204, resp.Status == 304, resp.Status < 200:
		body = nil
		if r.Method != "HEAD" || resp.Status == 204 || resp.Status == 304 && length == 0 {
			length = -1 // nothing to say about a body that cannot be, or is that of a 200 (RFC 9110 §8.6)
		}
	case body == nil, resp.Status == 205:
		body, length = nil, 0 // RFC 9110 §15.3.6
	case length < 0 && r.Proto == wire.HTTP10:
		last = true // the end of the connection ends the body
	case length < 0:
		chunks = true
	}
	o := &x.out
	if length > smallBlock/2 {
		o.take(bigBlock) // so that the head goes out with what is there of the body
	}
	o.start()
	o.b = appendStatus(o.b, resp)
	o.b = appendFields(o.b, &resp.Header)
	if !resp.Header.HasKnown(wire.Date) {
		o.b = append(o.b, "Date: "...)
		o.b = append(o.b, dateNow(r.Time)...)
		o.b = append(o.b, "\r\n"...)
	}
	if chunks {
		o.b = append(o.b, "Transfer-Encoding: chunked\r\n"...)
	} else if length >= 0 {
		o.b = append(o.b, "Content-Length: "...)
		o.b = strconv.AppendInt(o.b, length, 10)
		o.b = append(o.b, "\r\n"...)
	}
	if last {
		o.b = append(o.b, "Connection: close\r\n"...)
	} else if r.Proto == wire.HTTP10 {
		o.b = append(o.b, "Connection: keep-alive\r\n"...)
	}
	o.b = append(o.b, "\r\n"...)
	w := writer{s: &k.s, o: o, now: r.Time, idle: k.srv.limits.WriteIdle, peer: wire.ErrClientGone}
	switch {
	case body == nil:
		err = w.flush()
	case chunks:
		err = w.chunked(body, trailerFor(r, resp))
	default:
		err = w.plain(body, length)
	}
	return w.sent, err == nil && !last, err
}

// breakOff sees to it that the client's connection ends with a reset.
func (k *conn) breakOff() error {
	c := k.s.conn
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn() // what is below TLS
	}
	if t, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		_ = t.SetLinger(0)
	}
	return errBroken
}

var errBroken = errors.New("the connection was broken on purpose")

var errPanic = errors.New("reading the response panicked")

// final ends the time of interim responses.
func (k *conn) final() {
	k.before.Lock()
	k.wrote = true
	k.before.Unlock()
}

// trailerFor returns the trailer to send behind the body, nil when the client takes none.
func trailerFor(r *wire.Request, resp *wire.Response) *wire.Header {
	if !r.Trailers {
		return nil
	}
	return &resp.Trailer
}

func appendStatus(b []byte, resp *wire.Response) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(resp.Status), 10)
	b = append(b, ' ')
	if resp.Reason != "" && wire.ValidValue(resp.Reason) {
		b = append(b, resp.Reason...)
	} else {
		b = append(b, http.StatusText(resp.Status)...)
	}
	return append(b, "\r\n"...)
}

// appendFields writes the end-to-end fields of h. Whatever frames a message or belongs to the hop is left out,
// whoever put it there, and so is a field that is no valid one: nothing illegal leaves the gateway.
func appendFields(b []byte, h *wire.Header) []byte {
	for i := range h.Len() {
		f := h.At(i)
		if !f.Valid() || !f.ID().EndToEnd() {
			continue
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

// dateNow returns the value of Date for a time, made once a second.
func dateNow(t time.Time) string {
	if t.IsZero() {
		t = time.Now()
	}
	sec := t.Unix()
	d := lastDate.Load()
	if d == nil || d.sec != sec {
		d = &date{sec, t.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return d.text
}

type date struct {
	sec  int64
	text string
}

var lastDate atomic.Pointer[date]

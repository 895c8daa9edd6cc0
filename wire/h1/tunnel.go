package h1

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"sallyport/wire"
)

// switchProtocols answers 101 and joins the client's connection with the upstream's until both directions have ended or
// neither has moved a byte for the time allowed (RFC 9110 §7.8).
func (k *conn) switchProtocols(x *exchange, resp *wire.Response) (sent int64, again bool, err error) {
	up, ok := resp.Switch.(*tunnel)
	if !ok || x.req.Upgrade == "" {
		return 0, false, errors.New("a switch of protocols that nobody asked for")
	}
	k.final()
	o := &x.out
	o.start()
	o.b = appendStatus(o.b, resp)
	o.b = appendFields(o.b, &resp.Header)
	o.b = append(o.b, "Connection: Upgrade\r\nUpgrade: "...)
	o.b = append(o.b, up.proto...)
	o.b = append(o.b, "\r\n\r\n"...)
	err = k.s.write(o.b, time.Now(), k.srv.limits.WriteIdle)
	o.free()
	if err != nil {
		return 0, false, err
	}
	t := &joint{idle: k.srv.limits.Tunnel, closing: &k.srv.closing, socket: wire.EqualFold(up.proto, "websocket")}
	t.touch()
	k.joined.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.copy(up.s, &k.s, &t.received, goingAwayMasked)
	}()
	t.copy(&k.s, up.s, &t.sent, goingAway)
	<-done
	x.body.got = t.received
	k.lingers = k.srv.closing.Load()
	return t.sent, false, nil
}

// A joint is two streams of which each goes to the other.
type joint struct {
	idle           time.Duration
	last           atomic.Int64 // when a byte moved, in Unix nanoseconds
	sent, received int64
	closing        *atomic.Bool // the gateway ends it, not one of the two
	socket         bool         // it is a WebSocket connection
}

func (t *joint) touch() { t.last.Store(time.Now().UnixNano()) }

// copy moves what comes from one stream to the other. The end of the one is passed on as a half-close; a failure ends both. When
// it is the gateway that ends it, a WebSocket is told so with bye, if no frame is cut.
func (t *joint) copy(to, from *stream, n *int64, bye []byte) {
	var passed frames
	err := t.move(to, from, n, &passed)
	if t.closing.Load() && t.socket && passed.between() {
		_ = to.write(bye, time.Now(), orderly) // who does not read it is told by the end
	}
	if (err == io.EOF || t.closing.Load()) && to.closeWrite(true) == nil && err == io.EOF {
		return
	}
	to.abort()
	from.abort()
}

func (t *joint) move(to, from *stream, n *int64, passed *frames) error {
	for {
		if p := from.buffered(); len(p) > 0 {
			if err := to.write(p, time.Now(), t.idle); err != nil {
				return err
			}
			if t.socket {
				passed.pass(p)
			}
			from.r = from.w
			*n += int64(len(p))
			t.touch()
		}
		from.release()
		by := time.Unix(0, t.last.Load()).Add(t.idle)
		err := from.fill(by)
		if errors.Is(err, os.ErrDeadlineExceeded) && !from.aborted.Load() && time.Now().Before(time.Unix(0, t.last.Load()).Add(t.idle)) {
			continue // the other direction is alive
		}
		if err != nil {
			return err
		}
	}
}

// A tunnel is the upstream's side of a switch of protocols.
type tunnel struct {
	s     *stream
	proto string
	end   func()
}

// Read reads what the target sends.
func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.s.buffered()) == 0 {
		if err := t.s.fill(time.Now().Add(24 * time.Hour)); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.s.buffered())
	t.s.r += n
	t.s.release()
	return n, nil
}

// Write sends p to the target.
func (t *tunnel) Write(p []byte) (int, error) {
	if err := t.s.write(p, time.Now(), time.Minute); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the connection to the target.
func (t *tunnel) Close() error {
	t.end()
	return nil
}

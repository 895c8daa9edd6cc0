package gateway

import (
	"log/slog"
	"sync"
	"time"

	"sallyport/certs"
	"sallyport/config"
)

// This file reminds of certificates that are about to end.

// notice are the times before its end at which a certificate is told of. A document that is loaded with one that has less than
// the first tells of it as well.
var notice = []time.Duration{30 * day, 14 * day, 7 * day, day, 0}

const day = 24 * time.Hour

// An expiryWatch tells of certificates that are about to end. The zero value watches none.
type expiryWatch struct {
	mu    sync.Mutex
	timer *time.Timer // nil while there is nothing to tell; guarded by mu
}

// watchExpiry watches the certificates of doc instead of those of the document before.
func (g *Gateway) watchExpiry(doc *config.Document) {
	g.expiry.stop()
	var list []*certs.Certificate
	for _, l := range doc.Listeners {
		if l.TLS != nil {
			list = append(list, certificates(l.TLS).All()...)
		}
	}
	for _, c := range list {
		if left := time.Until(c.Expires()); left < notice[0] {
			remind(g.log, c, left)
		}
	}
	g.expiry.mu.Lock()
	defer g.expiry.mu.Unlock()
	g.expiry.wait(g.log, list)
}

// wait waits for the next time at which there is something to tell. The caller holds mu.
func (w *expiryWatch) wait(log *slog.Logger, list []*certs.Certificate) {
	now := time.Now()
	next, due := time.Duration(-1), []*certs.Certificate(nil)
	for _, c := range list {
		for _, n := range notice {
			switch at := c.Expires().Add(-n).Sub(now); {
			case at <= 0:
			case next < 0 || at < next:
				next, due = at, []*certs.Certificate{c}
			case at == next:
				due = append(due, c)
			}
		}
	}
	if w.timer = nil; next < 0 {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(next, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.timer != t {
			return // stopped meanwhile
		}
		for _, c := range due {
			remind(log, c, time.Until(c.Expires()))
		}
		w.wait(log, list)
	})
	w.timer = t
}

func (w *expiryWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func remind(log *slog.Logger, c *certs.Certificate, left time.Duration) {
	if left <= 0 {
		log.Error("a certificate has expired, and clients refuse it", "name", c.Name(), "expired", c.Expires().UTC())
		return
	}
	log.Warn("a certificate expires soon", "name", c.Name(), "expires", c.Expires().UTC(), "days", int(left/day))
}

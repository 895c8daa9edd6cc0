package jwt

// Keys that an issuer publishes: fetched when they are needed first, again from time to time, and when a token names one that is not known.

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"sallyport/fetch"
	"sallyport/policy"
	"sallyport/telemetry"
)

const (
	maxSet     = 1 << 20          // bytes of a set of keys, and of an issuer's metadata
	leastFetch = 30 * time.Second // from one fetch to the next that succeed
	longRetry  = 30 * time.Second // between tries while the issuer does not answer
	patience   = 2 * time.Second  // that a request has with a fetch
)

// A publisher fetches the keys of one issuer.
type publisher struct {
	name     string // for log and metrics
	issuer   string // whose metadata says where the keys are; "" when url does
	url      string
	settings Publication
	roots    *x509.CertPool
	client   *fetch.Client
	log      *slog.Logger
	ring     *keyring
	ask      chan struct{} // holds one call for a fetch
	tended   sync.Mutex    // held by Tend: one that was told to end may not have yet when the next begins

	mu       sync.Mutex    // guards what follows
	round    chan struct{} // closed when the fetch ends that is under way or was asked for
	busy     bool          // there is such a fetch
	began    time.Time     // the last fetch
	fetched  time.Time     // the keys
	failures int           // in a row
	good     uint64        // fetches
	bad      uint64
	document *fetch.Document // of the keys, as last fetched
	sum      [sha256.Size]byte
}

// newPublisher makes a publisher whose first fetch is still to come, so that requests wait for it a moment.
func newPublisher(t *Trust, client *fetch.Client, log *slog.Logger) *publisher {
	p := &publisher{name: t.Issuer, issuer: t.Issuer, settings: t.JWKS, client: client, log: log, ask: make(chan struct{}, 1), round: make(chan struct{}), busy: true}
	if t.JWKSURL != nil {
		p.issuer, p.url = "", t.JWKSURL.String()
		if p.name == "" {
			p.name = t.JWKSURL.Scheme + "://" + t.JWKSURL.Host + t.JWKSURL.Path
		}
	}
	p.ring = &keyring{publisher: p}
	return p
}

// Tend fetches until ctx ends.
func (p *publisher) Tend(ctx context.Context) {
	p.tended.Lock()
	defer p.tended.Unlock()
	defer p.settle()
	for ctx.Err() == nil {
		p.begin()
		wait := p.fetch(ctx)
		p.settle()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-p.ask:
			timer.Stop()
		}
	}
}

// begin notes that a fetch is under way.
func (p *publisher) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Now()
	if !p.busy {
		p.busy, p.round = true, make(chan struct{})
	}
	select {
	case <-p.ask: // this is it
	default:
	}
}

// settle tells those who wait that a fetch has ended.
func (p *publisher) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		p.busy = false
		close(p.round)
	}
}

// first returns what is closed when the first fetch has ended, one way or the other.
func (p *publisher) first() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy && p.failures == 0 {
		return p.round
	}
	return nil
}

// again has the keys fetched, for a token that names another, and returns what is closed then; nil when they were fetched a moment ago, so that
// nobody can have it asked for them all the time.
func (p *publisher) again() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.busy:
		return p.round
	case time.Since(p.began) < leastFetch:
		return nil
	}
	p.busy, p.round = true, make(chan struct{})
	p.began = time.Now()
	select {
	case p.ask <- struct{}{}:
	default:
	}
	return p.round
}

// fetch fetches once and returns when to do so again.
func (p *publisher) fetch(ctx context.Context) time.Duration {
	d, keys, err := p.get(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.bad++
		p.failures++
		if p.failures == 1 && ctx.Err() == nil {
			p.log.Warn("the keys of an issuer cannot be fetched; those that are known stay good for a while", "issuer", p.name, "error", err)
		}
		return fetch.Again(p.failures, longRetry)
	}
	if p.failures > 0 || p.good == 0 {
		p.log.Info("the keys of an issuer were fetched", "issuer", p.name, "keys", len(keys))
	}
	p.good++
	p.failures = 0
	p.document, p.fetched = d, d.At
	next := p.settings.Refresh
	if d.MaxAge > 0 {
		next = min(max(d.MaxAge, leastFetch), next)
	}
	p.ring.replace(keys)
	p.ring.until.Store(d.At.Add(max(p.settings.Stale, next+p.settings.Timeout)).UnixNano())
	return next
}

// get fetches metadata and keys.
func (p *publisher) get(ctx context.Context) (*fetch.Document, []*key, error) {
	at := p.url
	if p.issuer != "" {
		var err error
		if at, err = p.discover(ctx); err != nil {
			return nil, nil, err
		}
	}
	d, err := p.client.Get(ctx, fetch.Request{URL: at, Accept: "application/jwk-set+json, application/json", Most: maxSet, Timeout: p.settings.Timeout, Roots: p.roots, Before: p.document})
	if err != nil {
		return nil, nil, fmt.Errorf("its keys: %w", err)
	}
	sum := sha256.Sum256(d.Body)
	keys, err := parseSet(d.Body, func(kid string, why error) {
		if sum != p.sum { // once is enough
			p.log.Warn("a key of an issuer is left out", "issuer", p.name, "kid", shortID(kid), "error", why)
		}
	})
	p.sum = sum
	if err != nil {
		return nil, nil, fmt.Errorf("its keys: %w", err)
	}
	return d, keys, nil
}

// discover finds out where the keys are (OpenID Connect Discovery 1.0 §4).
func (p *publisher) discover(ctx context.Context) (string, error) {
	d, err := p.client.Get(ctx, fetch.Request{URL: strings.TrimSuffix(p.issuer, "/") + "/.well-known/openid-configuration", Accept: "application/json", Most: maxSet, Timeout: p.settings.Timeout, Roots: p.roots})
	if err != nil {
		return "", fmt.Errorf("its metadata: %w", err)
	}
	v, err := policy.DecodeJSON(d.Body)
	m, is := v.(map[string]any)
	if err != nil || !is {
		return "", errors.New("its metadata is no JSON object")
	}
	if m["issuer"] != p.issuer {
		return "", errors.New("its metadata is that of another issuer")
	}
	text, _ := m["jwks_uri"].(string)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("its metadata does not say where its keys are")
	}
	if err := p.settings.permits(u); err != nil {
		return "", fmt.Errorf("its metadata: %w", err)
	}
	return text, nil
}

// KeySet tells how it is going.
func (p *publisher) KeySet() telemetry.KeySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := telemetry.KeySet{Name: p.name, Fetched: p.fetched, Usable: p.ring.usable(time.Now().UnixNano()), Fetches: p.good, Failures: p.bad}
	if keys := p.ring.keys.Load(); keys != nil {
		s.Keys = len(*keys)
	}
	return s
}

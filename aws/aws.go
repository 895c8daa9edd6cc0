// Package aws signs requests to Amazon's services (Signature Version 4) with credentials that are found where Amazon's own tools find them.
// Nothing else knows Amazon's library.
//
// aws.go keeps credentials, chain.go finds them, sign.go signs.
package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/schema"
)

// Keys are credentials. Printed, they show nothing but where they are from.
type Keys struct {
	ID      schema.Secret // of the access key; no secret to Amazon, and of no use to anybody who reads a log
	Secret  schema.Secret
	Session schema.Secret // token of credentials that are lent for a time; empty for others
	Until   time.Time     // when they are of no use any more, zero for never
	From    string        // in a word or two
}

// A Finder finds credentials, however long that takes; region is where they are to be used.
type Finder func(ctx context.Context, region string) (Keys, error)

// Credentials are those that the process has for a region. They are looked for beside requests, see Keep, so that none waits but those that
// come before the first look has ended.
type Credentials struct {
	region string
	find   Finder
	log    *slog.Logger
	now    atomic.Pointer[found] // nil until the first look has ended
	once   sync.Once
	ready  chan struct{} // closed then
	doubts chan struct{} // Amazon did not take them
}

// A found is what looking came to: keys, those of before when others could not be found, and why they could not.
type found struct {
	keys   *Keys // nil for none
	signer *signer
	err    error
}

// NewCredentials makes credentials for a region. Nothing is looked for until Keep.
func NewCredentials(region string, find Finder, log *slog.Logger) *Credentials {
	return &Credentials{region: region, find: find, log: log, ready: make(chan struct{}), doubts: make(chan struct{}, 1)}
}

// Region is where they are used.
func (c *Credentials) Region() string { return c.region }

// Ready is closed once it is known whether there are any.
func (c *Credentials) Ready() <-chan struct{} { return c.ready }

// Times of looking.
const (
	lookTime  = 30 * time.Second // for one look
	early     = 5 * time.Minute  // before the end of what was found
	leastWait = 5 * time.Second  // between looks, whatever is wrong
	mostWait  = time.Minute      // after a look that failed
)

// Keep looks for credentials, for new ones before those that are there end, and again when Amazon does not take them, until ctx is done.
func (c *Credentials) Keep(ctx context.Context) {
	for failures := 0; ; {
		wait := c.look(ctx, &failures)
		if !pause(ctx, leastWait, nil) {
			return
		}
		if rest := wait - leastWait; rest != 0 && !pause(ctx, rest, c.doubts) {
			return
		}
	}
}

// pause waits for d, or until wake; for ever when d is negative. It returns false once ctx is done.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	var due <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
	case <-wake:
	}
	return ctx.Err() == nil
}

// look looks once, and returns after how long it has to be looked again, 0 for never.
func (c *Credentials) look(ctx context.Context, failures *int) time.Duration {
	limited, end := context.WithTimeout(ctx, lookTime)
	defer end()
	keys, err := c.find(limited, c.region)
	if ctx.Err() != nil {
		return 0
	}
	if err == nil && (keys.ID.Reveal() == "" || keys.Secret.Reveal() == "") {
		err = errors.New("what was found has no key")
	}
	before := c.now.Load()
	if err != nil {
		*failures++
		now := &found{err: err}
		if before != nil {
			now.keys, now.signer = before.keys, before.signer // Amazon may still take them, and is who knows
		}
		c.settle(now)
		wait := min(leastWait<<min(*failures-1, 10), mostWait)
		c.log.Error("no credentials for AWS are found", "region", c.region, "error", err.Error(), "former", now.keys != nil, "again_in", wait.String(),
			"hint", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile by AWS_PROFILE, or give the machine, task or pod a role")
		return wait
	}
	*failures = 0
	c.settle(&found{keys: &keys, signer: newSigner()})
	if before == nil || before.keys == nil || before.keys.ID.Reveal() != keys.ID.Reveal() {
		c.log.Info("credentials for AWS are found", "region", c.region, "from", keys.From, "until", until(keys.Until))
	}
	if keys.Until.IsZero() {
		return 0
	}
	left := time.Until(keys.Until)
	return max(left-early, left/4, leastWait)
}

func until(t time.Time) string {
	if t.IsZero() {
		return "always"
	}
	return t.UTC().Format(time.RFC3339)
}

func (c *Credentials) settle(f *found) {
	c.now.Store(f)
	c.once.Do(func() { close(c.ready) })
}

// Doubt says that Amazon did not take the credentials. They are looked for anew, but not more often than every few seconds.
func (c *Credentials) Doubt() {
	select {
	case c.doubts <- struct{}{}:
	default:
	}
}

// known returns the credentials, or why there are none.
func (c *Credentials) known() (*found, error) {
	now := c.now.Load()
	switch {
	case now == nil:
		return nil, errors.New("it is not known yet whether there are credentials for AWS")
	case now.keys == nil:
		return nil, fmt.Errorf("there are no credentials for AWS: %w", now.err)
	}
	return now, nil
}

// Mask blackens the credentials in a text that came from elsewhere. Amazon tells those whose signature is wrong what they should have
// signed, a session's token with it.
func (c *Credentials) Mask(text string) string {
	now := c.now.Load()
	if now == nil || now.keys == nil {
		return text
	}
	for _, s := range []schema.Secret{now.keys.Session, now.keys.Secret, now.keys.ID} {
		if plain := s.Reveal(); plain != "" {
			text = strings.ReplaceAll(text, plain, s.String())
		}
	}
	return text
}

package ipfilter

// The lists that are fetched.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"sallyport/fetch"
	"sallyport/plug"
	"sallyport/store"
)

// feeds takes the lists that are fetched. Policies with the same feed share one.
func (f *filter) feeds(c *Config, env *plug.Env) {
	for i := range c.Feeds {
		feed := &c.Feeds[i]
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %v %v", feed.URL, feed.Interval, feed.Timeout, feed.MaxSize)) // a URL may hold a secret
		name := "ip_filter feed " + hex.EncodeToString(sum[:])
		s := &subscription{
			list: store.Shared(env.State, name, func() *list { return &list{first: make(chan struct{})} }),
			feed: *feed, fetch: env.Fetch, log: env.Log, host: hostOf(feed.URL),
			changed: env.Acted("ip_filter", "list_changed"), broken: env.Acted("ip_filter", "list_broken"),
		}
		env.Tend(name, s.run)
		allows := feed.List == "allow"
		f.restricts = f.restricts || allows
		f.sources = append(f.sources, source{list: s.list, name: s.host, allows: allows, lax: feed.UntilFetched == "pass"})
	}
}

// hostOf is what of a URL may be shown: the rest may hold a secret.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

// A subscription fetches one list.
type subscription struct {
	list            *list
	feed            Feed
	fetch           *fetch.Client
	log             *slog.Logger
	host            string
	changed, broken func()

	doc      *fetch.Document   // what was fetched last, without its body
	sum      [sha256.Size]byte // of its body
	failures int
}

// run fetches the list again and again.
func (s *subscription) run(ctx context.Context) {
	for {
		wait := s.once(ctx)
		s.list.tried.Do(func() { close(s.list.first) })
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// once fetches the list and returns how long to wait until the next time. What was fetched last holds until there is something better.
func (s *subscription) once(ctx context.Context) time.Duration {
	doc, err := s.fetch.Get(ctx, fetch.Request{URL: s.feed.URL, Accept: "text/plain, */*;q=0.5", Most: int64(s.feed.MaxSize), Timeout: s.feed.Timeout, Before: s.doc})
	if err == nil && doc.Body != nil {
		err = s.take(doc)
	}
	switch {
	case ctx.Err() != nil:
		return 0
	case err == nil:
		s.failures = 0
		return s.feed.Interval
	}
	s.failures++
	s.broken()
	s.log.Error("an address list cannot be fetched, so the one before holds, if there is one", "host", s.host, "error", err, "failures", s.failures)
	return fetch.Again(s.failures, s.feed.Interval)
}

func (s *subscription) take(doc *fetch.Document) error {
	c, err := reading{loose: true}.read(doc.Body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(doc.Body)
	doc.Body = nil
	s.doc = doc
	if sum == s.sum {
		return nil
	}
	s.sum = sum
	s.list.now.Store(c)
	s.changed()
	s.log.Info("an address list was fetched", "host", s.host, "networks", c.size)
	return nil
}

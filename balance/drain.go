package balance

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sallyport/schema"
)

// This file lets an operator take a target out of an upstream and put it back, while everything runs.

// ErrUnknown is what Drain and Restore return, wrapped, for an upstream or target that is not there.
var ErrUnknown = errors.New("unknown")

// A Drained says what a Drain or Restore came to.
type Drained struct {
	Upstream string `json:"upstream"`
	Target   string `json:"target"` // its URL
	Drained  bool   `json:"drained"`
	Changed  bool   `json:"changed"`           // it was not so before
	Active   int    `json:"active"`            // calls that wait for the head of their response
	Open     int    `json:"open"`              // connections, with the idle ones and those of long streams
	Left     int    `json:"left"`              // targets of the upstream that get new calls
	Warning  string `json:"warning,omitempty"` // what the operator should know
}

// Drain has the target of that URL get no new calls from the upstream. Calls in flight, streams and tunnels go on, and so do
// the sessions of clients that a cookie has stuck to it. It lasts until Restore, or until the upstream no longer has the target; not
// beyond the process. A URL with a name that was looked up stands for all the targets that it has led to so far. Also the last target
// may be drained: what the upstream answers then is told in Warning.
func (r *Registry) Drain(upstream, target string) (Drained, error) {
	return r.drain(upstream, target, true)
}

// Restore has the target of that URL get calls again.
func (r *Registry) Restore(upstream, target string) (Drained, error) {
	return r.drain(upstream, target, false)
}

func (r *Registry) drain(upstream, target string, drained bool) (Drained, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, found, err := r.find(upstream, target)
	if err != nil {
		return Drained{}, err
	}
	d := Drained{Upstream: u.name, Target: found[0].url, Drained: drained}
	if len(found) > 1 {
		d.Target = canonical(target).text()
	}
	var changed []string
	out := 0
	for _, t := range found {
		d.Active += int(t.inflight.Load())
		d.Open += t.pool.Stats().Open
		if !t.in() {
			out++
		}
		if t.seat.drained.Swap(drained) == drained {
			continue
		}
		changed = append(changed, t.name)
		if !drained {
			t.seat.since.Store(r.clock(time.Now())) // it has been without calls, as if it were new
		}
	}
	for _, o := range u.roster.Load().targets {
		if o.serves() {
			d.Left++
		}
	}
	switch {
	case drained && d.Left == 0:
		d.Warning = "no target of the upstream is left: its calls are answered 503 no_healthy_target until one is restored or back in service"
	case !drained && out == len(found):
		d.Warning = "the target is out of service, and gets calls once it is back"
	}
	if d.Changed = len(changed) > 0; d.Changed {
		what := "target is restored"
		if drained {
			what = "target is drained"
		}
		r.o.Log.Info(what, "upstream", u.name, "target", strings.Join(changed, ", "), "left", d.Left)
	}
	return d, nil
}

// find returns the target of that URL in the configuration in use, or the targets that the name in it has led to. The caller holds mu.
func (r *Registry) find(upstream, wanted string) (*Upstream, []*target, error) {
	if r.current == nil || r.current.upstreams[upstream] == nil {
		hint := ""
		if r.current != nil {
			if near := schema.Nearest(upstream, r.current.Names()); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
		}
		return nil, nil, fmt.Errorf("upstream %q: %w%s", upstream, ErrUnknown, hint)
	}
	u, place := r.current.upstreams[upstream], canonical(wanted)
	var named []*target
	var urls []string
	for _, t := range u.roster.Load().targets {
		switch here := canonical(t.url); {
		case t.name == wanted, place != nil && place.text() == here.text():
			return u, []*target{t}, nil
		case place != nil && t.named && place.URL.Scheme == here.URL.Scheme && place.host() == t.host && place.base() == t.base:
			named = append(named, t)
		}
		if len(urls) < 8 {
			urls = append(urls, t.url)
		}
	}
	if len(named) > 0 {
		return u, named, nil
	}
	return nil, nil, fmt.Errorf("target %q of upstream %q: %w; its targets are %s", wanted, upstream, ErrUnknown, strings.Join(urls, ", "))
}

// canonical reads a URL as a target's is, nil for what can be none.
func canonical(text string) *Target {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	t := &Target{URL: u}
	if t.Check() != nil {
		return nil
	}
	return t
}

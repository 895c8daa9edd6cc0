package balance

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file is how upstreams follow sources: before a configuration is used, when it comes into use, and whenever a source has
// something new.

// find returns sources for u in a configuration that is not in use yet, and has u follow them.
func (s *Set) find(u *Upstream) func(sourceKey) *source {
	return func(k sourceKey) *source {
		x := s.registry.source(k, s.sources)
		if x.wanted == "" {
			x.wanted = u.name
		}
		s.sources[k], u.sources[k] = x, x
		return x
	}
}

// Look looks at the sources of s at which nobody has looked yet, so that its upstreams have targets when s comes into use. It waits
// no longer than limit; what takes longer is used once it is there. It need not be called.
func (s *Set) Look(limit time.Duration) {
	r := s.registry
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for range 2 { // a list of targets has names to be looked up in turn
		r.mu.Lock()
		var todo []*source
		for _, x := range s.sources {
			if !x.tried && !x.known && !x.looking {
				todo = append(todo, x)
			}
		}
		r.mu.Unlock()
		done := make(chan struct{}, len(todo))
		for _, x := range todo {
			if !r.begin() {
				return
			}
			go func() {
				defer r.crew.Done()
				x.look()
				done <- struct{}{}
			}()
		}
		for range todo {
			select {
			case <-done:
			case <-timer.C:
				return
			}
		}
		if len(todo) == 0 {
			return
		}
		r.mu.Lock()
		s.rebuild()
		r.mu.Unlock()
	}
}

// rebuild gives the upstreams of s that follow sources the targets that these know of now. The caller holds mu.
func (s *Set) rebuild() {
	for _, u := range s.upstreams {
		if len(u.sources) > 0 {
			clear(u.sources)
			u.roster.Store(u.recruit(u.list(s.find(u)), s.endpoint))
		}
	}
}

// follow has the upstreams of s, which comes into use, follow their sources from now on. The caller holds mu.
func (s *Set) follow() {
	s.rebuild() // something may have come meanwhile
	for _, u := range s.upstreams {
		for k := range u.sources {
			x := s.registry.source(k, s.sources)
			u.sources[k] = x
			x.join(u)
		}
	}
}

// unfollow ends the following of u. The caller holds mu.
func (u *Upstream) unfollow() {
	for _, x := range u.sources {
		x.leave(u)
	}
}

// refresh gives u, which is in use, the targets that its sources know of now. When some of these are names that nobody has looked up yet,
// u keeps the targets that it has until that is done. The caller holds mu and closes the endpoints that are returned.
func (r *Registry) refresh(u *Upstream, told *tales) (gone []*endpoint) {
	next := map[sourceKey]*source{}
	list := u.list(func(k sourceKey) *source {
		x := next[k]
		if x == nil {
			x = r.source(k, u.sources)
			next[k] = x
		}
		return x
	})
	unknown := false
	for k, x := range next {
		x.join(u)
		unknown = unknown || !x.tried && !x.known
		u.sources[k] = x
	}
	before := u.roster.Load()
	if unknown && len(before.targets) > 0 {
		return nil
	}
	for k, x := range u.sources {
		if next[k] == nil {
			x.leave(u)
			delete(u.sources, k)
		}
	}
	now := u.recruit(list, r.endpoint)
	if now.like(before) {
		return nil
	}
	told.info("targets have changed", "upstream", u.name, "targets", len(now.targets),
		"added", few(now.names(before)), "removed", few(before.names(now)))
	return r.change(u, now)
}

// like says whether o has the same targets.
func (r *roster) like(o *roster) bool {
	return slices.EqualFunc(r.targets, o.targets, func(a, b *target) bool {
		return a.key == b.key && a.url == b.url && a.host == b.host && a.step == b.step && a.group.priority == b.group.priority && slices.Equal(a.tags, b.tags)
	})
}

// names are the targets of r that o does not have.
func (r *roster) names(o *roster) (list []string) {
	had := map[string]bool{}
	for _, t := range o.targets {
		had[t.name] = true
	}
	for _, t := range r.targets {
		if !had[t.name] {
			list = append(list, t.name)
		}
	}
	return list
}

// few names some and counts the rest.
func few(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Files returns the files that sources in use look at.
func (r *Registry) Files() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.sources {
		if k.kind == kindFile {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Reread has the files looked at now that sources in use look at.
func (r *Registry) Reread() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range r.sources {
		if k.kind == kindFile {
			s.poke()
		}
	}
}

// A SourceStatus is how a source is at one moment.
type SourceStatus struct {
	Kind  string `json:"kind"` // dns, dns_srv or file
	Name  string `json:"name"`
	Found int    `json:"found"`           // addresses, or targets
	Ago   string `json:"ago,omitempty"`   // when that was last seen to be so
	Next  string `json:"next,omitempty"`  // when is looked again
	Error string `json:"error,omitempty"` // why the last look failed
}

// following tells of the sources of u.
func (u *Upstream) following() (list []SourceStatus) {
	r := u.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range u.sources {
		st := SourceStatus{Kind: k.kind, Name: k.name, Found: s.found.size()}
		if !s.good.IsZero() {
			st.Ago = time.Since(s.good).Round(time.Millisecond).String()
		}
		if !s.next.IsZero() {
			st.Next = max(0, time.Until(s.next)).Round(time.Millisecond).String()
		}
		if s.fault != nil {
			st.Error = s.fault.Error()
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b SourceStatus) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
	return list
}

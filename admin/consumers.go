package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sallyport/identity"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/store"
)

// This file is consumers: those of the document are shown, those of the store are changed as well.

// Where something is from.
const (
	fromDocument = "document"
	fromStore    = "store"
)

// A Consumer is one as it is shown.
type Consumer struct {
	Name    string     `json:"name"`
	Plan    string     `json:"plan,omitempty"`
	Tags    []string   `json:"tags"`
	Source  string     `json:"source"` // "document" or "store"
	Created *time.Time `json:"created,omitempty"`
	Updated *time.Time `json:"updated,omitempty"`
}

// Consumers is a page of them.
type Consumers struct {
	Consumers []Consumer `json:"consumers"`
	Next      string     `json:"next,omitempty"` // what to ask for after, for the next page
}

func storedConsumer(rec *store.ConsumerRecord) Consumer {
	return Consumer{rec.Name, rec.Plan, list(rec.Tags), fromStore, moment(rec.Created), moment(rec.Updated)}
}

func declaredConsumer(c *policy.Consumer) Consumer {
	return Consumer{Name: c.Name, Plan: c.Plan, Tags: list(c.Tags), Source: fromDocument}
}

// list is a list that is shown as such when it is empty.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// moment is a time that is left out when there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// consumer returns one by its name, nil when there is none. The document's wins, as it does for requests.
func (s *Server) consumer(name string) *Consumer {
	b := s.book()
	for _, c := range b.Declared() {
		if c.Name == name {
			shown := declaredConsumer(c)
			return &shown
		}
	}
	if rec, found := b.Registry().Consumer(name); found {
		shown := storedConsumer(&rec)
		return &shown
	}
	return nil
}

func (s *Server) consumers(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p, filters, bad := asked(r, "plan", "tag", "source")
	if bad != nil {
		return bad
	}
	b := s.book()
	var all []Consumer
	for _, c := range b.Declared() {
		all = append(all, declaredConsumer(c))
	}
	declared := len(all)
	for _, rec := range b.Registry().Consumers() {
		if !slices.ContainsFunc(all[:declared], func(c Consumer) bool { return c.Name == rec.Name }) {
			all = append(all, storedConsumer(&rec))
		}
	}
	all = slices.DeleteFunc(all, func(c Consumer) bool {
		return other(filters, "plan", c.Plan) || other(filters, "source", c.Source) || filters["tag"] != "" && !slices.Contains(c.Tags, filters["tag"])
	})
	slices.SortFunc(all, func(a, b Consumer) int { return cmp.Compare(a.Name, b.Name) })
	some, next, bad := cut(all, p, func(c *Consumer) string { return c.Name })
	if bad != nil {
		return bad
	}
	return s.show(w, Consumers{list(some), next})
}

// other says whether a filter wants another value.
func other(filters map[string]string, name, value string) bool {
	want, given := filters[name]
	return given && want != value
}

func (s *Server) showConsumer(w http.ResponseWriter, r *http.Request) *problem.Problem {
	c := s.consumer(r.PathValue("consumer"))
	if c == nil {
		return notFound.New("There is no consumer %q.", r.PathValue("consumer"))
	}
	w.Header().Set("ETag", etag(c))
	return s.show(w, c)
}

// A consumerOrder is what a consumer is to be like.
type consumerOrder struct {
	Name string   `json:"name"`
	Plan string   `json:"plan"`
	Tags []string `json:"tags"`
}

func (s *Server) createConsumer(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o consumerOrder
	if p := order(w, r, &o, `{"name": "acme", "plan": "gold", "tags": ["partner"]}`); p != nil {
		return p
	}
	r.SetPathValue("consumer", o.Name)
	s.changing.Lock()
	defer s.changing.Unlock()
	if c := s.consumer(o.Name); c != nil && c.Source == fromDocument {
		return inDocument("consumer", o.Name)
	}
	rec, err := s.book().Registry().CreateConsumer(r.Context(), identity.ConsumerSpec{Name: o.Name, Plan: o.Plan, Tags: o.Tags})
	if err != nil {
		return refusedChange(err)
	}
	return s.madeConsumer(w, &rec)
}

func (s *Server) madeConsumer(w http.ResponseWriter, rec *store.ConsumerRecord) *problem.Problem {
	c := storedConsumer(rec)
	w.Header().Set("ETag", etag(&c))
	return s.made(w, "/api/consumers/"+url.PathEscape(rec.Name), &c)
}

// putConsumer makes a consumer, or gives it another plan and tags.
func (s *Server) putConsumer(w http.ResponseWriter, r *http.Request) *problem.Problem {
	o := consumerOrder{Name: r.PathValue("consumer")}
	if p := order(w, r, &o, `{"plan": "gold", "tags": ["partner"]}`); p != nil {
		return p
	}
	if o.Name != r.PathValue("consumer") {
		return problem.BadRequest.New("The name of a consumer does not change; make another one.")
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	now := s.consumer(o.Name)
	if p := matches(r, now); p != nil {
		return p
	}
	spec, registry := identity.ConsumerSpec{Name: o.Name, Plan: o.Plan, Tags: o.Tags}, s.book().Registry()
	if now == nil {
		rec, err := registry.CreateConsumer(r.Context(), spec)
		if err != nil {
			return refusedChange(err)
		}
		return s.madeConsumer(w, &rec)
	}
	if now.Source == fromDocument {
		return inDocument("consumer", o.Name)
	}
	rec, err := registry.UpdateConsumer(r.Context(), spec)
	if err != nil {
		return refusedChange(err)
	}
	c := storedConsumer(&rec)
	w.Header().Set("ETag", etag(&c))
	return s.show(w, &c)
}

// matches is unchanged for a pointer, of which nil is nothing.
func matches[T any](r *http.Request, now *T) *problem.Problem {
	if now == nil {
		return unchanged(r, nil)
	}
	return unchanged(r, now)
}

func (s *Server) deleteConsumer(w http.ResponseWriter, r *http.Request) *problem.Problem {
	name := r.PathValue("consumer")
	s.changing.Lock()
	defer s.changing.Unlock()
	now := s.consumer(name)
	switch {
	case now == nil:
		return notFound.New("There is no consumer %q.", name)
	case now.Source == fromDocument:
		return inDocument("consumer", name)
	}
	if p := matches(r, now); p != nil {
		return p
	}
	if err := s.book().Registry().RemoveConsumer(r.Context(), name); err != nil {
		return refusedChange(err)
	}
	return gone(w)
}

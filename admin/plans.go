package admin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sallyport/problem"
	"sallyport/store"
)

// This file is plans.

// A Plan is one as it is shown.
type Plan struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings"` // as in the document
	Source   string          `json:"source"`   // "document" or "store"
	Created  *time.Time      `json:"created,omitempty"`
	Updated  *time.Time      `json:"updated,omitempty"`
}

// Plans is a page of them.
type Plans struct {
	Plans []Plan `json:"plans"`
	Next  string `json:"next,omitempty"`
}

func storedPlan(rec *store.PlanRecord) Plan {
	return Plan{rec.Name, rec.Settings, fromStore, moment(rec.Created), moment(rec.Updated)}
}

// allPlans are those of the document and the store, by name.
func (s *Server) allPlans() (all []Plan) {
	b := s.book()
	for _, rec := range b.DeclaredPlans() {
		all = append(all, Plan{Name: rec.Name, Settings: rec.Settings, Source: fromDocument})
	}
	declared := len(all)
	for _, rec := range b.Registry().Plans() {
		if !slices.ContainsFunc(all[:declared], func(p Plan) bool { return p.Name == rec.Name }) {
			all = append(all, storedPlan(&rec))
		}
	}
	slices.SortFunc(all, func(a, b Plan) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// plan returns one by its name, nil when there is none.
func (s *Server) plan(name string) *Plan {
	for _, p := range s.allPlans() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

func (s *Server) plans(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p, filters, bad := asked(r, "source")
	if bad != nil {
		return bad
	}
	all := slices.DeleteFunc(s.allPlans(), func(p Plan) bool { return other(filters, "source", p.Source) })
	some, next, bad := cut(all, p, func(p *Plan) string { return p.Name })
	if bad != nil {
		return bad
	}
	return s.show(w, Plans{list(some), next})
}

func (s *Server) showPlan(w http.ResponseWriter, r *http.Request) *problem.Problem {
	p := s.plan(r.PathValue("plan"))
	if p == nil {
		return notFound.New("There is no plan %q.", r.PathValue("plan"))
	}
	w.Header().Set("ETag", etag(p))
	return s.show(w, p)
}

// A planOrder is what a plan is to be like.
type planOrder struct {
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"settings"`
}

func (s *Server) createPlan(w http.ResponseWriter, r *http.Request) *problem.Problem {
	var o planOrder
	if p := order(w, r, &o, `{"name": "gold", "settings": {"rate_limit": "100/s"}}`); p != nil {
		return p
	}
	r.SetPathValue("plan", o.Name)
	s.changing.Lock()
	defer s.changing.Unlock()
	if now := s.plan(o.Name); now != nil {
		if now.Source == fromDocument {
			return inDocument("plan", o.Name)
		}
		return conflict.New("There is a plan %q already.", o.Name)
	}
	return s.setPlan(w, r, o, true)
}

// putPlan makes a plan, or gives it other settings.
func (s *Server) putPlan(w http.ResponseWriter, r *http.Request) *problem.Problem {
	o := planOrder{Name: r.PathValue("plan")}
	if p := order(w, r, &o, `{"settings": {"rate_limit": "100/s"}}`); p != nil {
		return p
	}
	if o.Name != r.PathValue("plan") {
		return problem.BadRequest.New("The name of a plan does not change; make another one.")
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	now := s.plan(o.Name)
	if p := matches(r, now); p != nil {
		return p
	}
	if now != nil && now.Source == fromDocument {
		return inDocument("plan", o.Name)
	}
	return s.setPlan(w, r, o, now == nil)
}

func (s *Server) setPlan(w http.ResponseWriter, r *http.Request, o planOrder, fresh bool) *problem.Problem {
	if len(o.Settings) == 0 || o.Settings[0] != '{' {
		return problem.BadRequest.New(`settings are missing, such as {"rate_limit": "100/s"}.`)
	}
	rec, err := s.book().Registry().PutPlan(r.Context(), o.Name, o.Settings)
	if err != nil {
		return refusedChange(err)
	}
	p := storedPlan(&rec)
	w.Header().Set("ETag", etag(&p))
	if fresh {
		return s.made(w, "/api/plans/"+url.PathEscape(rec.Name), &p)
	}
	return s.show(w, &p)
}

func (s *Server) deletePlan(w http.ResponseWriter, r *http.Request) *problem.Problem {
	name := r.PathValue("plan")
	s.changing.Lock()
	defer s.changing.Unlock()
	now := s.plan(name)
	switch {
	case now == nil:
		return notFound.New("There is no plan %q.", name)
	case now.Source == fromDocument:
		return inDocument("plan", name)
	}
	if p := matches(r, now); p != nil {
		return p
	}
	if err := s.book().Registry().RemovePlan(r.Context(), name); err != nil {
		return refusedChange(err)
	}
	return gone(w)
}

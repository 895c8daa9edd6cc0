package identity

import (
	"context"
	"fmt"
	"slices"

	"sallyport/schema"
	"sallyport/store"
)

// A Plan is what its consumers are allowed. It does not change: another one of that name takes its place.
type Plan struct {
	Name     string
	Settings PlanSettings
	key      string
}

func newPlan(name string, s PlanSettings) *Plan {
	key := name
	if r := s.RateLimit; r != nil {
		p := Plan{Settings: s}
		key = fmt.Sprintf("%s %+v %v", name, p.Limits(), r.LegacyHeaders)
	}
	return &Plan{name, s, key}
}

// Key tells two plans apart that differ in name or settings.
func (p *Plan) Key() string { return p.key }

// Rates are the limits of a plan, none when it limits nothing.
func (p *Plan) Rates() []schema.Rate {
	switch r := p.Settings.RateLimit; {
	case r == nil:
		return nil
	case r.Rate != nil:
		return []schema.Rate{*r.Rate}
	default:
		return r.Limits
	}
}

// Limits are the same for who counts them.
func (p *Plan) Limits() store.Limits {
	r := p.Settings.RateLimit
	l := store.Limits{Algorithm: map[string]store.Algorithm{"sliding_window": store.SlidingWindow, "fixed_window": store.FixedWindow}[r.Algorithm]}
	for _, rate := range p.Rates() {
		l.List = append(l.List, store.Limit{Count: rate.N, Period: rate.Per})
	}
	if r.Burst != nil {
		l.List[0].Burst = *r.Burst
	}
	return l
}

// checkPlan judges what only counting can tell.
func checkPlan(s *PlanSettings) error {
	p := Plan{Settings: *s}
	if rates := p.Rates(); len(rates) == 0 || slices.ContainsFunc(rates, func(r schema.Rate) bool { return r.N == 0 }) {
		return nil // said already: what cannot be read is nothing
	}
	l := p.Limits()
	return l.Check()
}

// readPlan reads the settings of a record, and returns them in one form as well.
func readPlan(text []byte) (s PlanSettings, plain []byte, errs schema.Errors) {
	n, errs := schema.Parse("settings", text)
	if len(errs) > 0 {
		return s, nil, errs
	}
	if errs = planType.Decode(n, &s, "settings"); len(errs) > 0 {
		return s, nil, errs
	}
	errs.Wrong(n, "settings.rate_limit", checkPlan(&s))
	return s, schema.AppendJSON(nil, n), errs
}

// PutPlan makes a plan of the store, or gives it other settings, which are JSON as in the document. They hold for the next request.
func (r *Registry) PutPlan(ctx context.Context, name string, settings []byte) (rec store.PlanRecord, err error) {
	if err := checkName(name); err != nil {
		return rec, wrong("name", "%v", err)
	}
	s, plain, errs := readPlan(settings)
	if len(errs) > 0 {
		return rec, &Invalid{errs[0].Path, errs[0].Msg}
	}
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if b := r.served.Load(); b != nil && b.plans[name] != nil {
			return store.Change{}, nil, there("plan", name)
		}
		rec = store.PlanRecord{Name: name, Settings: plain, Created: now()}
		rec.Updated = rec.Created
		if old, found := k.plans.find(name); found {
			rec.Created = old.Created
		}
		return store.Change{Put: store.Records{Plans: []store.PlanRecord{rec}}}, func() {
			k.plans.put(name, &storedPlan{rec, newPlan(name, s)})
		}, nil
	})
	return rec, err
}

// RemovePlan forgets a plan that no consumer has.
func (r *Registry) RemovePlan(ctx context.Context, name string) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if _, found := k.plans.find(name); !found {
			return store.Change{}, nil, none("plan", name)
		}
		for _, rec := range k.consumers.all() {
			if rec.Plan == name {
				return store.Change{}, nil, wrong("name", "the consumer %q has it", rec.Name)
			}
		}
		if b := r.served.Load(); b != nil {
			for _, c := range b.consumers {
				if c.Plan == name && b.plans[name] == nil {
					return store.Change{}, nil, wrong("name", "the consumer %q of the document has it", c.Name)
				}
			}
		}
		return store.Change{Remove: store.Removed{Plans: []string{name}}}, func() { k.plans.drop(name) }, nil
	})
}

// Plans returns the plans of the store, by name.
func (r *Registry) Plans() []store.PlanRecord {
	k := r.roll.Load()
	var out []store.PlanRecord
	for _, name := range slices.Clone(names(k.plans)) {
		if p, found := k.plans.find(name); found {
			out = append(out, p.PlanRecord)
		}
	}
	return out
}

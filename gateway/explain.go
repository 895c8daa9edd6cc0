package gateway

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"sallyport/config"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/route"
	"sallyport/schema"
	"sallyport/wire"
)

// This file explains a request: it goes the same way as one that is served, but each step is asked what it would do instead of
// doing it. Nothing is sent, counted or logged.

// errNothingServed is what Explain says before the first document.
var errNothingServed = errors.New("no document is served yet")

// Explain says what would become of a request right now. An error is a *QuestionError, or says that nothing is served.
func (g *Gateway) Explain(q *Question) (*Explanation, error) {
	s := g.now.Load()
	if s == nil {
		return nil, errNothingServed
	}
	return s.explain(q)
}

// Explain says what would become of a request if the document at path were served. An error is a *QuestionError, or a
// schema.Errors of the document.
func Explain(path string, o Options, q *Question) (*Explanation, error) {
	doc, errs := config.Load(path, config.Options{Env: o.Env})
	return explain(doc, errs, o, q)
}

// ExplainBytes is Explain of a document that is in memory; name stands for it in messages.
func ExplainBytes(name string, data []byte, o Options, q *Question) (*Explanation, error) {
	doc, errs := config.Parse(name, data, config.Options{Env: o.Env})
	return explain(doc, errs, o, q)
}

func explain(doc *config.Document, errs schema.Errors, o Options, q *Question) (*Explanation, error) {
	if o.Dial == nil { // names are told of as they are, without looking them up
		o.Dial = func(string, string, time.Time) (net.Conn, error) { return nil, errNothingServed }
	}
	g := beside(doc, o, nil)
	defer g.registry.Close()
	b := g.newBuilder(doc, errs)
	s := b.build()
	if wrong := b.all(); len(wrong) > 0 {
		return nil, wrong
	}
	return s.explain(q)
}

// An explaining is one explanation in the making.
type explaining struct {
	*snapshot
	out      *Explanation
	flow     *flow
	before   wire.Header // of the request, as the client sent it
	admitted wire.Header // what the gateway left of that
	now      time.Time
	hide     *disguise
	unsure   bool // a policy asks somebody, so that what follows is not sure
}

func (s *snapshot) explain(q *Question) (*Explanation, error) {
	a, err := q.made(s.doc)
	if err != nil {
		return nil, err
	}
	e := &explaining{snapshot: s, out: &Explanation{Outcome: "refused", Routes: []ExplainedRoute{}}, flow: &flow{snapshot: s}, now: time.Now(), hide: s.disguise()}
	e.out.Request = ExplainedRequest{
		Method: a.method, Scheme: a.scheme, Host: a.host, Path: e.target(a.path), Client: a.client.String(), Peer: a.client.String(),
	}
	e.out.Request.Listener = s.doc.Listeners[a.listener].Address
	r, fault := a.read(&s.doc.Limits)
	if fault != nil {
		e.refused("parser", refusal(fault))
		return e.out, nil
	}
	e.before = r.Header.Clone()
	e.hide.learn(r)
	e.request(r, a)
	return e.out, nil
}

// request explains what becomes of a request that could be read; compare flow.serve.
func (e *explaining) request(r *wire.Request, a *asked) {
	x := &e.flow.x
	r.State = e.flow
	x.Request, x.Start, x.Log = r, e.now, slog.New(slog.DiscardHandler)
	c := clientOf(r.Conn)
	x.Client, x.Port = e.edge.Admit(r, &c.facts)
	x.ID = e.edge.Identify(r, &c.facts, e.now)
	x.Trace = wire.ContinueTrace(r)
	r.BodyLimit = e.bodyLimit
	e.admitted = r.Header.Clone()
	e.out.Request = ExplainedRequest{
		Method: r.Method, Scheme: r.Scheme, Host: r.Host + colon(r.Port), Path: e.mask(r.Path.Text), Query: e.query(r.Query),
		Client: x.Client.String(), Peer: a.client.String(), Listener: e.out.Request.Listener,
	}
	if r.Path.Raw != r.Path.Text {
		e.out.Request.Raw = e.mask(r.Path.Raw)
	}
	if e.turnedAway(r, &e.doc.Listeners[a.listener]) {
		return
	}
	e.flow.sought = true
	if method, _ := r.Preflight(); e.sharing && method != "" && e.preflight(method) {
		return
	}
	if found := e.route(); found != nil {
		e.chain(found)
	}
}

func colon(port string) string {
	if port == "" {
		return ""
	}
	return ":" + port
}

// turnedAway explains what a listener does with a request that it does not let further in.
func (e *explaining) turnedAway(r *wire.Request, l *config.Listener) bool {
	t := &terms{hosts: newHostSet(l.Hosts)}
	if l.RedirectToHTTPS {
		port := securePort(e.doc)
		t.redirect = &port
	}
	if !t.serves(r) {
		e.refused("listener", problem.Misdirected.New("This listener does not serve the host."))
		return true
	}
	resp := t.elsewhere(r)
	if resp != nil {
		e.answered("listener", resp)
	}
	return resp != nil
}

// route explains which route takes the request, nil when none does.
func (e *explaining) route() *rule {
	x := &e.flow.x
	got := e.table.Explain(x)
	e.candidates(&got, got.Winner)
	if got.Err != nil {
		e.unrouted(&got)
		return nil
	}
	e.take(got.Winner)
	if got.Winner.Value.version != nil {
		if err := e.flow.outdated(); err != nil {
			_, err = got.Winner.Value.outside(x, err)
			e.refused("versions", err)
			return nil
		}
	}
	if r := x.Request; got.Winner.Value.raw {
		r.Path.Text = r.Path.Raw
	}
	return got.Winner
}

// candidates lists the routes that were thought of.
func (e *explaining) candidates(got *route.Explanation[*served], chosen *rule) {
	e.out.Others = got.Others
	for _, c := range got.Candidates {
		e.out.Routes = append(e.out.Routes, ExplainedRoute{
			API: c.Rule.Value.api, Name: c.Rule.Value.name, Match: c.Rule.Match.String(), Place: c.Rule.Value.pos.String(),
			Chosen: c.Rule == chosen, Lacks: e.mask(c.Lacks), Behind: c.Behind,
		})
	}
}

// take tells which route it is.
func (e *explaining) take(found *rule) {
	e.flow.take(found)
	to := found.Value
	e.out.Route = &ChosenRoute{API: to.api, Name: to.name, Backend: to.backend}
	e.version()
	for _, p := range e.flow.x.Params {
		e.out.Route.Params = append(e.out.Route.Params, policy.Fact{Name: p.Name, Value: e.field(p.Name, p.Value)})
	}
}

// unrouted explains why no route takes the request.
func (e *explaining) unrouted(got *route.Explanation[*served]) {
	got.Err = e.flow.lost(got.Err)
	e.version()
	if allow := route.Allow(""); errors.As(got.Err, &allow) {
		e.out.Outcome = "answered"
		e.out.Answer = &ExplainedAnswer{Status: 204, By: "routes", Headers: []policy.Fact{{Name: "Allow", Value: string(allow)}}}
		return
	}
	_, err := e.outside(&e.flow.x, nil, got.Err)
	e.refused("routes", err)
	switch {
	case got.Reads != nil && got.Reads != got.Candidates[0].Rule:
		e.out.Answer.Cause = "a server could read the path as " + got.Reading + ", which the route " + got.Reads.Value.name + " takes, and that one is stricter"
	case got.Reads != nil:
		e.out.Answer.Cause = "a server could read the path as " + got.Reading + ", and nobody can tell whose that is"
	}
}

// chain explains the policies of a route, and what it ends in.
func (e *explaining) chain(found *rule) {
	x, v := &e.flow.x, found.Value
	done := false
	for _, s := range v.steps {
		if s.kind == planKind && (x.Consumer == nil || x.Consumer.Plan == "") {
			continue
		}
		p := e.step(&s, done)
		done = done || p.Outcome == "refuses" || p.Outcome == "answers"
		e.out.Policies = append(e.out.Policies, p)
	}
	if done {
		return
	}
	if r := x.Request; r.BodyLimit > 0 && r.Length > r.BodyLimit {
		e.refused(v.backend, problem.BodyTooBig.New("The body may have at most %v.", schema.Size(r.BodyLimit)))
		return
	}
	e.backend(v)
}

// step explains one policy; done says that one before it has ended the request.
func (e *explaining) step(s *step, done bool) ExplainedPolicy {
	p := ExplainedPolicy{Kind: s.kind, Use: s.use, Of: "route", Place: s.node.Pos.String(), Outcome: "not reached"}
	switch {
	case s.version:
		p.Of = "version"
	case s.api:
		p.Of = "api"
	}
	inner := s.policy
	for {
		c, conditional := inner.(*conditional)
		if !conditional {
			break
		}
		if p.When != "" {
			p.When += " and "
		}
		p.When += c.when.String()
		inner = c.policy
		if done {
			continue
		}
		switch holds, err := c.when.Bool(&e.flow.x); {
		case err != nil && e.unsure:
			p.Outcome = "may refuse"
			return p
		case err != nil:
			p.Outcome, p.Why = "refuses", "nobody can tell whether its condition holds"
			e.refused(s.kind, plug.Failed(err))
			return p
		case !holds:
			c.strip(&e.flow.x)
			p.Outcome, p.Why = "skipped", "its condition does not hold"
			return p
		}
	}
	if done {
		return p
	}
	explainer, can := inner.(policy.Explainer)
	if !can {
		p.Outcome, p.Why = "runs", e.shown(s.node)
		return p
	}
	e.verdict(&p, explainer.Explain(&e.flow.x))
	return p
}

// verdict puts what a policy says of itself into p.
func (e *explaining) verdict(p *ExplainedPolicy, v policy.Verdict) {
	p.Outcome, p.Why, p.Facts, p.Changes = "passes", e.mask(v.Why), e.facts(v.Facts), e.changes(v.Changes)
	switch {
	case e.unsure && (v.Err != nil || v.Response != nil):
		p.Outcome = "may refuse" // it depends on what is not known
	case v.Asks:
		p.Outcome, e.unsure = "asks", true
	case v.Err != nil:
		p.Outcome = "refuses"
		e.refused(p.Kind, v.Err)
	case v.Response != nil:
		p.Outcome = "answers"
		e.answered(p.Kind, v.Response)
	case len(v.Changes) > 0:
		p.Outcome = "changes"
	}
}

// backend explains what a route ends in.
func (e *explaining) backend(v *served) {
	if v.explainer == nil {
		e.out.Outcome = "answered"
		e.out.Answer = &ExplainedAnswer{By: v.backend, Detail: "what it answers cannot be told without asking it"}
		return
	}
	said := v.explainer.Explain(&e.flow.x)
	switch {
	case said.Err != nil:
		e.refused(v.backend, said.Err)
	case said.Response != nil:
		e.answered(v.backend, said.Response)
	default:
		e.out.Outcome, e.out.Balance, e.out.Beside = "forwarded", e.mask(said.Why), e.facts(said.Facts)
		e.out.Graph = e.facts(said.Graph)
		e.calls(said.Calls)
	}
}

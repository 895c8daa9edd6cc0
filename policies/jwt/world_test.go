package jwt

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"sallyport/fetch"
	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/telemetry"
	"sallyport/test/signed"
	"sallyport/wire"
)

// A world is what a policy is built in.
type world struct {
	t        *testing.T
	state    *store.State
	registry *identity.Registry
	client   *fetch.Client
	tended   map[string]func(context.Context)
	counts   map[string]int // of denials, by reason
	asks     []func() telemetry.KeySet
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, state: store.New(), registry: identity.NewRegistry(slog.New(slog.DiscardHandler)), client: fetch.New(nil),
		tended: map[string]func(context.Context){}, counts: map[string]int{},
	}
}

func (w *world) env() *plug.Env {
	return &plug.Env{
		Log: slog.New(slog.DiscardHandler), State: w.state, Identity: identity.EmptyBook(w.registry), Fetch: w.client,
		Tend:   func(name string, f func(context.Context)) { w.tended[name] = f },
		Keys:   func(ask func() telemetry.KeySet) { w.asks = append(w.asks, ask) },
		Denied: func(_, reason string) func() { return func() { w.counts[reason]++ } },
		Warn:   func(string, ...any) {},
	}
}

// try builds the policy of a document.
func (w *world) try(yaml string) (*gate, schema.Errors) {
	w.t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		w.t.Fatal(errs)
	}
	p, errs := Kind.Build(n, "jwt", w.env())
	g, _ := p.(*gate)
	return g, errs
}

// gate is try of a document that is right.
func (w *world) gate(yaml string) *gate {
	w.t.Helper()
	g, errs := w.try(yaml)
	if len(errs) > 0 {
		w.t.Fatal(errs)
	}
	return g
}

// with is a document that trusts a key, with more settings behind.
func with(settings string, k *signed.Key) string {
	return "{key: " + quoted(k) + ", " + settings + "}"
}

func quoted(k *signed.Key) string {
	jwk, _ := json.Marshal(k.JWK())
	text, _ := json.Marshal(string(jwk))
	return string(text)
}

// asked is a request that shows a token.
func asked(token string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{Method: "GET", Path: wire.Path{Text: "/"}}, Client: netip.MustParseAddr("192.0.2.1"), Start: time.Now()}
	if token != "" {
		x.Request.Header.AddKnown(wire.Authorization, "Bearer "+token)
	}
	return x
}

var answered = &wire.Response{Status: 200}

func next(*policy.Exchange) (*wire.Response, error) { return answered, nil }

// send sends a token through g and returns why it was denied, "" when it was not.
func send(g *gate, token string) (reason string, err error) {
	x := asked(token)
	_, err = g.Handle(x, next)
	return x.Denied.Reason, err
}

func testKey(t testing.TB, id, algorithm string) *signed.Key {
	t.Helper()
	k, err := signed.NewKey(id, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func token(t testing.TB, k *signed.Key, claims map[string]any) string {
	t.Helper()
	text, err := k.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// inAnHour is the usual exp.
func inAnHour() int64 { return time.Now().Add(time.Hour).Unix() }

func parseYAML(text string) (*schema.Node, schema.Errors) {
	return schema.Parse("test.yaml", []byte(text))
}

// only is the one issuer that g trusts.
func only(g *gate) *trusted {
	for _, t := range g.verifier.issuers {
		return t
	}
	return nil
}

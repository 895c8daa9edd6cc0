package authorize

import (
	"log/slog"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t *testing.T, yaml string, challenges ...string) (*rules, map[string]int, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	counts := map[string]int{}
	p, errs := Kind.Build(n, "authorize", &plug.Env{
		Denied:     func(p, reason string) func() { return func() { counts[reason]++ } },
		Challenges: challenges,
	})
	r, _ := p.(*rules)
	return r, counts, errs
}

func exchange() *policy.Exchange {
	r := &wire.Request{Method: "GET", Host: "example.com", Query: "secret=CANARY"}
	r.Path.Text = "/orders/1"
	r.Header.Add("Authorization", "CANARY")
	return &policy.Exchange{Request: r, Log: slog.New(slog.DiscardHandler)}
}

func TestWhoeverItIs(t *testing.T) {
	jwt := policy.Auth{Type: "jwt", Subject: "u1", Scopes: []string{"read"}, Claims: map[string]any{"tenant": "acme", "roles": []any{"admin"}, "level": int64(3)}}
	acme := &policy.Consumer{Name: "acme", Plan: "gold", Tags: []string{"beta"}}
	for _, c := range []struct {
		rule       string
		auth       policy.Auth
		consumer   *policy.Consumer
		challenges string
		want       string // problem and reason, "" for a pass
	}{
		{`auth.claims.tenant == "acme"`, jwt, nil, "", ""},
		{`auth.claims.tenant == "other"`, jwt, nil, "Bearer", "forbidden denied"},
		{`auth.claims.tenant == "acme"`, policy.Auth{}, nil, "Bearer", "missing_credentials unknown_sender"},
		{`auth.claims.tenant == "acme"`, policy.Auth{}, nil, "", "forbidden failed"},
		{`auth.claims.other == "acme"`, jwt, nil, "Bearer", "forbidden failed"},
		{`"admin" in auth.claims.roles`, jwt, nil, "", ""},
		{`"root" in auth.claims.roles`, jwt, nil, "", "forbidden denied"},
		{`auth.claims.level >= 3`, jwt, nil, "", ""},
		{`auth.claims.tenant >= 3`, jwt, nil, "", "forbidden failed"}, // of another type
		{`"read" in auth.scopes`, jwt, nil, "", ""},
		{`"write" in auth.scopes`, jwt, nil, "Bearer", "forbidden denied"},
		{`consumer.plan == "gold"`, policy.Auth{}, acme, "", ""},
		{`consumer.plan == "free"`, policy.Auth{Type: "api_key"}, acme, "ApiKey", "forbidden denied"},
		{`consumer.name == "acme"`, policy.Auth{}, nil, "ApiKey", "missing_credentials unknown_sender"},
		{`"beta" in consumer.tags`, policy.Auth{}, acme, "", ""},
		{`request.method == "POST"`, policy.Auth{}, nil, "Bearer", "forbidden denied"},
		{`request.headers["authorization"] == "x"`, policy.Auth{}, nil, "", "forbidden denied"},
		{`auth.type != ""`, policy.Auth{}, nil, "Bearer", "missing_credentials unknown_sender"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var challenges []string
			if c.challenges != "" {
				challenges = []string{c.challenges, "Other"}
			}
			p, counts, errs := made(t, "'"+c.rule+"'", challenges...)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			x := exchange()
			x.Auth, x.Consumer = c.auth, c.consumer
			calls := 0
			_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { calls++; return &wire.Response{}, nil })
			got := ""
			if err != nil {
				pr := problem.From(err)
				got = pr.Name + " " + x.Denied.Reason
				if strings.Contains(pr.Error(), "CANARY") || counts[x.Denied.Reason] != 1 || (pr.Status == 401) != (len(pr.Header) == 2) {
					t.Errorf("%v, counted %v, with %v", pr.Error(), counts, pr.Header)
				}
			}
			if got != c.want || (calls == 1) != (c.want == "") {
				t.Errorf("got %q after %d calls, want %q; %v", got, calls, c.want, err)
			}
			x.Denied = policy.Denial{}
			v := p.Explain(x)
			if (v.Err == nil) != (c.want == "") || strings.Contains(v.Why, "CANARY") {
				t.Errorf("explained as %+v", v)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"auth.clams.x == 1":            "1:6",
		"[]":                           "the least is 1",
		"{dry_run: true}":              "give rules",
		"request.path":                 "true or false",
		"[{message: x}]":               "if",
		"[{if: 'true', status: 401}]":  "write 403 or 404",
		"response.status == 200":       "response",
		"['true', {if: 'tru'}]":        "authorize[1].if",
		"[{if: 'true', messages: no}]": `did you mean "message"`,
	} {
		if _, _, errs := made(t, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: %q, want %q", yaml, errs.Error(), want)
		}
	}
}

func TestHandleAllocatesNothing(t *testing.T) {
	p, _, errs := made(t, `['auth.claims.tenant == "acme" && "read" in auth.scopes', 'request.method in ["GET", "HEAD"] || consumer.plan == "gold"']`)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := exchange()
	x.Auth = policy.Auth{Type: "jwt", Scopes: []string{"read"}, Claims: map[string]any{"tenant": "acme"}}
	resp := &wire.Response{}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
